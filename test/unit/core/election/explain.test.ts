import { expect, test } from 'vitest'
import { explainLeadership, leaderAfter } from '../../../../src/core/election/explain.ts'
import { type LeadershipEvent, LeadershipLog, type LeadershipPast } from '../../../../src/core/election/past.ts'

/** 06:00:00 UTC of some day. */
const START_MS = 6 * 3_600_000
const leaderOf = (id: string, term: number) => ({ id, term, token: term * 10 })
const elected = (id: string, term: number): LeadershipEvent => ({ type: 'leader.elected', leader: leaderOf(id, term) })
const lost = (id: string, term: number, because: 'silent' | 'transferred' | 'noMajority'): LeadershipEvent => {
  return { type: 'leader.lost', leader: leaderOf(id, term), because }
}
/** One event a second, asked a second after the last. */
const past = (...events: LeadershipEvent[]): LeadershipPast => ({
  events: events.map((event, i) => ({ atMs: START_MS + 1_000 * (i + 1), event })),
  forgotten: false,
  sinceMs: START_MS,
  nowMs: START_MS + 1_000 * (events.length + 1),
})
const all = { voters: 3, there: 3, quorum: 2 }
const sentence = (told: LeadershipPast, there = 3, identifier = 'a') =>
  explainLeadership({ identifier, leader: leaderAfter(told.events), seen: { ...all, there } }, told).sentence

test('who leads is told with whom it followed and why, and whose vote it won where that was one’s own', () => {
  const told = past(
    elected('a', 1),
    lost('a', 1, 'silent'),
    { type: 'election.started', term: 2, because: 'silence' },
    elected('b', 2),
  )
  expect(leaderOf('b', 2)).toMatchObject({ id: 'b' })
  expect(sentence({ ...told, nowMs: told.nowMs + 8_000 })).toBe(
    'b leads in term 2 since 9 s ago (06:00:04 UTC), after a, which led in term 1, was not heard any more for as long as an election waits 11 s ago (06:00:02 UTC).',
  )
  expect(sentence(told, 3, 'b')).toMatch(
    /; it had stood for election 2 s ago \(06:00:03 UTC\), when no leader was heard\.$/,
  )
  const { events, forgotten } = explainLeadership(
    { identifier: 'b', leader: leaderAfter(told.events), seen: all },
    told,
  )
  expect(events.map(({ event }) => event.type)).toEqual(['leader.lost', 'election.started', 'leader.elected'])
  expect(forgotten).toBe(false)
})

test('whoever is elected itself need not have noticed the end of the one before', () => {
  const told = past(elected('a', 1), { type: 'election.started', term: 2, because: 'silence' }, elected('b', 2))
  expect(sentence(told, 2, 'b')).toBe(
    'b leads in term 2 since 1 s ago (06:00:03 UTC), after a, which led in term 1 since 3 s ago (06:00:01 UTC), was heard no more; it had stood for election 2 s ago (06:00:02 UTC), when no leader was heard.',
  )
})

test('the first leader of all is the first since the founding; of one met on the way no more is said than is known', () => {
  expect(sentence(past({ type: 'cluster.founded', base: 7 }, elected('a', 1)))).toMatch(
    /^a leads in term 1 since 1 s ago .* the first since the cluster was founded 2 s ago/,
  )
  const met = past(elected('a', 9))
  expect(sentence(met, 3, 'b')).toBe(
    'a leads in term 9 since 1 s ago (06:00:01 UTC), the first of whom b knows; this peer has recorded since 2 s ago (06:00:00 UTC) and knows nothing from before.',
  )
  const full = explainLeadership({ identifier: 'b', leader: { identifier: 'c', term: 4 } }, { ...met, forgotten: true })
  expect(full).toMatchObject({ forgotten: true, events: [] })
  expect(full.sentence).toBe(
    'c leads in term 4, and how it came to that is not known: the events before that are forgotten.',
  )
})

test('a lease that was regained in the same term is no other election', () => {
  const told = past(elected('a', 3), lost('a', 3, 'noMajority'), elected('a', 3))
  expect(sentence(told)).toMatch(/^a leads in term 3 since 3 s ago \(06:00:01 UTC\)/)
})

test('while nobody leads it is said what that waits for', () => {
  const told = past(elected('a', 1), lost('a', 1, 'noMajority'))
  expect(sentence(told, 1)).toBe(
    'Nobody leads: a, which led in term 1, had no majority with it any more 1 s ago (06:00:02 UTC); 1 of 3 voters is seen from here, and 2 have to agree.',
  )
  expect(sentence(told, 2)).toMatch(/; an election is under way\.$/)
  const stood = past(...told.events.map(({ event }) => event), {
    type: 'election.started',
    term: 2,
    because: 'silence',
  })
  expect(sentence(stood, 2)).toMatch(/ and a stood for election in term 2 1 s ago \(06:00:03 UTC\); an election/)
  const first = explainLeadership({ identifier: 'a', waitingFor: ['b', 'c d'] }, past())
  expect(first.sentence).toBe('Nobody leads: nobody has led, as far as a knows; b and "c d" must be there first.')
})

test('the record keeps the last of what is about the lead, without what is between peers', () => {
  const log = new LeadershipLog(5)
  log.take({ type: 'peer.refused' }, 6)
  const leader = { ...leaderOf('a', 1), bootId: 'boot-1', generation: 1 }
  const told: LeadershipEvent & { leader: typeof leader } = { type: 'leader.elected', leader }
  for (let i = 0; i < 300; i++) log.take(told, i)
  const { events, forgotten, sinceMs, nowMs } = log.past(900)
  expect([events.length, forgotten, sinceMs, nowMs]).toEqual([256, true, 5, 900])
  expect(events[0]).toEqual({ atMs: 44, event: { type: 'leader.elected', leader: leaderOf('a', 1) } })
})
