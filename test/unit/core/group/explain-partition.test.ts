import { describe, expect, test } from 'vitest'
import type { GroupEvent } from '../../../../src/core/group/reasons.ts'
import type { GroupView, MemberView } from '../../../../src/core/group/view.ts'
import {
  drainOf,
  ended,
  FIRST,
  granted,
  joined,
  MOVED,
  member,
  ofPartition,
  past,
  pinned,
  revoked,
  settling,
  view,
} from './explained.ts'

describe('a partition', () => {
  test('that moved: its grant, the revoke before it, and the join that made the loads unfair', () => {
    const { sentence, behind, forgotten } = ofPartition(
      view([member('a'), member('b', { partitions: [3] })]),
      past([...FIRST, ...MOVED]),
    )
    expect(sentence).toBe(
      'Partition 3 is with b, which got it at epoch 5 2 s ago (11:59:58 UTC) because a had let go of it: it was asked to give it up 3 s ago (11:59:57 UTC), since the loads have to be fair, after the group had begun to settle because b joined 4 s ago (11:59:56 UTC).',
    )
    expect(behind).toEqual(['member.joined', 'group.settling', 'partition.revoked', 'partition.granted'])
    expect(forgotten).toBe(false)
  })

  test('of a member that fell silent', () => {
    const gone = [ended('a', 'expired'), settling('expired', 'a'), granted(3, 'b', 'expired')]
    const { sentence, behind } = ofPartition(view([member('b', { partitions: [3] })]), past([...FIRST, ...gone]))
    expect(sentence).toMatch(/because a, which had got it 5 s ago .*, was gone and its lease had run out/)
    expect(sentence).toMatch(/because a was not heard for the grant time 2 s ago/)
    expect(behind).toContain('member.expired')
  })

  test('whose owner did not finish in time', () => {
    const late = [joined('b'), settling('joined', 'b'), revoked(3, 'a'), granted(3, 'b', 'drain-overrun')]
    expect(ofPartition(view([member('a'), member('b', { partitions: [3] })]), past(late)).sentence).toMatch(
      /a did not finish within the drain limit, and its lease had run out: it was asked to give it up 2 s ago/,
    )
  })

  test('that was pinned, and that of a member that is drained', () => {
    const pins = [{ partition: 3, member: 'b' }]
    const ordered = [pinned(3, 'b'), settling('pinned', 'b'), revoked(3, 'a', 'pinned'), granted(3, 'b', 'released')]
    const { sentence } = ofPartition(view([member('a'), member('b', { partitions: [3] })], { pins }), past(ordered))
    expect(sentence).toMatch(
      /since an operator pinned it to b 4 s ago .* because an operator pinned a partition to b 3 s ago/,
    )
    expect(sentence).toMatch(/An operator pinned it there\.$/)
    const drained = [drainOf('a'), settling('drained', 'a'), revoked(3, 'a', 'drained'), granted(3, 'b', 'released')]
    expect(ofPartition(view([member('a'), member('b', { partitions: [3] })]), past(drained)).sentence).toMatch(
      /since an operator ordered a to be drained 4 s ago/,
    )
  })

  test('that moved because of a change which came while the group was settling already', () => {
    const late = [
      joined('b'),
      settling('joined', 'b'),
      drainOf('a'),
      revoked(3, 'a', 'drained'),
      granted(3, 'b', 'released'),
    ]
    const { sentence, behind } = ofPartition(
      view([member('a', { drained: true }), member('b', { partitions: [3] })]),
      past(late),
    )
    expect(sentence).toMatch(
      /since an operator ordered a to be drained 3 s ago .* settle because b joined 4 s ago .*, and meanwhile a was ordered/,
    )
    expect(behind).toContain('member.drained')
  })

  test('that moved long before somebody pinned it', () => {
    const pins = [{ partition: 3, member: 'b' }]
    const of = view([member('a'), member('b', { partitions: [3] })], { pins })
    const { sentence } = ofPartition(of, past([...FIRST, ...MOVED, pinned(3, 'b')]))
    expect(sentence).toMatch(/since the loads have to be fair, .* An operator pinned it there\.$/)
  })

  test('that its owner was asked for and got back', () => {
    const back = [
      joined('b'),
      settling('joined', 'b'),
      revoked(3, 'a'),
      ended('b', 'left'),
      granted(3, 'a', 'released'),
    ]
    expect(ofPartition(view([member('a', { partitions: [3] })]), past([...FIRST, ...back])).sentence).toMatch(
      /^Partition 3 is with a, which got it .* once more: it was asked to give it up 3 s ago .*, and the plan had changed when it had let go of it\.$/,
    )
    const gave = [settling('released', 'a'), granted(3, 'a', 'released')]
    expect(ofPartition(view([member('a', { partitions: [3] })]), past([...FIRST, ...gave])).sentence).toMatch(
      /because it had got it 4 s ago .* already and had let go of it/,
    )
  })

  test('that nobody is given: since when, and by whose order', () => {
    const of = view([member('a', { drained: true }), member('b', { weight: 0 })])
    const weighed: GroupEvent = { type: 'member.weighed', member: 'b', weight: 0 }
    const { sentence, behind } = ofPartition(of, past([...FIRST, drainOf('a'), settling('drained', 'a'), weighed]))
    expect(sentence).toMatch(/an operator has a drained since 3 s ago .* and the weight of b is 0 since 1 s ago .*\.$/)
    expect(behind).toEqual(['member.drained', 'member.weighed'])
  })

  test('of members whose ids could be taken for words', () => {
    const of = view([member('a, which left', { partitions: [3] })])
    expect(ofPartition(of, past([], { forgotten: true })).sentence).toContain('is with "a, which left", and how')
  })

  test('on its way: whom it waits for', () => {
    const { sentence } = ofPartition(
      view([member('a', { revoked: [3] }), member('b')], { state: 'settling' }),
      past([...FIRST, joined('b'), settling('joined', 'b'), revoked(3, 'a')]),
    )
    expect(sentence).toMatch(/^Partition 3 is on its way from a: a was asked to let go of it 1 s ago/)
    expect(sentence).toMatch(/as soon as a has finished with it, or its lease has run out\.$/)
    const leaving = ofPartition(view([member('a', { revoked: [3] }), member('b')]), past(FIRST))
    expect(leaving.sentence).toContain('letting go of it by itself')
  })

  test.each<[string, GroupView | undefined, readonly GroupEvent[], RegExp]>([
    ['of a group that is gone', undefined, FIRST, /the group is not there any more; the last to get it was a/],
    ['without members', view([]), FIRST, /the group has no members; the last to get it was a/],
    ['whose owner just expired', view([member('b')]), [...FIRST, ended('a', 'expired')], /and then a was not heard/],
    [
      'while all are drained',
      view([member('a', { drained: true })]),
      FIRST,
      /nobody here is given anything: an operator has a drained, by an order from before what is remembered \(this/,
    ],
    ['before the first view', view([member('a')], { epoch: 0 }), [joined('a')], /not settled for the first time/],
    ['after a start', view([member('a')]), [joined('a')], /held before the coordinator started has to be claimed/],
    ['between two owners', view([member('a'), member('b')]), [...FIRST, revoked(3, 'a')], /as it was asked to 1 s/],
    [
      'that is kept',
      view([member('b')], { kept: [{ id: 'a', partitions: [3] }] }),
      [...FIRST, { type: 'place.kept', member: 'a', because: 'expired' }],
      /it is kept since 1 s ago .* for a, which has stopped/,
    ],
  ])('is with nobody %s', (_what, of, before, expected) => {
    const { sentence } = ofPartition(of, past(before))
    expect(sentence).toMatch(/^Partition 3 is with nobody/)
    expect(sentence).toMatch(expected)
  })

  test('whose past is forgotten: it says so, and what the state alone tells', () => {
    const of = view([member('a', { partitions: [3] })])
    expect(ofPartition(of, past([], { forgotten: true }))).toEqual({
      sentence: 'Partition 3 is with a, and how it came there is not known: the events before that are forgotten.',
      forgotten: true,
      behind: [],
    })
    expect(ofPartition(of, past([joined('a', 'adopted')])).sentence).toMatch(
      /held it already when the coordinator changed and claimed it 1 s ago .* has recorded since 60 min ago/,
    )
    const cut = ofPartition(of, past([granted(3, 'a', 'released')], { forgotten: true }))
    expect(cut.sentence).toMatch(/because its earlier owner had let go of it, .* a change that is not known any more/)
    expect(cut.forgotten).toBe(true)
  })

  test.each<[Partial<GroupView>, readonly MemberView[], RegExp]>([
    [{}, [], /pinned to z, which is not a member\.$/],
    [{}, [member('z', { drained: true })], /pinned to z, which is drained\.$/],
    [{ frozen: true }, [member('z')], /pinned to z, and the group is frozen\.$/],
  ])('that is pinned elsewhere: why it is not there %#', (more, others, expected) => {
    const pins = [{ partition: 3, member: 'z' }]
    const of = view([member('a', { partitions: [3] }), ...others], { ...more, pins })
    expect(ofPartition(of, past(FIRST)).sentence).toMatch(expected)
  })
})
