import { expect, it } from 'vitest'
import { eventsAt, type Told } from '../../../src/backends/etcd/events.ts'
import { Keys } from '../../../src/backends/etcd/keys.ts'
import { Reader } from '../../../src/backends/etcd/reader.ts'
import type { ShareRecord } from '../../../src/backends/etcd/records.ts'
import { seededRandom } from '../../../src/core/random.ts'
import { SimulatedEtcd } from '../../../src/testing/etcd/engine.ts'
import { SimulatedClock } from '../../../src/testing/simulated-clock.ts'

const world = () => {
  const clock = new SimulatedClock(1_000)
  const etcd = new SimulatedEtcd({ clock, random: seededRandom(3), requestMs: 500 })
  const engine = etcd.engine('reader')
  const keys = new Keys('c/')
  const put = (key: string, value: unknown) =>
    etcd.store.transact({
      then: [{ type: 'put', key, value: typeof value === 'string' ? value : JSON.stringify(value) }],
    }).revision
  const key = keys.events('g')
  /** The last events that are kept: from one number to another. */
  const events = (from: number, to: number, generation = 7) =>
    put(key, {
      events: Array.from({ length: to - from + 1 }, (_, place) => ({
        revision: `${generation}-${from + place}`,
        atMs: 0,
        group: 'g',
        event: { type: 'group.settled', epoch: 1, members: 1 },
      })),
    })
  const follow = (after?: string) => {
    const told: string[] = []
    const name = (each: Told) => ('revision' in each ? each.revision : each.type)
    const reader = eventsAt({
      engine,
      key,
      after,
      clock,
      random: seededRandom(5).next,
      reconnectMaxMs: 100,
      signal: undefined,
    })
    const ended = (async () => {
      for await (const each of reader) told.push(name(each))
    })()
    return { told, ended, stop: () => reader.return() }
  }
  const soon = async <T>(promise: Promise<T>): Promise<T> => {
    let done = false
    void promise.finally(() => {
      done = true
    })
    while (!done) await clock.play(5)
    return promise
  }
  const join = (member: string, share: Partial<ShareRecord['message']>, { session }: { session?: number } = {}) => {
    const seat = { group: 'g', member, bootId: `${member}-1` }
    const message = {
      type: 'renew',
      ...seat,
      sequence: 1,
      order: 0,
      holding: [],
      draining: [],
      acknowledged: [],
      metadata: { of: member },
    }
    const revision = put(keys.session(seat), { generation: 7, message })
    put(keys.share(seat), {
      session: session ?? revision,
      heard: revision,
      message: {
        type: 'share',
        ...seat,
        generation: 7,
        incarnation: 70,
        sequence: 1,
        order: 1,
        state: 'settling',
        epoch: 71,
        leaseMs: 6_000,
        members: 1,
        share: { partitions: 4 },
        holding: [],
        revoked: [],
        ...share,
      },
    })
    return seat
  }
  return { clock, etcd, engine, keys, put, events, follow, soon, join, read: new Reader(engine, keys) }
}

it('events go on from a revision, or from now', async () => {
  const { clock, events, follow } = world()
  events(1, 3)
  const [all, some, none] = [follow('1-0'), follow('7-2'), follow()]
  await clock.play(50)
  events(1, 5)
  await clock.play(50)
  expect(all.told).toEqual(['7-1', '7-2', '7-3', '7-4', '7-5'])
  expect(some.told).toEqual(['7-3', '7-4', '7-5'])
  expect(none.told).toEqual(['7-4', '7-5'])
  await Promise.all([all.stop(), some.stop(), none.stop()])
})

it('what was forgotten is a gap, and what is still there comes after it', async () => {
  const { clock, events, follow } = world()
  events(5, 6)
  const { told, stop } = follow('7-2')
  await clock.play(50)
  expect(told).toEqual(['gap', '7-5', '7-6'])
  events(9, 10)
  await clock.play(50)
  expect(told.slice(3)).toEqual(['gap', '7-9', '7-10'])
  await stop()
})

