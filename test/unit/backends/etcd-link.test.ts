import { expect, it, vi } from 'vitest'
import { HEARTBEAT_MS, leave, renewal, SEAT, world } from './etcd-link-world.ts'

it('opens once a first coordinator is known, and hears of the next one at once', async () => {
  const { play, clock, link, opened, coordinate, news } = world()
  await play(3_000)
  expect(opened).toEqual([])
  coordinate(undefined)
  await play(2_000)
  expect(opened).toEqual([])
  coordinate(7)
  await play(10)
  expect(opened).toMatchObject([{ instanceId: 'cluster', generation: 7 }])
  coordinate(9)
  await play(10)
  expect(news()).toMatchObject([{ type: 'hello', generation: 9 }])
  await link.close()
  expect(clock.alive).toBe(false)
})

it('writes a first word, and reads from then on; every reading is an answer to the very send', async () => {
  const { play, link, record, answer, coordinate, shares, session } = world()
  coordinate(7)
  await play(50)
  link.send([renewal(1, { metadata: { zone: 'x' } })])
  await play(10)
  expect(record()).toMatchObject({ generation: 7, message: { sequence: 1, metadata: { zone: 'x' } } })
  expect(shares()).toEqual([])
  answer()
  await play(10)
  // The watch brought it, under the only renewal that there was.
  expect(shares()).toMatchObject([{ sequence: 1, heard: 1, order: 1 }])
  const written = session()?.modRevision
  link.send([renewal(2, { order: 1, incarnation: 71, generation: 7 })])
  await play(10)
  link.send([renewal(3, { order: 2, incarnation: 71, generation: 7 })])
  await play(10)
  expect(shares()).toMatchObject([
    { sequence: 2, heard: 2, order: 2 },
    { sequence: 3, heard: 3, order: 3 },
  ])
  expect(session()?.modRevision).toBe(written)
})

it('quotes the orders of the coordinator, however often its answers were read', async () => {
  const { play, link, record, answer, joined, shares } = world()
  await joined()
  for (let sequence = 2; sequence <= 9; sequence++) {
    link.send([renewal(sequence, { order: sequence - 1, incarnation: 71, generation: 7 })])
    await play(10)
  }
  answer({ holding: [{ item: 0, epoch: 75 }] })
  await play(10)
  const last = shares().at(-1)
  expect(last).toMatchObject({ sequence: 9, holding: [{ item: 0, epoch: 75 }] })
  // It has seen it, and let it go since.
  link.send([
    renewal(10, { order: last?.order ?? 0, incarnation: 71, generation: 7, acknowledged: [{ item: 0, epoch: 75 }] }),
  ])
  await play(10)
  expect(record()?.message).toMatchObject({ sequence: 10, order: 2, acknowledged: [{ item: 0, epoch: 75 }] })
})

it('who has read before its watch began reads again, and misses nothing in between', async () => {
  const { play, clock, link, engine, answer, coordinate, shares } = world()
  coordinate(7)
  await play(50)
  const watch = engine.watch.bind(engine)
  // The way to a watch is longer than that to the first answer.
  vi.spyOn(engine, 'watch').mockImplementation((prefix, from, sink) => {
    let close = () => timer.clear()
    const timer = clock.setTimer(clock.now() + 20, () => {
      close = () => watching.close()
      const watching = watch(prefix, from, sink)
    })
    return { close: () => close() }
  })
  link.send([renewal(1)])
  await play(10)
  answer()
  expect(shares()).toEqual([])
  await play(20)
  expect(shares()).toMatchObject([{ sequence: 1, heard: 1 }])
})

it('what was said counts as heard once the record was processed, however often the share is read', async () => {
  const { play, link, answer, joined, shares, session } = world()
  await joined()
  const before = session()?.modRevision
  const acknowledged = [{ item: 0, epoch: 73 }]
  const known = { order: 1, incarnation: 71, generation: 7 }
  link.send([renewal(2, { ...known, acknowledged })])
  await play(10)
  link.send([renewal(3, { ...known, acknowledged })])
  await play(10)
  expect(shares()).toMatchObject([
    { sequence: 2, heard: 1 },
    { sequence: 3, heard: 1 },
  ])
  answer({}, before)
  await play(10)
  expect(shares()).toMatchObject([{ sequence: 3, heard: 1 }])
  answer()
  await play(10)
  expect(shares()).toMatchObject([{ sequence: 3, heard: 3 }])
})

it('says what it holds to each coordinator anew, and believes nothing of the one before', async () => {
  const { play, link, record, coordinate, joined, news, answer } = world()
  await joined()
  coordinate(9)
  await play(10)
  expect(news()).toMatchObject([{ type: 'hello', generation: 9 }])
  const holding = [{ item: 1, epoch: 74 }]
  link.send([renewal(2, { order: 0, incarnation: 71, generation: 9, holding })])
  await play(10)
  expect(news()).toEqual([])
  expect(record()).toMatchObject({ generation: 9, message: { sequence: 2, holding } })
  answer({ generation: 9, holding })
  await play(10)
  expect(news()).toMatchObject([{ type: 'share', generation: 9, sequence: 2, holding }])
})

