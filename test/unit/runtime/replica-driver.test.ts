import { describe, expect, test } from 'vitest'
import type { Charter } from '../../../src/core/replication/messages.ts'
import { ReplicaWorld } from './replica-world.ts'

const charter = (generation: number): Charter => ({
  instanceId: 'i',
  foundation: { generation, defaultCeilingMs: 1_000, ceilingsMs: {} },
})

/** What became of it, without waiting for it. */
const outcome = <Value>(promise: Promise<Value>) => {
  const seen: { value?: Value; error?: unknown } = {}
  promise.then(
    (value) => {
      seen.value = value
    },
    (error: unknown) => {
      seen.error = error
    },
  )
  return seen
}

describe('the copies of the charter', () => {
  test('a leader finds what the last one kept, once a majority has answered', async () => {
    const { clock, a, b, cutOff } = new ReplicaWorld()
    const first = a.driver.lead(1)
    await clock.play(200)
    expect(await first).toBeUndefined()
    const kept = a.driver.save(charter(7))
    await clock.play()
    await kept
    cutOff.add('a')
    const second = b.driver.lead(2)
    await clock.play(200)
    expect(await second).toMatchObject({ term: 1, charter: charter(7) })
    expect(b.disk.found).toMatchObject({ storeId: 'b-store', promised: 2 })
  })

  test('nothing is kept while no majority is there, and it is kept as soon as one is', async () => {
    const { clock, a, cutOff } = new ReplicaWorld()
    const led = a.driver.lead(1)
    await clock.play(200)
    await led
    cutOff.add('a')
    const kept = outcome(a.driver.save(charter(1)))
    await clock.play(500)
    expect(kept).toEqual({})
    cutOff.delete('a')
    await clock.play(100)
    expect(kept).toHaveProperty('value')
  })

  test('a voter whose disk stands still answers nothing, and the others suffice', async () => {
    const { clock, a, b, c } = new ReplicaWorld()
    await clock.play(200)
    b.disk.mood = 'stuck'
    const saidByB = b.said.length
    const led = a.driver.lead(1)
    await clock.play(200)
    expect(await led).toBeUndefined()
    expect(b.said).toHaveLength(saidByB)
    c.disk.mood = 'stuck'
    const kept = outcome(a.driver.save(charter(1)))
    await clock.play(500)
    expect(kept).toEqual({})
  })

  test('whoever is superseded or retired hears that nobody knows what became of it', async () => {
    const world = new ReplicaWorld()
    const { clock, a, b, cutOff } = world
    const led = a.driver.lead(1)
    await clock.play(200)
    await led
    cutOff.add('a')
    const lost = outcome(a.driver.save(charter(1)))
    const next = b.driver.lead(2)
    await clock.play(200)
    await next
    expect(lost).toEqual({})
    cutOff.delete('a')
    await clock.play(200)
    expect(lost.error).toMatchObject({ code: 'CAUCUS_LEADERSHIP_LOST', definite: false })
    expect(a.superseded).toBe(1)
    const mine = outcome(b.driver.save(charter(2)))
    b.driver.retire()
    await clock.play()
    expect(mine.error).toMatchObject({ code: 'CAUCUS_LEADERSHIP_LOST' })
  })

  test('what could not be told to the others is refused before anybody is told', async () => {
    const { clock, a } = new ReplicaWorld()
    const led = a.driver.lead(1)
    await clock.play(200)
    await led
    const said = a.said.length
    const roll = { g: Array.from({ length: 20_000 }, (_, n) => `boot-of-a-member-with-a-long-name-${n}`) }
    const { foundation } = charter(1)
    await expect(a.driver.save({ instanceId: 'i', foundation: { ...foundation, roll } })).rejects.toMatchObject({
      code: 'CAUCUS_TOO_LARGE',
    })
    expect(a.said).toHaveLength(said)
  })

  test('once it is closed no timer is left, and whoever waits is told', async () => {
    const { clock, a, b, c, cutOff } = new ReplicaWorld()
    cutOff.add('a')
    const waiting = outcome(a.driver.lead(1))
    for (const { driver } of [a, b, c]) driver.close()
    await clock.play()
    expect(waiting.error).toMatchObject({ code: 'CAUCUS_NOT_LEADER' })
    await expect(a.driver.lead(2)).rejects.toMatchObject({ code: 'CAUCUS_NOT_LEADER' })
    expect(clock.pending).toBe(0)
  })
})
