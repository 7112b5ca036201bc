import { describe, expect, test } from 'vitest'
import { ELECTION, REGRANT_MS, Room, SETTINGS } from './etcd-coord-room.ts'

describe('who coordinates', () => {
  test('of many candidates one is elected, and everybody can read under which generation', async () => {
    const room = new Room()
    for (let number = 0; number < 20; number++) room.enter(`candidate-${number}`)
    await room.clock.play(500)
    expect(room.coordinators).toHaveLength(1)
    expect(room.coordinator).toEqual({ process: room.coordinators[0], generation: 1_700_000_001 })
    expect(room.foundation?.generation).toBe(1_700_000_001)
    expect(room.text(room.keys.instance)).toMatch(/^\w+$/)
    await room.close()
  })

  test('it stays the one for as long as it lives', async () => {
    const { room } = await Room.withOne()
    room.enter('two')
    const { generation } = room
    await room.clock.play(60_000)
    expect(room.coordinators).toEqual(['one'])
    expect(room.generation).toBe(generation)
    await room.close()
  })

  test('when it dies, another one begins under a later generation, of the same cluster', async () => {
    const { room, one } = await Room.withOne()
    room.enter('two')
    room.enter('three')
    await room.clock.play(100)
    const { generation } = room
    const instance = room.text(room.keys.instance)
    room.kill(one)
    await room.clock.play(1_000)
    expect(room.coordinators).toHaveLength(1)
    expect(room.generation).toBeGreaterThan(generation)
    expect(room.text(room.keys.instance)).toBe(instance)
    await room.close()
  })

  test('no timer, no watch and no call is left behind', async () => {
    const { room, one } = await Room.withOne()
    const two = room.enter('two')
    room.member('a').says()
    await room.clock.play(5_000)
    await room.close()
    expect(room.etcd.store.list(room.keys.coordinator)).toEqual([])
    expect([one.engine.pending, two.engine.pending]).toEqual([0, 0])
    expect(room.clock.alive).toBe(false)
    expect([...one.faults, ...two.faults]).toEqual([])
    await one.engine.close()
    await two.engine.close()
  })
})

describe('a way to etcd that was closed', () => {
  test('ends everything that needs it, quietly', async () => {
    const { room, one } = await Room.withOne()
    const two = room.enter('two')
    room.member('a').says()
    await room.clock.play(500)
    await one.engine.close()
    await two.engine.close()
    await room.clock.play(20_000)
    expect(room.coordinators).toEqual([])
    expect([...one.faults, ...two.faults]).toEqual([])
    expect(room.clock.pending - room.etcd.pending).toBe(0)
    await room.close()
  })
})