it('renews by reading while nobody coordinates', async () => {
  const { play, link, etcd, keys, joined, shares } = world()
  await joined()
  etcd.store.transact({ then: [{ type: 'delete', key: keys.coordinator }] })
  link.send([renewal(2, { order: 1, incarnation: 71, generation: 7 })])
  await play(10)
  expect(shares()).toMatchObject([{ sequence: 2 }])
})

it('a share that is meant for an earlier session is none', async () => {
  const { play, link, etcd, closed, lease, joined, news, session, answer, shares } = world()
  await joined()
  const before = session()?.createRevision
  etcd.expire(lease() ?? '')
  link.send([renewal(2, { order: 1, incarnation: 71, generation: 7 })])
  await play(2_000)
  // With its lease the sessions are gone; they come back under another one.
  expect(closed).toHaveLength(1)
  link.send([renewal(3, { order: 1, incarnation: 71, generation: 7 })])
  await play(10)
  expect(session()?.createRevision).toBeGreaterThan(before ?? 0)
  link.send([renewal(4, { order: 1, incarnation: 71, generation: 7 })])
  await play(10)
  expect(news().filter(({ type }) => type === 'share')).toEqual([])
  answer({ incarnation: 76, order: 1 })
  await play(10)
  expect(shares()).toMatchObject([{ incarnation: 76, sequence: 4 }])
})

it('a write of which nobody knows is written again, and neither of the two can undo the other', async () => {
  const { play, link, engine, record, joined, session, shares } = world()
  await joined()
  const lift = engine.block('answers')
  const known = { order: 1, incarnation: 71, generation: 7 }
  link.send([renewal(2, { ...known, weight: 2 })])
  await play(600)
  const written = session()?.modRevision
  expect(record()?.message).toMatchObject({ weight: 2 })
  lift()
  // Back to what was said before: what lies there must not stay.
  link.send([renewal(3, known)])
  await play(20)
  expect(record()?.message).toMatchObject({ sequence: 3 })
  expect(record()?.message).not.toHaveProperty('weight')
  expect(session()?.modRevision).toBeGreaterThan(written ?? 0)
  expect(shares().at(-1)).toMatchObject({ sequence: 3, heard: 1 })
})

it('a leave is said until it is heard, and then nothing of the member is left', async () => {
  const { play, link, engine, record, joined, session, end, news, keys, etcd } = world()
  await joined()
  const lift = engine.cutOff()
  link.send([leave(2)])
  await play(700)
  lift()
  await play(1_500)
  expect(record()).toMatchObject({ generation: 7, message: { type: 'leave' } })
  end('left')
  await play(10)
  expect(news()).toMatchObject([{ type: 'left' }])
  expect(session()).toBeUndefined()
  expect(etcd.store.list(keys.shares)).toEqual([])
})

it('a member that was fenced says that it has let go before its seat is taken away', async () => {
  const { play, link, put, keys, record, session, joined, news, end } = world()
  await joined()
  const refused = { type: 'refused', ...SEAT, code: 'CAUCUS_FENCED', message: 'a newer one is here' }
  link.send([renewal(2, { order: 1, incarnation: 71, generation: 7 }), leave(3)])
  put(keys.share(SEAT), { session: session()?.createRevision, heard: session()?.modRevision, message: refused })
  await play(100)
  expect(news()).toMatchObject([{ type: 'refused', code: 'CAUCUS_FENCED' }])
  expect(record()).toMatchObject({ message: { type: 'leave' } })
  end('left')
  await play(10)
  expect(session()).toBeUndefined()
})

it('what is refused for the moment is said again with the next beat', async () => {
  const { play, link, put, keys, record, session, news, coordinate } = world()
  coordinate(7)
  await play(50)
  link.send([renewal(1)])
  await play(10)
  const refused = { type: 'refused', ...SEAT, code: 'CAUCUS_OVERLOADED', message: 'later' }
  put(keys.share(SEAT), { session: session()?.createRevision, heard: session()?.modRevision, message: refused })
  await play(10)
  expect(news()).toMatchObject([{ code: 'CAUCUS_OVERLOADED' }])
  link.send([renewal(2)])
  await play(10)
  expect(record()?.message.sequence).toBe(2)
  // It was told once.
  expect(news()).toEqual([])
})

it('a membership that its process has dropped is withdrawn after a lease', async () => {
  const { play, joined, session } = world()
  await joined()
  await play(5_000)
  expect(session()).toBeDefined()
  await play(3_000)
  expect(session()).toBeUndefined()
})

it('a first word that arrives after all is not left there', async () => {
  const { play, link, engine, etcd, coordinate, session, answer, end } = world()
  coordinate(7)
  await play(50)
  link.send([renewal(1)])
  await play(3)
  engine.faults.late = 1
  engine.faults.lateMs = 8_000
  link.send([renewal(2)])
  await play(600)
  engine.faults.late = 0
  link.send([renewal(3)])
  await play(20)
  answer()
  link.send([leave(4)])
  await play(20)
  end('left')
  await play(20)
  await play(20_000)
  expect(session()).toBeUndefined()
  expect(etcd.isUp).toBe(true)
})

