import { describe, expect, test } from 'vitest'
import { timing } from '../../../src/config/timing.ts'
import type { CoordinatorMessage } from '../../../src/core/group/messages.ts'
import { ReignHosting } from '../../../src/runtime/reign-hosting.ts'
import { ReignTopics } from '../../../src/runtime/reign-topics.ts'
import { Reigns, type ReignsOptions } from '../../../src/runtime/reigns.ts'
import { type Node, ReplicaWorld } from './replica-world.ts'

const GUARANTEES = { exclusion: 'fenced', survivesRestart: true, survivesPartition: true } as const

/** A voter whose leadership is as its test says. */
const throne = (world: ReplicaWorld, node: Node, more: Partial<ReignsOptions> = {}) => {
  const seen = { events: [] as string[], changes: 0 }
  const state: { leading: { term: number; generation: number } | undefined } = { leading: undefined }
  const reigns = new Reigns({
    clock: world.clock,
    wallMs: () => 0,
    replica: node.driver,
    served: { defaults: timing.local, groups: new Map(), fresh: true, limits: { groups: 10, membersPerGroup: 10 } },
    guarantees: GUARANTEES,
    telemetry: undefined,
    newInstanceId: () => `made up by ${node.id}`,
    leading: () => state.leading,
    leadsIn: (term) => state.leading?.term === term,
    slowMs: 1_000,
    told: (event) => void seen.events.push(Object.values(event).join(' ')),
    changed: () => void seen.changes++,
    onFault: (error) => {
      throw error
    },
    ...more,
  })
  const hosting = new ReignHosting({ guarantees: GUARANTEES, present: () => reigns.hosting, instanceId: () => 'c' })
  /** It is elected, or is not any more. */
  const elect = (term: number | undefined) => {
    state.leading = term === undefined ? undefined : { term, generation: 1_000 + term }
    reigns.review()
  }
  return { reigns, hosting, seen, state, elect }
}

const renew = (member: string, more: object = {}) => ({
  type: 'renew' as const,
  group: 'g',
  member,
  bootId: `boot-${member}`,
  sequence: 1,
  order: 0,
  holding: [],
  draining: [],
  acknowledged: [],
  ...more,
})