describe('what a member says is answered', () => {
  test('with the session that is meant, how much was heard, and a lease shorter than the one that is reckoned with', async () => {
    const { room } = await Room.withOne()
    const a = room.member('a')
    a.says()
    await room.clock.play(20)
    expect(a.answer).toMatchObject({ session: a.createRevision, heard: a.modRevision })
    expect(a.share).toMatchObject({ generation: room.generation, leaseMs: SETTINGS.leaseMs, holding: [] })
    await room.clock.play(200)
    expect(a.items).toEqual([0, 1])
    expect(room.head()).toMatchObject({ state: 'settled', members: 1, share: { partitions: 2 } })
    expect(room.events().map(({ event }) => event.type)).toEqual([
      'member.joined',
      'group.settling',
      'partition.granted',
      'partition.granted',
      'group.settled',
    ])
    await room.close()
  })

  test('partitions move to whoever comes, once they were let go', async () => {
    const { room } = await Room.withOne()
    const a = room.member('a')
    a.says()
    await room.clock.play(300)
    a.says()
    const b = room.member('b')
    b.says()
    await room.clock.play(300)
    expect(a.share?.revoked).toHaveLength(1)
    expect(b.items).toEqual([])
    const [moving] = a.share?.revoked ?? []
    a.says()
    await room.clock.play(20)
    expect(a.items).toHaveLength(1)
    expect(b.items).toEqual([moving?.item])
    expect(b.share?.holding[0]?.epoch).toBeGreaterThan(moving?.epoch ?? 0)
    await room.close()
  })

  test('a session that says nothing for an hour is still there', async () => {
    const { room } = await Room.withOne()
    const a = room.member('a')
    a.says()
    await room.clock.play(300)
    a.says()
    await room.clock.play(3_600_000)
    expect(a.items).toEqual([0, 1])
    expect(room.head()?.members).toBe(1)
    await room.close()
  }, 20_000)

  test('what a session had is free a lease after it was seen to be gone, and its answer goes with it', async () => {
    const { room } = await Room.withOne()
    const [a, b] = [room.member('a', 'tenure'), room.member('b', 'tenure')]
    a.says()
    await room.clock.play(20)
    b.says()
    await room.clock.play(20)
    a.says()
    expect([a.items, b.items]).toEqual([[0], []])
    await room.clock.play(60_000)
    a.dies()
    await room.clock.play(REGRANT_MS - 10)
    expect(a.answer).toBeUndefined()
    expect(b.items).toEqual([])
    await room.clock.play(50)
    expect(b.items).toEqual([0])
    expect(room.head(ELECTION)?.members).toBe(1)
    await room.close()
  })

  test('a session that comes back in time has what it had, and is answered as the session that it is', async () => {
    const { room } = await Room.withOne()
    const a = room.member('a')
    a.says()
    await room.clock.play(300)
    const { holding } = a.share ?? {}
    a.dies()
    await room.clock.play(100)
    a.says()
    await room.clock.play(20)
    expect(a.answer).toMatchObject({ session: a.createRevision, heard: a.modRevision })
    expect(a.share?.holding).toEqual(holding)
    await room.clock.play(60_000)
    expect(room.head()?.members).toBe(1)
    await room.close()
  })

  test('the same word under another session is answered anew', async () => {
    const { room } = await Room.withOne()
    const a = room.member('a')
    const first = { type: 'renew', ...a.seat, sequence: 1, order: 0, share: { partitions: 2 } } as const
    const message = { ...first, holding: [], draining: [], acknowledged: [] }
    a.put(message)
    await room.clock.play(20)
    a.dies()
    await room.clock.play(20)
    a.put(message)
    await room.clock.play(20)
    expect(a.answer).toMatchObject({ session: a.createRevision, heard: a.modRevision })
    await room.close()
  })

  test('whoever leaves is told so, and frees what it had at once', async () => {
    const { room } = await Room.withOne()
    const [a, b] = [room.member('a', 'tenure'), room.member('b', 'tenure')]
    a.says()
    await room.clock.play(20)
    b.says()
    await room.clock.play(20)
    a.leaves()
    await room.clock.play(20)
    expect(a.answer?.message).toMatchObject({ type: 'left' })
    expect(b.items).toEqual([0])
    await room.close()
  })
})

describe('what was said to an earlier coordinator', () => {
  test('is no claim; whoever says it again to the new one keeps what it has', async () => {
    const { room, one } = await Room.withOne()
    const a = room.member('a')
    a.says()
    await room.clock.play(300)
    a.says()
    await room.clock.play(20)
    const { holding } = a.share ?? {}
    const before = room.generation
    room.enter('two')
    await room.clock.play(100)
    room.kill(one)
    await room.clock.play(1_000)
    expect(room.coordinators).toEqual(['two'])
    // Its share of before lies there, untouched: it has not been answered.
    expect(a.share?.generation).toBe(before)
    a.says()
    await room.clock.play(20)
    expect(a.share).toMatchObject({ generation: room.generation, holding })
    await room.close()
  })

  test('what nobody claims is nobody else’s before the longest lease of before has run out', async () => {
    const { room, one } = await Room.withOne()
    const a = room.member('a', 'tenure')
    a.says()
    await room.clock.play(100)
    room.enter('two')
    await room.clock.play(100)
    room.kill(one)
    await room.clock.play(500)
    expect(room.coordinators).toEqual(['two'])
    const b = room.member('b', 'tenure')
    b.says()
    await room.clock.play(REGRANT_MS - 600)
    expect(b.items).toEqual([])
    await room.clock.play(700)
    expect(b.items).toEqual([0])
    await room.close()
  })

  test('after a hand-over in good order nobody waits for a lease that nobody has', async () => {
    const { room, one } = await Room.withOne()
    const [a, b] = [room.member('a', 'tenure'), room.member('b', 'tenure')]
    a.says()
    await room.clock.play(100)
    a.says()
    b.says()
    await room.clock.play(20)
    const two = room.enter('two')
    await room.clock.play(100)
    const closing = one.coordinating.close()
    await room.clock.play(20)
    expect(room.foundation?.roll).toEqual({ [ELECTION]: ['boot-a'] })
    await room.clock.play(1_000)
    await closing
    expect(room.coordinators).toEqual(['two'])
    // Whoever had it says that it has nothing any more.
    a.says({ holding: [] })
    b.says()
    await room.clock.play(20)
    expect([...a.items, ...b.items]).toEqual([0])
    expect(two.faults).toEqual([])
    await room.close()
  })
})

