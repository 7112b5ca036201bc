import { describe, expect, test } from 'vitest'
import type { GroupEvent } from '../../../src/core/group/reasons.ts'
import { EventLog, type EventLogQuery } from '../../../src/runtime/event-log.ts'

const settled = (epoch: number): GroupEvent => ({ type: 'group.settled', epoch, members: 1 })
const newLog = (limits: { perGroup?: number; total?: number } = {}) =>
  new EventLog({ generation: 7, wallMs: () => 0, ...limits })
const record = (log: EventLog, group: string, from: number, to: number) => {
  for (let epoch = from; epoch <= to; epoch++) log.record(group, settled(epoch))
}
/** What a reader gets that closes the log first: all that is there. */
const all = async (log: EventLog, query: EventLogQuery) => {
  const told: string[] = []
  const events = log.events(query)
  log.close()
  for await (const each of events) told.push('revision' in each ? each.revision : `gap ${each.dropped}`)
  return told
}

describe('a log of events', () => {
  test('numbers each group from 1, and begins now unless told from where', async () => {
    const log = newLog()
    record(log, 'g', 1, 3)
    record(log, 'h', 1, 1)
    const live = log.events({ group: 'g' })
    record(log, 'g', 4, 4)
    expect(await all(log, { group: 'g', after: '7-1' })).toEqual(['7-2', '7-3', '7-4'])
    expect((await live.next()).value).toMatchObject({ revision: '7-4', group: 'g', event: settled(4) })
    expect(await live.next()).toEqual({ value: undefined, done: true })
  })

  test('says how many were forgotten', async () => {
    const log = newLog({ perGroup: 4 })
    record(log, 'g', 1, 20)
    const told = await all(log, { group: 'g', after: '7-2' })
    expect(told[0]).toMatch(/^gap \d+$/)
    expect(told.at(-1)).toBe('7-20')
    expect(told.length - 1 + Number(told[0]?.slice(4))).toBe(18)
  })

  test('says so when it cannot know: a revision of an earlier start, or one that is still to come', async () => {
    for (const after of ['6-3', '9-1', '7-99']) {
      const log = newLog()
      record(log, 'g', 1, 2)
      expect(await all(log, { group: 'g', after })).toEqual(['gap undefined', '7-1', '7-2'])
    }
  })

  test('goes on counting under a later generation', async () => {
    const log = newLog()
    record(log, 'g', 1, 1)
    log.generation = 8
    record(log, 'g', 2, 2)
    expect(await all(log, { group: 'g', after: '7-1' })).toEqual(['8-2'])
  })

  test('forgets the groups that were silent longest, and repeats no revision of theirs', async () => {
    const log = newLog({ total: 10 })
    record(log, 'old', 1, 5)
    record(log, 'new', 1, 8)
    record(log, 'old', 6, 6)
    const told = await all(log, { group: 'old', after: '7-5' })
    expect(told).toEqual(['7-6'])
  })

  test('is bounded by its total even if one group says everything', async () => {
    const log = newLog({ total: 10, perGroup: 1_000 })
    record(log, 'g', 1, 100)
    const told = await all(log, { group: 'g', after: '7-0' })
    expect(told.length).toBeLessThanOrEqual(11)
    expect(told.at(-1)).toBe('7-100')
  })

  test('of all groups begins now, and says that it cannot resume', async () => {
    const log = newLog()
    record(log, 'g', 1, 1)
    const live = log.events({ after: '7-1' })
    const first = live.next()
    expect((await first).value).toEqual({ type: 'gap', dropped: undefined })
    const next = live.next()
    record(log, 'h', 1, 1)
    expect((await next).value).toMatchObject({ group: 'h' })
    await live.return?.()
  })

  test('wakes who waits, and forgets who has gone', async () => {
    const log = newLog()
    const ended = new AbortController()
    const live = log.events({ group: 'g', signal: ended.signal })
    const next = live.next()
    record(log, 'g', 1, 1)
    expect((await next).value).toMatchObject({ revision: '7-1' })
    const waiting = live.next()
    ended.abort(new Error('enough'))
    await expect(waiting).rejects.toThrow('enough')
  })

  test('refuses what is no revision', () => {
    for (const after of ['', '7', '7-', '-1', 'a-b', '7-1-1', `7-${'1'.repeat(40)}`]) {
      expect(() => newLog().events({ group: 'g', after })).toThrow('"generation-number"')
    }
  })
})

