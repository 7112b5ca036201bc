import { describe, expect, test } from 'vitest'
import type { GroupEvent } from '../../../../src/core/group/reasons.ts'
import type { MemberView } from '../../../../src/core/group/view.ts'
import { type Because, drainOf, ended, joined, member, ofGroup, ofMember, past, view } from './explained.ts'

const election = (members: readonly MemberView[]) =>
  view(
    members.map(({ partitions: _none, ...each }) => each),
    { name: 'election/e', share: 'tenure' },
  )
const leader = (id: string, epoch = 5) => member(id, { leads: true, epoch })
const granted = (id: string, because: Because, epoch = 5): GroupEvent => ({
  type: 'tenure.granted',
  member: id,
  epoch,
  because,
})
const revoked = (id: string, epoch = 2): GroupEvent => ({
  type: 'tenure.revoked',
  member: id,
  epoch,
  because: 'drained',
})

const FIRST = [joined('a'), granted('a', 'unclaimed', 2), joined('b')]

describe('an election', () => {
  test('whose leader was the first, and who waits', () => {
    const { sentence, behind } = ofGroup(
      election([leader('a', 2), member('b'), member('c')]),
      past([...FIRST, joined('c')]),
    )
    expect(sentence).toBe(
      'a leads with the token 2 since 3 s ago (11:59:57 UTC), because nobody else had it. b and c wait, in this order.',
    )
    expect(behind).toEqual(['tenure.granted'])
  })

  test('whose leader followed one that left, fell silent, or let go of it by itself', () => {
    const now = election([leader('b')])
    expect(ofGroup(now, past([...FIRST, ended('a', 'left'), granted('b', 'released')])).sentence).toMatch(
      /^b leads with the token 5 since 1 s ago \(11:59:59 UTC\), because a left 2 s ago/,
    )
    expect(ofGroup(now, past([...FIRST, ended('a', 'expired'), granted('b', 'expired')])).sentence).toMatch(
      /because a was not heard for the grant time 2 s ago .*, and its lease has run out\.$/,
    )
    expect(ofGroup(now, past([...FIRST, granted('b', 'released')])).sentence).toMatch(/because a let go of it\.$/)
    expect(ofGroup(now, past([...FIRST, granted('b', 'drain-overrun')])).sentence).toMatch(
      /because a did not finish within the drain limit, and its lease has run out\.$/,
    )
  })

  test('whose leader took what nobody had, after it had been idle', () => {
    const events = [...FIRST, ended('a', 'left'), joined('b'), granted('b', 'unclaimed')]
    expect(ofGroup(election([leader('b')]), past(events)).sentence).toMatch(
      /^b leads with the token 5 since 1 s ago .*, because nobody else had it\.$/,
    )
  })

  test('whose leader followed one that was drained', () => {
    const events = [...FIRST, drainOf('a'), revoked('a'), granted('b', 'released')]
    const { sentence, behind } = ofGroup(election([leader('b'), member('a', { drained: true })]), past(events))
    expect(sentence).toMatch(
      /because a let go of it, as it was asked to 2 s ago .*, since an operator ordered a to be drained 3 s ago/,
    )
    expect(behind).toEqual(['tenure.granted', 'member.drained', 'tenure.revoked', 'tenure.granted'])
  })

  test('whose leader claimed its tenure after a restart, and one of which nothing is known', () => {
    expect(ofGroup(election([leader('a', 2)]), past([joined('a', 'adopted')])).sentence).toMatch(
      /^a leads with the token 2, as it did already when the coordinator changed and it claimed its tenure 1 s ago/,
    )
    const { sentence, forgotten } = ofGroup(election([leader('a', 2)]), past([], { forgotten: true }))
    expect([sentence, forgotten]).toEqual([
      'a leads with the token 2, and how it came to that is not known: the events before that are forgotten.',
      true,
    ])
  })

  test('that nobody leads: on its way, after a crash, after a start, drained, without candidates', () => {
    const letting = member('a', { revoked: [0] })
    expect(ofGroup(election([letting, member('b')]), past([...FIRST, drainOf('a'), revoked('a')])).sentence).toMatch(
      /^Nobody leads: a is letting go of it, as it was asked to 1 s ago .* the next candidate leads as soon as a has finished/,
    )
    expect(ofGroup(election([member('b')]), past([...FIRST, ended('a', 'expired')])).sentence).toMatch(
      /^Nobody leads: a led since 3 s ago .*, and then a was not heard .*; what is left of its lease is waited for\. b waits\.$/,
    )
    expect(ofGroup(election([member('b')]), past([joined('b')])).sentence).toMatch(
      /^Nobody leads: somebody may lead from before the coordinator started/,
    )
    expect(ofGroup(election([member('b', { drained: true })]), past([joined('b')])).sentence).toBe(
      'Nobody leads: an operator has every candidate drained.',
    )
    expect(ofGroup(election([]), past([])).sentence).toBe('Nobody leads: there is no candidate.')
    expect(ofGroup(undefined, past([ended('a', 'left')])).sentence).toMatch(/^The group is not there any more/)
  })
})

describe('a candidate', () => {
  const now = election([leader('a', 2), member('b'), member('c'), member('d', { drained: true })])
  const before = past([...FIRST, joined('c'), joined('d'), drainOf('d')])

  test.each([
    ['a', /^a leads with the token 2 since/],
    ['b', /^b does not lead: a does; it is next; it is a candidate since 4 s ago/],
    ['c', /^c does not lead: a does; 1 candidate has waited longer; it is a candidate since 3 s ago/],
    ['d', /^d is given nothing: an operator has it drained since 1 s ago .*; it is a candidate since 2 s ago/],
    ['e', /^e is no member, and nothing about it is known/],
  ])('is told about: %s', (id, sentence) => {
    expect(ofMember(now, before, id).sentence).toMatch(sentence)
  })

  test('that is letting go', () => {
    const letting = election([member('a', { revoked: [0] }), member('b')])
    expect(ofMember(letting, past(FIRST), 'a').sentence).toMatch(/^a is letting go of it, by itself;/)
    expect(ofMember(letting, past(FIRST), 'b').sentence).toMatch(/^b does not lead: a is letting go of it; it is next/)
  })
})
