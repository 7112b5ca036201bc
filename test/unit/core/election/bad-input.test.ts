import { describe, expect, test } from 'vitest'
import { MAX_TERM_LEAD, type PeerBody, type PeerMessage } from '../../../../src/core/election/messages.ts'
import { MAX_VOTERS, votersFault } from '../../../../src/core/election/voters.ts'
import { Table } from './table.ts'

const answers = (table: Table) => table.intercept().map(({ message }) => message)

describe('a message that is none', () => {
  const bodies: Record<string, object> = {
    'a term of 2^53': { type: 'vote', term: 2 ** 53, round: 1 },
    'a term that is no number': { type: 'vote', term: Number.NaN, round: 1 },
    'a term of 1e308': { type: 'beat', term: 1e308, round: 1, promiseMs: 150, leads: true, generation: 1 },
    'a negative term': { type: 'preVote', term: -1, round: 1 },
    'half a term': { type: 'preVote', term: 1.5, round: 1 },
    'a term in a string': { type: 'preVote', term: '2', round: 1 },
    'a vote that is truthy, but not true': { type: 'voted', term: 1, round: 1, granted: 1, ownTerm: 1 },
    'a vote in a string': { type: 'preVoted', term: 1, round: 1, granted: 'true', ownTerm: 1 },
    'an endless promise': { type: 'acked', term: 1, round: 1, promiseMs: Number.POSITIVE_INFINITY, eligible: true },
    'a promise of nothing': { type: 'acked', term: 1, round: 1, promiseMs: 0, eligible: true },
    'nothing at all': {},
    'something that nobody says': { type: 'constructor' },
    'a founding without pairs': { type: 'founding', founding: { base: 1 }, complete: true },
  }

  test.each(Object.keys(bodies))('is refused and changes nothing: %s', (what) => {
    const table = Table.led()
    table.deliver()
    const before = table.view('v0')
    // What comes over a wire need not be of any type.
    table.say('v2', 'v0', bodies[what] as PeerBody)
    expect(answers(table)).toMatchObject([{ type: 'refused', because: 'malformed' }])
    expect(table.view('v0')).toEqual(before)
  })

  test.each([undefined, null, 7, 'v2', {}, { id: 'v2' }])('is refused when its sender is %s', (sender) => {
    const table = Table.led()
    table.deliver()
    const message = { type: 'observe', sender } as unknown as PeerMessage
    table.give('v0', { type: 'message', from: 'v2', message })
    expect(answers(table)).toMatchObject([{ type: 'refused', because: 'malformed' }])
  })
})

describe('a term that is far ahead', () => {
  test('is refused: one message must not use up the numbers', () => {
    const table = Table.led()
    table.isolate('v0')
    table.deliver()
    table.now += 200
    table.say('v2', 'v1', { type: 'vote', term: 1 + MAX_TERM_LEAD + 1, round: 1 })
    expect(answers(table)).toMatchObject([{ type: 'refused', because: 'termTooFarAhead' }])
    expect(table.view('v1').term).toBe(1)
  })

  test('within reach is taken like any other', () => {
    const table = Table.led()
    table.isolate('v0')
    table.deliver()
    table.now += 200
    table.say('v2', 'v1', { type: 'vote', term: 1 + MAX_TERM_LEAD, round: 1 })
    expect(answers(table)).toMatchObject([{ type: 'voted', granted: true }])
  })

  test('does not keep two voters from electing a leader: who is behind follows by steps', () => {
    const table = Table.led({ voters: 2 })
    const disk = table.crash('v1')
    if (disk === undefined) throw new Error('it had a disk')
    table.start('v1', { disk: { ...disk, term: 3 * MAX_TERM_LEAD, vote: undefined, follows: undefined } })
    table.pass(10_000)
    expect(table.leaders).toHaveLength(1)
  })
})

describe('a list of voters', () => {
  test.each([
    [[], 'there are 0 voters'],
    [Array.from({ length: MAX_VOTERS + 1 }, (_, n) => `v${n}`), 'there are 8 voters'],
    [['a', 'b', 'a'], 'voter 3 has the identifier of an earlier one'],
    [['a', undefined], 'the identifier of voter 2 must be a string'],
    [['a', ''], 'the identifier of voter 2 is empty'],
  ])('that is none is refused: %j', (ids, says) => {
    expect(votersFault(ids)).toContain(says)
  })

  test('of one to seven is one', () => {
    expect(votersFault(['a'])).toBeUndefined()
    expect(votersFault(['a', 'b', 'c', 'd', 'e', 'f', 'g'])).toBeUndefined()
  })
})