describe('a reign', () => {
  test('begins once a majority holds its generation, and not before', async () => {
    const world = new ReplicaWorld()
    const { reigns, hosting, seen, elect } = throne(world, world.a)
    world.cutOff.add('a')
    elect(1)
    await world.clock.play(500)
    expect([reigns.serving, seen.events]).toEqual([false, []])
    expect(() => hosting.attach(() => undefined)).toThrow('does not lead')
    expect(hosting.view()).toEqual({ clusterId: 'c', instanceId: 'c', generation: 1, groups: [] })
    world.cutOff.delete('a')
    await world.clock.play(200)
    expect([reigns.serving, seen.events]).toEqual([true, ['reign.started 1 1001']])
    expect(world.b.disk.found?.entry).toMatchObject({
      charter: { instanceId: 'made up by a', foundation: { generation: 1_001 } },
    })
    expect(hosting.view()).toMatchObject({ instanceId: 'made up by a', clusterId: 'made up by a', generation: 1_001 })
  })

  test('goes on from the last one: the same cluster, a later generation, and what is unclaimed waits', async () => {
    const world = new ReplicaWorld()
    const [a, b] = [throne(world, world.a), throne(world, world.b)]
    a.elect(1)
    await world.clock.play(200)
    const said: CoordinatorMessage[] = []
    const link = a.hosting.attach((messages) => void said.push(...messages))
    link.receive([renew('x')])
    await world.clock.play(timing.local.settleMs + 10)
    expect(a.hosting.viewOf('g')).toMatchObject({ state: 'settled', total: 1 })
    a.elect(undefined)
    b.elect(2)
    await world.clock.play(200)
    expect(b.seen.events).toEqual(['reign.started 2 1002'])
    expect(b.hosting.view()).toMatchObject({ instanceId: 'made up by a', generation: 1_002 })
    // Nobody has said that it is there no more, so who comes now waits for what somebody may hold.
    const late = await b.hosting.call(renew('y'))
    expect(late).toMatchObject({ state: 'settling' })
    await world.clock.play(timing.local.leaseMs / 2)
    expect(b.hosting.viewOf('g')).toMatchObject({ state: 'settling' })
  })

  test('in good order tells a majority who holds something, so that nobody has to wait', async () => {
    const world = new ReplicaWorld()
    const [a, b] = [throne(world, world.a), throne(world, world.b)]
    a.elect(1)
    await world.clock.play(200)
    const handed = a.reigns.handOver(150)
    await world.clock.play(10)
    await handed
    expect(a.seen.events).toEqual(['reign.started 1 1001', 'reign.ended 1 handedOver'])
    expect(world.c.disk.found?.entry?.charter.foundation.roll).toEqual({})
    a.elect(undefined)
    b.elect(2)
    await world.clock.play(10)
    await b.hosting.call(renew('y'))
    await world.clock.play(timing.local.settleMs + 10)
    expect(b.hosting.viewOf('g')).toMatchObject({ state: 'settled', total: 1 })
  })

  test('a dead majority does not hold the end up', async () => {
    const world = new ReplicaWorld()
    const { reigns, elect, seen } = throne(world, world.a)
    elect(1)
    await world.clock.play(200)
    world.cutOff.add('a')
    let ended = false
    void reigns.handOver(150).then(() => {
      ended = true
    })
    await world.clock.play(100)
    expect([ended, reigns.serving]).toEqual([false, false])
    await world.clock.play(60)
    expect([ended, seen.events.at(-1)]).toEqual([true, 'reign.ended 1 handedOver'])
  })

  test('is over at the first step that finds the lease over, and says nothing of it', async () => {
    const world = new ReplicaWorld()
    const { reigns, hosting, state, seen } = throne(world, world.a)
    state.leading = { term: 1, generation: 1_001 }
    reigns.review()
    await world.clock.play(200)
    const said: CoordinatorMessage[] = []
    const link = hosting.attach((messages) => void said.push(...messages))
    await world.clock.play()
    expect(said.map(({ type }) => type)).toEqual(['hello'])
    // Nobody is told: it is found when somebody comes.
    state.leading = undefined
    expect(reigns.serving).toBe(false)
    link.receive([renew('x')])
    await world.clock.play()
    expect(said.map(({ type }) => type)).toEqual(['hello'])
    expect(seen.events.at(-1)).toBe('reign.ended 1 leaseOver')
    await expect(hosting.call(renew('x'))).rejects.toMatchObject({ code: 'CAUCUS_NOT_LEADER' })
    expect(() => hosting.poll('x')).toThrow('does not lead')
  })

  test('a lease that is regained in the same term is another reign, under a later generation', async () => {
    const world = new ReplicaWorld()
    const { reigns, seen, elect, hosting } = throne(world, world.a)
    elect(1)
    await world.clock.play(200)
    const changes = seen.changes
    elect(undefined)
    elect(1)
    // Whoever looks now sees nobody, and can tell the two apart.
    expect([reigns.serving, seen.changes]).toEqual([false, changes + 1])
    await world.clock.play(200)
    expect(seen.events).toEqual(['reign.started 1 1001', 'reign.ended 1 leaseOver', 'reign.started 1 1002'])
    expect(hosting.counters()).toMatchObject({ generation: 1_002 })
  })

  test('a later leader that is heard of ends it, and it does not begin again in that term', async () => {
    const world = new ReplicaWorld()
    const [a, b] = [throne(world, world.a), throne(world, world.b)]
    world.superseded = (id) => (id === 'a' ? a : b).reigns.superseded()
    a.elect(1)
    await world.clock.play(200)
    b.elect(2)
    await world.clock.play(200)
    expect(a.seen.events.at(-1)).toBe('reign.ended 1 superseded')
    a.reigns.review()
    await world.clock.play(500)
    expect([a.reigns.serving, b.reigns.serving]).toEqual([false, true])
  })

  test('the word that nobody holds anything counts for the first leader only', async () => {
    const world = new ReplicaWorld()
    const [a, b] = [throne(world, world.a), throne(world, world.b)]
    a.elect(1)
    await world.clock.play(200)
    await a.hosting.call(renew('x'))
    await world.clock.play(timing.local.settleMs + 10)
    expect(a.hosting.viewOf('g')).toMatchObject({ state: 'settled' })
    a.elect(undefined)
    b.elect(2)
    await world.clock.play(200)
    await b.hosting.call(renew('y'))
    await world.clock.play(timing.local.settleMs + 10)
    expect(b.hosting.viewOf('g')).toMatchObject({ state: 'settling' })
  })

  test('leaves no timer behind', async () => {
    const world = new ReplicaWorld()
    const { reigns, elect } = throne(world, world.a)
    elect(1)
    await world.clock.play(200)
    await reigns.close()
    for (const { driver } of world.nodes.values()) driver.close()
    await world.clock.play()
    expect([reigns.serving, world.clock.pending]).toEqual([false, 0])
  })
})

test('whoever observes asks goes on observing them in the next reign', async () => {
  const world = new ReplicaWorld()
  const { reigns, elect } = throne(world, world.a)
  const topics = new ReignTopics(() => reigns.topics)
  const seen: string[] = []
  const unobserve = topics.observe(({ ending }) => void seen.push(ending))
  const ask = () =>
    topics.ask(
      'x',
      { topic: 't', payload: 1, until: 'all', withinMs: 100 },
      { answered: () => undefined, finished: () => undefined, failed: () => undefined },
    )
  expect(topics.sizes()).toMatchObject({ asks: 0, topics: 0 })
  expect(() => ask()).toThrow('does not lead')
  for (const term of [1, 2]) {
    elect(term)
    await world.clock.play(200)
    ask()
    await world.clock.play(200)
  }
  expect(seen).toHaveLength(2)
  unobserve()
  ask()
  await world.clock.play(200)
  expect(seen).toHaveLength(2)
  await reigns.close()
})