describe('the past of a group', () => {
  const joined = (member: string): GroupEvent => ({ type: 'member.joined', member, incarnation: 1, because: 'joined' })
  const granted = (partition: number, member: string): GroupEvent => ({
    type: 'partition.granted',
    partition,
    member,
    epoch: 1,
    because: 'released',
  })
  const revisions = (log: EventLog, query: Parameters<EventLog['history']>[0]) =>
    log.history(query).events.map(({ revision }) => revision)

  test('is all of it, what names somebody or something, or the newest of that', () => {
    const log = newLog()
    for (const event of [joined('a'), granted(1, 'a'), granted(2, 'a'), joined('b'), granted(1, 'b'), settled(1)])
      log.record('g', event)
    log.record('h', joined('a'))
    expect(revisions(log, { group: 'g' })).toHaveLength(6)
    expect(revisions(log, { group: 'g', partition: 1 })).toEqual(['7-2', '7-5'])
    expect(revisions(log, { group: 'g', member: 'a' })).toEqual(['7-1', '7-2', '7-3'])
    expect(revisions(log, { group: 'g', member: 'a', partition: 1 })).toEqual(['7-2'])
    expect(revisions(log, { group: 'g', member: 'a', limit: 2 })).toEqual(['7-2', '7-3'])
    expect(log.history({ group: 'g', limit: 2 })).toMatchObject({ more: true, forgotten: false })
    expect(log.history({ group: 'g', limit: 6 })).toMatchObject({ more: false, forgotten: false })
  })

  test('says whether something before it is forgotten, and since when there is a record', () => {
    let now = 5
    const log = new EventLog({ generation: 7, wallMs: () => now, perGroup: 4 })
    now = 9
    expect(log.history({ group: 'g' })).toEqual({ events: [], forgotten: false, more: false, sinceMs: 5, nowMs: 9 })
    record(log, 'g', 1, 20)
    expect(log.history({ group: 'g' }).forgotten).toBe(true)
    expect(revisions(log, { group: 'g' }).at(-1)).toBe('7-20')
  })

  test('of a group that made room for others may be forgotten altogether', () => {
    const log = newLog({ total: 10 })
    record(log, 'old', 1, 5)
    record(log, 'new', 1, 8)
    expect(log.history({ group: 'old' })).toMatchObject({ events: [], forgotten: true })
  })
})

describe('the revision of a group', () => {
  test('is that of its last event, also when that is forgotten or there was none', async () => {
    const log = newLog({ perGroup: 4, total: 4 })
    expect(log.revisionOf('g')).toBe('7-0')
    record(log, 'g', 1, 3)
    expect([log.revisionOf('g'), log.revisionOf('h')]).toEqual(['7-3', '7-0'])
    record(log, 'h', 1, 4)
    const after = log.revisionOf('g')
    log.generation = 8
    record(log, 'g', 4, 4)
    expect([after, log.revisionOf('g')]).toEqual(['7-3', '8-4'])
    expect(await all(log, { group: 'g', after })).toEqual(['8-4'])
  })
})

test('an event that carries much takes the room of many', async () => {
  const log = newLog({ perGroup: 100 })
  const instance = { host: 'a', port: 1, tags: [], weight: 1, status: 'up', metadata: 'x'.repeat(4_000) } as const
  for (let incarnation = 1; incarnation <= 50; incarnation++)
    log.record('service/s', { type: 'service.updated', member: 'a', incarnation, instance })
  const told = await all(log, { group: 'service/s', after: '7-1' })
  expect(told[0]).toMatch(/^gap \d+$/)
  expect(told.length).toBeLessThan(10)
  expect(told.at(-1)).toBe('7-50')
})