it.each([
  ['no JSON', '{"session":'],
  ['a share without anything in it', { message: { type: 'share', ...SEAT } }],
  ['a share of somebody else', { message: { type: 'left', ...SEAT, member: 'other' } }],
  ['a hello', { message: { type: 'hello', ...SEAT, protocol: 2 } }],
])('what somebody else has written as a share counts for nothing: %s', async (_, text) => {
  const { play, link, put, keys, joined, news, session, answer, shares } = world()
  await joined()
  const share = typeof text === 'string' ? text : { session: session()?.createRevision, heard: 1, ...text }
  put(keys.share(SEAT), share)
  await play(10)
  link.send([renewal(2, { order: 1, incarnation: 71, generation: 7 })])
  await play(10)
  expect(news()).toEqual([])
  answer()
  await play(10)
  expect(shares()).toMatchObject([{ sequence: 2 }])
})

it('whoever was withdrawn, since its process stood still, and speaks again, is there again and stays', async () => {
  const { play, link, engine, session, shares, answer, coordinate, lease } = world()
  coordinate(7)
  await play(50)
  link.send([renewal(1)])
  await play(2)
  // Nobody knows of the first word whether it arrives.
  const lift = engine.block('answers')
  await play(600)
  lift()
  link.send([renewal(2)])
  await play(20)
  answer()
  await play(7_500)
  expect(session()).toBeUndefined()
  link.send([renewal(3)])
  await play(20)
  answer({ incarnation: 76 })
  await play(20)
  expect(shares().at(-1)).toMatchObject({ sequence: 3, incarnation: 76 })
  const created = session()?.createRevision
  for (let sequence = 4; sequence < 14; sequence++) {
    link.send([renewal(sequence, { order: 1, incarnation: 76, generation: 7 })])
    await play(HEARTBEAT_MS)
  }
  expect(session()?.createRevision).toBe(created)
  expect(lease()).toBeDefined()
})

it('whoever speaks in the moment in which it is withdrawn is not taken away by that', async () => {
  const { play, link, session, joined, lease, etcd } = world()
  await joined()
  const before = lease()
  while (session() !== undefined) await play(1)
  expect(lease()).toBeUndefined()
  expect(etcd.store.leases).toEqual([before])
  link.send([renewal(3)])
  await play(50)
  expect(session()).toBeDefined()
  const created = session()?.createRevision
  await play(3_000)
  expect(session()?.createRevision).toBe(created)
})

it('where etcd cannot be reached for long the link is closed, and opened again with it', async () => {
  const { play, link, engine, closed, opened, events, joined } = world()
  await joined()
  const lift = engine.cutOff()
  for (let sequence = 2; sequence < 6; sequence++) {
    link.send([renewal(sequence, { order: 1, incarnation: 71, generation: 7 })])
    await play(HEARTBEAT_MS)
  }
  expect(closed).toHaveLength(1)
  lift()
  await play(2_000)
  expect(opened).toHaveLength(2)
  expect(events.map(({ type }) => type)).toEqual(['link.opened', 'link.lost', 'link.opened'])
})

it('another etcd at the same address is another one', async () => {
  const { play, link, closed, opened, coordinate, joined } = world()
  await joined()
  coordinate(7, 'other')
  link.send([renewal(2, { order: 1, incarnation: 71, generation: 7 })])
  await play(1_000)
  expect(closed).toHaveLength(1)
  expect(opened.map(({ instanceId }) => instanceId)).toEqual(['cluster', 'other'])
  link.reject()
  await play(600)
  expect(opened).toHaveLength(3)
})

it('closing says what was said last, and leaves no lease and no timer', async () => {
  const { play, clock, link, etcd, joined, session, end } = world()
  await joined()
  link.send([leave(2)])
  const closing = link.close()
  await play(10)
  expect(JSON.parse(session()?.value ?? '{}')).toMatchObject({ message: { type: 'leave' } })
  end('left')
  await play(50)
  await closing
  expect(etcd.store.leases).toEqual([])
  expect(clock.pending).toBe(etcd.pending)
})

it('takes nothing from a coordinator below the least generation, says so once, and goes on with one above', async () => {
  const { play, clock, link, opened, coordinate, events } = world({ leastGeneration: 8 })
  coordinate(7)
  await play(10_000)
  expect(opened).toEqual([])
  expect(events).toMatchObject([{ type: 'link.refused', error: { code: 'CAUCUS_CONFLICT' } }])
  expect(String(events[0]?.type === 'link.refused' && events[0].error.message)).toMatch(
    /under c\/ who began without tokensAbove: its generation is 7, and tokensAbove asks for 8 or more/,
  )
  coordinate(8)
  await play(2_000)
  expect(opened).toMatchObject([{ generation: 8 }])
  await link.close()
  expect(clock.alive).toBe(false)
})
