import { describe, expect, test } from 'vitest'
import { conditionOf } from '../../../../src/core/group/explain/words.ts'
import type { GroupEvent } from '../../../../src/core/group/reasons.ts'
import type { GroupView, MemberView } from '../../../../src/core/group/view.ts'
import {
  type Because,
  drainOf,
  ended,
  FIRST,
  granted,
  joined,
  member,
  ofGroup,
  ofMember,
  past,
  pinned,
  revoked,
  settled,
  settling,
  view,
} from './explained.ts'

describe('a member', () => {
  test('with partitions: which came last, and why', () => {
    const { sentence, behind } = ofMember(
      view([member('a', { partitions: [0, 1, 2] }), member('b', { partitions: [3, 4] })]),
      past([...FIRST, joined('b'), settling('joined', 'b'), granted(3, 'b', 'released'), granted(4, 'b', 'released')]),
      'b',
    )
    expect(sentence).toMatch(/^b has partitions 3-4 \(2 of 8\): it got the latest \(2 partitions\) 1 s ago .* epoch 5/)
    expect(sentence).toMatch(/because b joined 3 s ago .*; it joined 4 s ago/)
    expect(behind).toEqual(['member.joined', 'group.settling', 'partition.granted'])
  })

  test('that had to give something up, and is still at it', () => {
    const { sentence } = ofMember(
      view([member('a', { partitions: [0], revoked: [3] })]),
      past([...FIRST, joined('b'), settling('joined', 'b'), revoked(3, 'a')]),
      'a',
    )
    expect(sentence).toMatch(/it was last asked to let go of partition 3 1 s ago/)
    expect(sentence).toMatch(/; it is still finishing partition 3, as it was asked to 1 s ago/)
  })

  test.each<[string, MemberView, Partial<GroupView>, RegExp]>([
    ['it is drained', member('a', { drained: true }), {}, /has nothing: an operator has it drained/],
    ['its weight is 0', member('a', { weight: 0 }), {}, /has nothing: its weight is 0/],
    ['the group is settling', member('a'), { state: 'settling' }, /the group is settling because a joined/],
    ['there are too few partitions', member('a'), { share: { partitions: 1 } }, /2 members and only 1 partition[.;]/],
    ['the group is frozen', member('a'), { frozen: true }, /the group is frozen, so that nothing is taken/],
  ])('that has nothing, since %s', (_what, a, more, expected) => {
    const before = past([joined('a'), settling('joined', 'a')])
    expect(ofMember(view([a, member('b', { partitions: [0] })], more), before, 'a').sentence).toMatch(expected)
  })

  test('with an index', () => {
    const slot = (type: 'slot.granted' | 'slot.revoked', because: Because): GroupEvent => ({
      type,
      index: 2,
      total: 2,
      member: 'b',
      epoch: 5,
      because,
    })
    const of = view([{ id: 'b', incarnation: 1, epoch: 5, metadata: null, index: 2 }], { share: 'index', total: 2 })
    const before = [joined('b'), settling('joined', 'b'), slot('slot.granted', 'settled')]
    expect(ofMember(of, past(before), 'b').sentence).toMatch(
      /^b has index 2 of 2, which it got at epoch 5 1 s ago .*, when the group settled anew because b joined 2 s ago/,
    )
    // Poll clients hear their place when they ask, and no event tells of it.
    expect(ofMember(of, past([joined('b'), settling('joined', 'b'), settled()]), 'b').sentence).toMatch(
      /the group settled 1 s ago .*, having begun to because b joined/,
    )
    const moving = ofMember(of, past([...before, slot('slot.revoked', 'rebalance')]), 'b')
    expect(moving.sentence).toMatch(/but was asked to let go of it 1 s ago/)
    expect(ofMember(of, past([joined('b', 'adopted')]), 'b').sentence).toMatch(/claimed 1 s ago/)
  })

  test.each<[Because & ('left' | 'expired' | 'evicted'), RegExp]>([
    ['left', /a left 1 s ago/],
    ['expired', /a was not heard for the grant time 1 s ago/],
    ['evicted', /an operator removed a 1 s ago/],
  ])('that is gone: %s', (because, expected) => {
    const { sentence } = ofMember(view([member('b')]), past([joined('a'), ended('a', because)]), 'a')
    expect(sentence).toMatch(/^a is no member any more: /)
    expect(sentence).toMatch(expected)
    expect(sentence).toMatch(/; it had joined 2 s ago/)
  })

  test('under whose id a newer process came', () => {
    const of = view([member('a', { partitions: [3] })])
    const before = past([
      ...FIRST,
      ended('a', 'fenced'),
      joined('a'),
      settling('fenced', 'a'),
      granted(3, 'a', 'expired'),
    ])
    expect(ofMember(of, before, 'a').sentence).toMatch(/An earlier process under this id was fenced 4 s ago/)
  })

  test('that was restarted in good order, long after a fence', () => {
    const before = [joined('a'), ended('a', 'fenced'), joined('a'), ended('a', 'left'), joined('a')]
    expect(ofMember(view([member('a', { partitions: [3] })]), past(before), 'a').sentence).not.toContain('fenced')
  })

  test('that is drained: since when, or by an order of before a restart', () => {
    const of = view([member('a', { drained: true }), member('b', { partitions: [3] })])
    const known = ofMember(of, past([joined('a'), drainOf('a'), settling('drained', 'a')]), 'a')
    expect(known.sentence).toMatch(
      /^a has nothing: an operator has it drained since 2 s ago .*, so it is given nothing/,
    )
    expect(known.behind).toContain('member.drained')
    const restarted = ofMember(of, past([joined('a', 'adopted')]), 'a')
    expect(restarted.sentence).toMatch(/drained, by an order from before what is remembered \(this coordinator has/)
    expect(restarted.forgotten).toBe(true)
  })

  test('with very many partitions is told in one line', () => {
    const partitions = Array.from({ length: 100 }, (_, i) => 2 * i)
    const of = view([member('a', { partitions })], { share: { partitions: 200 } })
    expect(ofMember(of, past([]), 'a').sentence).toMatch(/36, 38 and 80 more \(100 of 200\)/)
  })

  test('that had come back and is gone again', () => {
    const before = past([joined('a', 'adopted'), ended('a', 'left')])
    expect(ofMember(view([member('b')]), before, 'a').sentence).toMatch(/a left 1 s ago .*; it had come back 2 s ago/)
  })

  test('that has stopped and whose place is kept, or was', () => {
    const stopped = [
      joined('a'),
      ended('a', 'expired'),
      { type: 'place.kept', member: 'a', because: 'expired' } as const,
    ]
    expect(ofMember(view([], { kept: [{ id: 'a', partitions: [3] }] }), past(stopped), 'a').sentence).toMatch(
      /^a has stopped: a was not heard .*; its place \(partition 3\) is kept for it until it returns/,
    )
    const freed = [...stopped, { type: 'place.freed', member: 'a', because: 'graced' } as const]
    expect(ofMember(view([]), past(freed), 'a').sentence).toMatch(/given up 1 s ago .* since a did not come back/)
  })

  test('that nobody knows', () => {
    const { sentence, forgotten } = ofMember(view([]), past([]), 'x')
    expect(sentence).toMatch(/^x is no member, and nothing about it is known: this coordinator has recorded since/)
    expect(forgotten).toBe(true)
  })

  test('with what is special about it', () => {
    const a = member('a', { partitions: [3], weight: 2, static: true })
    const pins = [3, 4].map((partition) => ({ partition, member: 'a' }))
    expect(ofMember(view([a], { pins }), past(FIRST), 'a').sentence).toMatch(
      /Its weight is 2, its place is kept for a grace when it stops and an operator pinned partitions 3-4 to it\.$/,
    )
  })
})

describe('a group', () => {
  test('that settled: when, and because of whom', () => {
    const before = past([...FIRST, joined('b'), settling('joined', 'b'), joined('c'), ended('c', 'left'), settled()])
    const { sentence, behind } = ofGroup(view([member('a'), member('b')]), before)
    expect(sentence).toMatch(/^The group settled 1 s ago \(11:59:59 UTC\) with 2 members at epoch 5: it had begun to/)
    expect(sentence).toMatch(/because b joined 4 s ago .*, and meanwhile c joined and left\.$/)
    expect(behind).toEqual(['member.joined', 'group.settling', 'member.joined', 'member.left', 'group.settled'])
  })

  test('while more came, went and was ordered: who did what', () => {
    const many = ['c', 'd', 'e', 'f', 'g', 'h', 'i'].map((id) => joined(id))
    const weighed: GroupEvent = { type: 'member.weighed', member: 'c', weight: 2 }
    const of = (...more: GroupEvent[]) =>
      ofGroup(view([member('a')]), past([joined('b'), settling('joined', 'b'), ...more, settled()])).sentence
    expect(of(...many, weighed, ended('k', 'expired'), drainOf('a'), pinned(3, 'x y'))).toMatch(
      /, and meanwhile c joined and changed its weight; d, e, f, g, h and 1 more joined; k fell silent; a was ordered to be drained; an operator pinned partition 3 to "x y"\.$/,
    )
    expect(of(joined('j', 'adopted'), ended('l', 'evicted'), { type: 'member.undrained', member: 'd' })).toMatch(
      /, and meanwhile j came back; l was removed; d was given work again\.$/,
    )
    const each = [joined('c'), joined('d', 'adopted'), ended('e', 'left'), ended('f', 'evicted'), ended('g', 'fenced')]
    expect(of(...each, ended('h', 'expired'))).toMatch(/; g was fenced; more of that kind happened\.$/)
  })

  test('that is settling: what it waits for', () => {
    const of = (...members: MemberView[]) => view(members, { state: 'settling' })
    const begun = [...FIRST, joined('b'), settling('joined', 'b')]
    expect(ofGroup(of(member('a'), member('b')), past(begun)).sentence).toMatch(
      /^The group is settling because b joined 1 s ago .*; it waits for nobody to come or go for the settle time\.$/,
    )
    const draining = of(member('a', { revoked: [3, 4] }), member('b'))
    expect(ofGroup(draining, past([...begun, revoked(3, 'a')])).sentence).toMatch(
      /it waits for a \(2 partitions\) to finish what was revoked, or for the drain limit/,
    )
    const silent = [...FIRST, ended('a', 'expired'), settling('expired', 'a')]
    expect(ofGroup(of(member('b')), past(silent)).sentence).toMatch(/and for the leases of a to have run out/)
  })

  test('of which much is awaited names only the first', () => {
    const many = Array.from({ length: 9 }, (_, i) => member(`m${i}`, { revoked: [i] }))
    const { sentence } = ofGroup(view(many, { state: 'settling' }), past([settling('joined', 'm0')]))
    expect(sentence).toMatch(/m4 \(1 partition\) and 4 more to finish/)
  })

  test('that is frozen, gone, or whose past is forgotten', () => {
    const frozen = view([member('a')], { frozen: true })
    expect(ofGroup(frozen, past([...FIRST, { type: 'group.frozen' }])).sentence).toMatch(
      /An operator has it frozen since 1 s ago .*: no partition is taken/,
    )
    expect(ofGroup(undefined, past([...FIRST, ended('a', 'left')])).sentence).toMatch(/its last member was a, which/)
    expect(ofGroup(view([member('a')]), past([], { more: true })).sentence).toMatch(/events before that are forgotten/)
  })
})

test('how long ago something was is told in the unit that helps', () => {
  const at = (ago: number) => ofGroup(view([member('a')]), past([settled()], { ago })).sentence
  expect(at(0)).toContain('less than a second ago (12:00:00 UTC)')
  expect(at(90)).toContain('90 s ago (11:58:30 UTC)')
  expect(at(600)).toContain('10 min ago (11:50:00 UTC)')
  expect(at(10_800)).toContain('3 h ago (09:00:00 UTC)')
  expect(at(400_000)).toContain('4 days ago (20:53:20 UTC)')
})

test('a group in which nobody is waits for nothing: it is empty, and never settling', () => {
  expect(conditionOf('settling', 0)).toBe('empty')
  expect(conditionOf('settling', 1)).toBe('settling')
  expect(conditionOf('settled', 0)).toBe('settled')
})
