import { memoryCluster, type SimulateOptions, simulate } from 'caucus/testing'
import { describe, expect, test } from 'vitest'

/** What somebody who writes JavaScript may give: no compiler looks at it. */
const given = (options: object) => simulate({ seed: 1, members: 2, ...options } as SimulateOptions)

describe('wrong arguments of a simulation are refused before anything runs', () => {
  test.each<[string, object]>([
    ['takes an object|knows no option', { fault: [] }],
    ['seed is 1.5', { seed: 1.5 }],
    ['seed is "7"', { seed: '7' }],
    ['members is "3"', { members: '3' }],
    ['handlers is {}', { handlers: {} }],
    ['forMs is Infinity', { forMs: Number.POSITIVE_INFINITY }],
    ['profile is "calm"', { profile: 'calm' }],
    ['faults\\[0\\] is "partitoin"', { faults: ['partitoin'] }],
    ['do not mix', { faults: [{ atMs: 1, fault: 'crash' }, 'partition'] }],
    ['atMs is NaN', { faults: [{ atMs: Number.NaN, fault: 'crash' }] }],
    ['has "forMS"', { faults: [{ atMs: 1, fault: 'pause', forMS: 5 }] }],
    ['there is no member "m9"', { faults: [{ atMs: 1, fault: 'crash', member: 'm9' }] }],
    ['say who joins', { faults: [{ atMs: 1, fault: 'join' }] }],
    ['needs byMs', { faults: [{ atMs: 1, fault: 'slow' }] }],
    ['protocols.m1 is 3', { protocols: { m1: 3 } }],
  ])('%s', async (message, options) => {
    await expect(given(options)).rejects.toMatchObject({
      code: 'CAUCUS_INVALID_ARGUMENT',
      message: expect.stringMatching(message),
    })
  })
})

describe('a cluster', () => {
  test('is not used after its end', async () => {
    const cluster = await memoryCluster({ members: 1 })
    await cluster.close()
    await expect(cluster.play(1)).rejects.toMatchObject({ code: 'CAUCUS_CLOSED' })
    expect(() => cluster.join()).toThrow('was closed')
  })

  test('says so when handlers give what is no program', async () => {
    const cluster = await memoryCluster({ members: 1, handlers: () => ({ onrevoke: () => undefined }) as object })
    await cluster.settled()
    await cluster.close()
    expect(cluster.check()).toMatchObject([{ invariant: 'Program', message: expect.stringContaining('"onrevoke"') }])
  })

  test('works on with builds of two versions, whichever side is the older one', async () => {
    const cluster = await memoryCluster({ members: 3, share: { partitions: 12 }, protocols: { m2: 1 } })
    await cluster.settled()
    await cluster.wait(cluster.coordinator.stop())
    cluster.coordinator.start({ protocol: 1 })
    await cluster.settled()
    expect(cluster.members.map(({ membership }) => membership.partitions.length)).toEqual([4, 4, 4])
    await cluster.close()
    expect(cluster.check()).toEqual([])
  })

  test('has a quick disk again after two slow spells that overlapped', async () => {
    const cluster = await memoryCluster({ members: 1 })
    cluster.coordinator.slowDisk(100, 1_000)
    await cluster.play(500)
    cluster.coordinator.slowDisk(5_000, 1_000)
    await cluster.play(2_000)
    cluster.coordinator.crash()
    cluster.coordinator.start()
    await cluster.play(100)
    expect(cluster.coordinator.state).toBe('up')
    await cluster.close()
  })
})