describe('what lies in etcd', () => {
  test('and is none of ours is ignored aloud', async () => {
    const { room, one } = await Room.withOne()
    const { sessions } = room.keys
    room.write(`${sessions}g/a/boot`, 'no JSON')
    room.write(`${sessions}g/%61/boot`, '{}')
    room.write(`${sessions}g/b/boot`, JSON.stringify({ generation: room.generation, message: { type: 'renew' } }))
    const stolen = { type: 'leave', group: 'g', member: 'a', bootId: 'x', incarnation: 1, sequence: 1 }
    room.write(`${sessions}g/c/boot`, JSON.stringify({ generation: room.generation, message: stolen }))
    await room.clock.play(100)
    const complaints = one.logs.filter((line) => line.includes('is ignored'))
    expect(complaints.map((line) => /"fault":"([^"]*)/.exec(line)?.[1])).toEqual([
      'it is not JSON',
      'its key names no member',
      'message 1 (renew): lacks the field \\',
      'it is about another member',
    ])
    expect(room.head()).toBeUndefined()
    const a = room.member('a')
    a.says()
    await room.clock.play(20)
    expect(a.share).toBeDefined()
    await room.close()
  })

  test('as a foundation and is none keeps everybody from coordinating, and the log says what to do', async () => {
    const room = new Room()
    room.write(room.keys.foundation, '{"generation":"many"}')
    const one = room.enter('one')
    await room.clock.play(5_000)
    expect(room.coordinators).toEqual([])
    expect(one.logs.join()).toContain('is no foundation of ours')
    expect(one.faults).toEqual([])
    await room.close()
  })

  test('of whoever went while nobody coordinated is taken away', async () => {
    const { room, one } = await Room.withOne()
    const [a, b] = [room.member('a'), room.member('b', { partitions: 2 }, 'other')]
    a.says()
    b.says()
    await room.clock.play(300)
    room.kill(one)
    b.dies()
    await room.clock.play(100)
    expect(b.answer).toBeDefined()
    room.enter('two')
    await room.clock.play(200)
    expect(b.answer).toBeUndefined()
    expect(a.answer).toBeDefined()
    expect(room.head('other')).toBeDefined()
    await room.clock.play(6_000)
    expect(room.head('other')).toBeUndefined()
    expect(room.events('other')).toEqual([])
    expect(room.events('g')).not.toEqual([])
    await room.close()
  })

  test('is found again after the watch was lost, or came too late', async () => {
    const { room, one } = await Room.withOne()
    const [a, b, c] = [room.member('a'), room.member('b'), room.member('c')]
    a.says()
    b.says()
    await room.clock.play(300)
    const lift = one.engine.cutOff()
    b.dies()
    c.says()
    a.dies()
    a.says()
    room.etcd.compact()
    room.etcd.breakWatches('one')
    lift()
    await room.clock.play(2_000)
    expect(room.coordinators).toEqual(['one'])
    expect(a.answer?.session).toBe(a.createRevision)
    expect(c.answer?.session).toBe(c.createRevision)
    expect(b.answer).toBeUndefined()
    await room.close()
  })

  test('goes on with the events that an earlier coordinator left, 64 of them at most', async () => {
    const { room, one } = await Room.withOne()
    for (let number = 0; number < 20; number++) {
      const a = room.member(`a-${number}`, 'tenure')
      a.says()
      await room.clock.play(10)
      a.leaves()
      await room.clock.play(10)
      a.dies()
    }
    const before = room.events(ELECTION)
    room.kill(one)
    room.enter('two')
    await room.clock.play(500)
    room.member('b', 'tenure').says()
    await room.clock.play(20)
    const after = room.events(ELECTION)
    expect(after.map(({ revision }) => revision)).toContain(before.at(-1)?.revision)
    expect(after.length).toBeLessThanOrEqual(64)
    expect(after.at(-1)?.revision).toMatch(new RegExp(`^${room.generation}-`))
    await room.close()
  })
})