it('a watch that breaks, or is compacted, costs nothing that is still there', async () => {
  const { clock, etcd, events, follow } = world()
  events(1, 1)
  const { told, stop } = follow('7-1')
  await clock.play(50)
  etcd.breakWatches()
  events(1, 3)
  etcd.compact()
  await clock.play(12_000)
  expect(told).toEqual(['7-2', '7-3'])
  await stop()
  expect(clock.pending).toBe(etcd.pending)
})

it('a coordinator that follows goes on where the one before was', async () => {
  const { clock, events, follow, put, keys } = world()
  events(1, 2)
  const { told, stop } = follow('7-2')
  await clock.play(50)
  const event = { type: 'group.settled', epoch: 1, members: 1 }
  put(keys.events('g'), {
    events: ['7-2', '9-1'].map((revision) => ({ revision, atMs: 0, group: 'g', event })),
  })
  await clock.play(50)
  expect(told).toEqual(['9-1'])
  await stop()
})

it('a revision that is none is refused at once', () => {
  const { follow } = world()
  expect(() => follow('yesterday')).toThrow(/generation-number/)
})

it('the end of the connection ends the loop', async () => {
  const { clock, engine, events, follow } = world()
  events(1, 2)
  await engine.close()
  const { told, ended } = follow('7-2')
  await clock.play(50)
  await ended
  expect(told).toEqual([])
})

it('a member is who has a session and was answered for that', async () => {
  const { soon, join, keys, put, etcd, read } = world()
  expect(await soon(read.group('g'))).toBeUndefined()
  join('a', {
    holding: [
      { item: 2, epoch: 71 },
      { item: 0, epoch: 72 },
    ],
  })
  join('b', { incarnation: 71, revoked: [{ item: 1, epoch: 71 }] })
  join('c', { incarnation: 72 }, { session: 1 })
  const gone = join('d', { incarnation: 73 })
  etcd.store.transact({ then: [{ type: 'delete', key: keys.session(gone) }] })
  put(keys.head('g'), { generation: 7, state: 'settled', epoch: 80, members: 2, share: { partitions: 4 } })
  put('c/sessions/g/x', 'nobody of ours')
  put('c/shares/g/y/z', '{"half')
  expect(await soon(read.group('g'))).toEqual({
    name: 'g',
    state: 'settled',
    epoch: 80,
    total: 2,
    share: { partitions: 4 },
    members: [
      { id: 'a', incarnation: 70, partitions: [0, 2], epoch: 72, metadata: { of: 'a' } },
      { id: 'b', incarnation: 71, partitions: [], epoch: 0, metadata: { of: 'b' }, revoked: [1] },
    ],
  })
})

it('of two processes of one name the newer is the member, and kept places count', async () => {
  const { soon, join, keys, put, read } = world()
  join('a', { incarnation: 70 })
  const seat = { group: 'g', member: 'a', bootId: 'a-2' }
  const revision = put(keys.session(seat), {
    generation: 7,
    message: { type: 'leave', ...seat, incarnation: 75, sequence: 3 },
  })
  put(keys.share(seat), {
    session: revision,
    heard: revision,
    message: {
      type: 'share',
      ...seat,
      generation: 7,
      incarnation: 75,
      sequence: 2,
      order: 1,
      state: 'settled',
      leaseMs: 6_000,
      members: 2,
      epoch: 71,
      holding: [],
      revoked: [],
      share: 'index',
    },
  })
  put(keys.head('g'), {
    generation: 7,
    state: 'settled',
    epoch: 80,
    members: 1,
    share: 'index',
    kept: [{ id: 'z', index: 2 }],
  })
  expect(await soon(read.group('g'))).toMatchObject({
    total: 2,
    members: [{ id: 'a', incarnation: 75 }],
    kept: [{ id: 'z', index: 2 }],
  })
  expect((await soon(read.groups())).map(({ name, total }) => [name, total])).toEqual([['g', 2]])
})
