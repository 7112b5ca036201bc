import { describe, expect, test } from 'vitest'
import { epochOf } from '../../../src/core/lease.ts'
import { ELECTION, REGRANT_MS, Room, SETTINGS, WRITE_MS } from './etcd-coord-room.ts'

describe('a coordinator that cannot write', () => {
  test('decides nothing any more, withdraws, and whoever is next starts as after a crash', async () => {
    const { room, one } = await Room.withOne()
    const a = room.member('a', 'tenure')
    a.says()
    await room.clock.play(100)
    a.says()
    room.enter('two')
    await room.clock.play(100)
    const { generation } = room
    // It hears everything, and nobody hears it.
    one.engine.block('requests')
    const b = room.member('b', 'tenure')
    b.says()
    await room.clock.play(WRITE_MS - 50)
    expect(room.coordinators).toEqual(['one'])
    await room.clock.play(100)
    expect(room.coordinators).toEqual([])
    await room.clock.play(6_000)
    expect(room.coordinators).toEqual(['two'])
    expect(room.generation).toBeGreaterThan(generation)
    expect(room.foundation?.roll).toBeUndefined()
    expect(one.faults).toEqual([])
    await room.close()
  })

  test('grants nothing that it took away without a word in time', async () => {
    const { room, one } = await Room.withOne()
    const [a, b] = [room.member('a', { partitions: 1 }), room.member('b', { partitions: 1 })]
    a.says()
    await room.clock.play(300)
    a.says()
    b.says({ weight: 5 })
    await room.clock.play(300)
    // It drains for ever; the coordinator stops renewing it, and cannot say so.
    const { revoked = [] } = a.share ?? {}
    a.says({ holding: [], draining: revoked, acknowledged: [], weight: 0 })
    await room.clock.play(SETTINGS.drainLimitMs - 400)
    const lift = one.engine.block('requests')
    await room.clock.play(WRITE_MS + 1_000)
    lift()
    const believesUntil = room.clock.now() + SETTINGS.leaseMs
    await room.clock.play(believesUntil - room.clock.now())
    expect(b.items).toEqual([])
    await room.clock.play(2 * REGRANT_MS)
    b.says()
    await room.clock.play(1_000)
    expect(b.items).toEqual([0])
    await room.close()
  })

  test('is not the one whose late write counts', async () => {
    const { room, one } = await Room.withOne()
    const a = room.member('a', 'tenure')
    a.says()
    await room.clock.play(100)
    a.says()
    room.enter('two')
    await room.clock.play(100)
    // What it writes now travels for ten seconds.
    Object.assign(one.engine.faults, { late: 1, lateMs: 20_000 })
    room.member('b', 'tenure').says()
    await room.clock.play(WRITE_MS + 200)
    expect(room.coordinators).not.toContain('one')
    await room.clock.play(5_000)
    Object.assign(one.engine.faults, { late: 0 })
    expect(room.coordinators).toEqual(['two'])
    const { generation } = room
    a.says()
    await room.clock.play(100)
    const share = room.text(room.keys.share(a.seat))
    await room.clock.play(30_000)
    expect(room.text(room.keys.share(a.seat))).toBe(share)
    expect(room.generation).toBe(generation)
    await room.close()
  })

  test('goes on when etcd was away for less than that', async () => {
    const { room, one } = await Room.withOne()
    const { generation } = room
    const a = room.member('a')
    a.says()
    await room.clock.play(5)
    room.etcd.stop()
    await room.clock.play(WRITE_MS / 2)
    room.etcd.start()
    await room.clock.play(2_000)
    expect(room.coordinators).toEqual(['one'])
    expect(room.generation).toBe(generation)
    expect(a.items).toEqual([0, 1])
    expect(one.faults).toEqual([])
    await room.close()
  })
})

describe('a coordinator that is not one any more', () => {
  test('ends as soon as it sees that its key is gone', async () => {
    const { room, one } = await Room.withOne()
    const lease = room.etcd.store.leaseOf(room.keys.coordinator)
    room.etcd.expire(lease ?? '')
    await room.clock.play(10)
    expect(room.coordinators).toEqual([])
    await room.clock.play(2_000)
    expect(room.coordinators).toEqual(['one'])
    expect(one.faults).toEqual([])
    await room.close()
  })

  test('writes nothing, though it has seen nothing', async () => {
    const { room, one } = await Room.withOne()
    room.etcd.lagWatches(60_000, 'one')
    room.etcd.expire(room.etcd.store.leaseOf(room.keys.coordinator) ?? '')
    room.enter('two')
    await room.clock.play(1_000)
    expect(room.coordinator?.process).toBe('two')
    const { generation } = room
    const a = room.member('a')
    a.says()
    await room.clock.play(100)
    expect(a.share?.generation).toBe(generation)
    await room.close()
    expect(one.faults).toEqual([])
  })

  test('stands again when etcd had forgotten its lease', async () => {
    const { room, one } = await Room.withOne()
    const lift = one.engine.cutOff()
    await room.clock.play(20_000)
    expect(room.coordinator).toBeUndefined()
    lift()
    await room.clock.play(10_000)
    expect(room.coordinators).toEqual(['one'])
    expect(room.coordinator?.generation).toBe(room.foundation?.generation)
    await room.close()
  })
})

