import { describe, expect, test } from 'vitest'
import { Table } from './table.ts'

describe('a voter that has acknowledged a leader', () => {
  test('ignores who wants to be elected, its term too, until its promise is over', () => {
    const table = Table.led()
    table.deliver()
    table.say('v2', 'v1', { type: 'vote', term: 9, round: 1 })
    table.say('v2', 'v1', { type: 'preVote', term: 9, round: 2 })
    expect(table.underWay).toEqual([])
    expect(table.view('v1').term).toBe(1)
  })

  test('votes when it is over', () => {
    const table = Table.led()
    table.isolate('v0')
    table.deliver()
    table.now += 151
    table.say('v2', 'v1', { type: 'vote', term: 2, round: 1 })
    expect(table.intercept().map(({ message }) => message)).toMatchObject([{ type: 'voted', granted: true }])
  })

  test('does not campaign either, however impatient it is', () => {
    const table = Table.led({ timing: { electionMinMs: 150, electionMaxMs: 225 } })
    table.isolate('v0')
    table.deliver()
    const at = table.now
    table.pass(149 - (table.now - at))
    expect(table.view('v1').role).toBe('follower')
  })

  test('has one vote a term', () => {
    const table = Table.led()
    table.isolate('v0')
    table.deliver()
    table.now += 200
    table.say('v2', 'v1', { type: 'vote', term: 2, round: 1 })
    table.say('v0', 'v1', { type: 'vote', term: 2, round: 1 })
    table.say('v2', 'v1', { type: 'vote', term: 2, round: 1 })
    const answers = table
      .intercept()
      .map(({ to, message }) => ({ to, granted: 'granted' in message && message.granted }))
    expect(answers).toEqual([
      { to: 'v2', granted: true },
      { to: 'v0', granted: false },
      // Asked once more by the same process: the same vote, not a second one.
      { to: 'v2', granted: true },
    ])
  })

  test('has it over a restart, and for the process, not for its id', () => {
    const table = Table.led()
    table.isolate('v0')
    table.deliver()
    table.now += 200
    table.say('v2', 'v1', { type: 'vote', term: 2, round: 1 })
    table.intercept()
    const disk = table.crash('v1')
    table.start('v1', { disk })
    table.now += 301
    table.say('v2', 'v1', { type: 'vote', term: 2, round: 1 }, { bootId: 'v2#other' })
    expect(table.intercept().map(({ message }) => message)).toMatchObject([{ type: 'voted', granted: false }])
  })

  test('acknowledges only one process a term', () => {
    const table = Table.led()
    table.deliver()
    table.now += 1_000
    const beat = { type: 'beat', term: 1, round: 999, promiseMs: 150, leads: true, generation: 1 } as const
    table.say('v0', 'v1', beat, { bootId: 'v0#other' })
    expect(table.underWay).toEqual(['v1>v0 refused'])
    expect(table.said('v1').at(-1)).toBe('peer.refused')
  })

  test('promises nobody more than its own longest wait, whatever is asked', () => {
    const table = Table.led()
    table.deliver()
    const beat = { type: 'beat', term: 1, round: 999, promiseMs: 1e9, leads: true, generation: 1 } as const
    table.say('v0', 'v1', beat)
    expect(table.intercept().map(({ message }) => message)).toMatchObject([{ type: 'acked', promiseMs: 300 }])
  })
})

describe('a voter that was restarted', () => {
  test('sits out: no vote, no campaign; but a leader may rest on its acknowledgements', () => {
    const table = Table.led()
    const disk = table.crash('v2')
    table.start('v2', { disk })
    table.pass(30)
    expect(table.view('v2')).toMatchObject({ role: 'sittingOut', leader: { id: 'v0' } })
    table.crash('v1')
    table.pass(200)
    // A rolling restart needs that.
    expect(table.leaders).toEqual(['v0'])
    table.say('v0', 'v2', { type: 'vote', term: 9, round: 1, overriding: { id: 'v0', bootId: 'v0#1', term: 1 } })
    expect(table.view('v2').term).toBe(1)
  })

  test('without a store acknowledges nobody meanwhile: it may have forgotten anything', () => {
    const table = Table.led({ store: false })
    expect(table.leaders).toEqual(['v0'])
    table.crash('v2')
    table.crash('v1')
    table.start('v2')
    table.pass(130)
    expect(table.leaders).toEqual([])
  })

  test('sits out the longest promise that it ever gave', () => {
    const table = Table.led()
    table.deliver()
    const disk = table.crash('v1')
    if (disk === undefined) throw new Error('it had a disk')
    table.start('v1', { disk: { ...disk, promiseMs: 5_000 } })
    expect(table.view('v1').sitOutUntil).toBe(table.now + 5_000)
  })
})

describe('what is said', () => {
  test('is durable before: a vote waits for the disk', () => {
    const table = Table.led()
    table.isolate('v0')
    table.deliver()
    table.now += 200
    table.slow.add('v1')
    table.say('v2', 'v1', { type: 'vote', term: 2, round: 1 })
    expect(table.underWay).toEqual([])
    table.write('v1')
    expect(table.underWay).toEqual(['v1>v2 voted'])
  })

  test('never leaves when the disk is full, and nobody is asked for a vote', () => {
    const table = Table.led()
    table.isolate('v0')
    table.deliver()
    table.slow.add('v1')
    table.now += 200
    table.give('v1', { type: 'woke' })
    for (const asked of table.intercept()) table.hand(asked)
    for (const answer of table.intercept()) table.hand(answer)
    expect(table.view('v1').role).toBe('candidate')
    table.write('v1', false)
    expect(table.view('v1').role).toBe('follower')
    expect(table.underWay.filter((what) => what.endsWith(' vote'))).toEqual([])
  })
})

test('a vote that comes too late counts for nothing', () => {
  const table = Table.led()
  table.crash('v0')
  table.deliver()
  table.now += 200
  table.give('v1', { type: 'woke' })
  for (const asked of table.intercept()) table.hand(asked)
  for (const answer of table.intercept()) table.hand(answer)
  for (const asked of table.intercept()) table.hand(asked)
  const votes = table.intercept()
  expect(votes.map(({ message }) => message)).toMatchObject([{ type: 'voted', granted: true }])
  table.now += 150
  for (const vote of votes) table.hand(vote)
  expect(table.view('v1').role).toBe('candidate')
})

test('a voter that stood still is patient for as much longer', () => {
  const table = Table.led()
  table.crash('v0')
  table.deliver()
  table.now += 400
  table.give('v1', { type: 'stalled', forMs: 400 })
  table.give('v1', { type: 'woke' })
  expect(table.view('v1').role).toBe('follower')
})