describe('an election whose answer is lost', () => {
  test('is tried again, and leaves no key behind that nobody keeps', async () => {
    const room = new Room()
    const one = room.enter('one')
    Object.assign(one.engine.faults, { answerLost: 1 })
    await room.clock.play(4_000)
    Object.assign(one.engine.faults, { answerLost: 0 })
    await room.clock.play(20_000)
    expect(room.coordinators).toEqual(['one'])
    expect(one.faults).toEqual([])
    await room.close()
    expect(room.coordinator).toBeUndefined()
  })

  test('during a hand-over the others wait for no longer than its lease', async () => {
    const { room, one } = await Room.withOne()
    room.enter('two')
    await room.clock.play(100)
    one.engine.cutOff()
    const closing = one.coordinating.close()
    await room.clock.play(10_000)
    await closing
    expect(room.coordinators).toEqual(['two'])
    await room.close()
  })

  test('nothing of a candidate is left that is closed while it stands', async () => {
    for (let afterMs = 0; afterMs < 60; afterMs += 3) {
      const room = new Room()
      const one = room.enter('one')
      await room.clock.play(afterMs)
      await room.close()
      expect(room.coordinator).toBeUndefined()
      expect(one.engine.pending).toBe(0)
      expect(room.clock.alive).toBe(false)
    }
  })
})

describe('a store that nobody has written to', () => {
  test('proves nothing: at first nothing is granted for a lease', async () => {
    const { room } = await Room.withOne({ fresh: false })
    const a = room.member('a', 'tenure')
    a.says()
    await room.clock.play(REGRANT_MS - 300)
    expect(a.items).toEqual([])
    await room.clock.play(400)
    expect(a.items).toEqual([0])
    expect(room.head(ELECTION)?.epoch).toBeGreaterThan(0)
    await room.close()
  })

  test('after another backend, tokens go on from the generation that was given', async () => {
    const { room } = await Room.withOne({ leastGeneration: 4_000_000_000 })
    expect(room.generation).toBe(4_000_000_000)
    await room.close()
  })

  test('is said to be fresh only once: the next coordinator waits', async () => {
    const { room, one } = await Room.withOne()
    room.enter('two', { fresh: true })
    await room.clock.play(100)
    room.kill(one)
    await room.clock.play(1_000)
    const a = room.member('a', 'tenure')
    a.says()
    await room.clock.play(1_000)
    expect(a.items).toEqual([])
    await room.close()
  })
})

describe('thousands of members', () => {
  test('who come at once are all answered, by a coordinator that keeps up', async () => {
    const { room, one } = await Room.withOne()
    const members = Array.from({ length: 1_000 }, (_, number) => room.member(`m-${number}`, { partitions: 256 }))
    for (const member of members) member.says()
    await room.clock.play(1_000)
    expect(room.etcd.store.list(room.keys.shares)).toHaveLength(members.length)
    expect(room.coordinators).toEqual(['one'])
    expect(one.faults).toEqual([])
    await room.close()
  }, 30_000)

  test('an etcd that needs longer than a first attempt waits is waited for', async () => {
    const room = new Room(WRITE_MS / 5)
    room.enter('one', { fresh: true })
    await room.clock.play(6_000)
    const a = room.member('a', { partitions: 4 })
    a.says()
    await room.clock.play(4_000)
    expect(a.items).toHaveLength(4)
    expect(room.coordinators).toEqual(['one'])
    await room.close()
  })

  test('by a slow etcd too: no more is decided than can be written in time', async () => {
    const room = new Room(100)
    const one = room.enter('one', { fresh: true })
    await room.clock.play(3_000)
    const { generation } = room
    const members = Array.from({ length: 1_000 }, (_, number) => room.member(`m-${number}`, { partitions: 256 }))
    for (const member of members) member.says()
    await room.clock.play(6_000)
    expect(room.etcd.store.list(room.keys.shares)).toHaveLength(members.length)
    expect(one.logs.filter((line) => line.startsWith('warn'))).toEqual([])
    expect(room.generation).toBe(generation)
    await room.close()
  }, 30_000)
})

describe('a claim to more than this coordinator ever gave', () => {
  test('makes it take a later generation, which all can read before anything is granted under it', async () => {
    const { room } = await Room.withOne()
    const a = room.member('a', 'tenure')
    a.says()
    await room.clock.play(100)
    const before = room.generation
    const b = room.member('b', 'tenure')
    const epoch = epochOf(before + 7, 5)
    b.says({ incarnation: epoch, generation: before, holding: [{ item: 0, epoch }] })
    await room.clock.play(100)
    expect(b.answer?.message).toMatchObject({ type: 'refused', code: 'CAUCUS_UNAVAILABLE' })
    expect(room.generation).toBe(before + 8)
    expect(room.foundation?.generation).toBe(before + 8)
    // What it had given before is no answer any more. Whoever says it again is answered.
    expect(a.share?.generation).toBe(before)
    a.says()
    await room.clock.play(20)
    expect(a.share?.generation).toBe(before + 8)
    await room.close()
  })
})

describe('a fault of ours', () => {
  test('ends this process’s part, and somebody else coordinates', async () => {
    const room = new Room()
    const one = room.enter('one', {
      telemetry: {
        event: () => {
          throw new Error('broken invariant')
        },
        count: () => undefined,
        gauge: () => undefined,
        duration: () => undefined,
        log: () => undefined,
      },
    })
    await room.clock.play(100)
    room.enter('two')
    await room.clock.play(100)
    expect(room.coordinators).toEqual(['one'])
    room.member('a').says()
    await room.clock.play(2_000)
    expect(one.faults.map(String)).toEqual(['Error: broken invariant'])
    expect(room.coordinators).toEqual(['two'])
    expect(room.foundation?.roll).toBeUndefined()
    await room.close()
  })
})
