import { describe, expect, it } from 'vitest'
import { minimumMoves, plan } from '../../../../src/core/assignment/plan.ts'
import { type AssignmentRules, assignSticky } from '../../../../src/core/assignment/sticky.ts'
import { weightFault } from '../../../../src/core/assignment/weights.ts'
import { loadsOf, movedBetween, nobody, weighted } from './rules.ts'

const pinned = (pins: Readonly<Record<number, string>>): AssignmentRules => ({
  pins: new Map(Object.entries(pins).map(([partition, id]) => [Number(partition), id])),
})

describe('weights', () => {
  it('share by proportion', () => {
    const members = weighted({ a: 1, b: 2, c: 5 })
    expect(loadsOf(['a', 'b', 'c'], assignSticky(80, members, nobody(80)))).toEqual([10, 20, 50])
  })

  it('round the larger remainder up when nobody holds anything yet', () => {
    const members = weighted({ a: 3, b: 3, c: 4 })
    expect(loadsOf(['a', 'b', 'c'], assignSticky(11, members, nobody(11)))).toEqual([3, 3, 5])
  })

  it('round up whoever holds more than the floor first, as each saves a move', () => {
    const members = weighted({ a: 3, b: 3, c: 4 })
    const current = [...'aaaabbbcccc']
    expect(assignSticky(11, members, current)).toEqual(current)
  })

  it('round up whoever holds most among equals', () => {
    expect(loadsOf(['a', 'b', 'c'], assignSticky(7, weighted({ a: 1, b: 1, c: 1 }), [...'aaabbbb']))).toEqual([2, 3, 2])
  })

  it('never round up a part that is whole, whatever its member holds', () => {
    const members = weighted({ a: 2, b: 1, c: 1 })
    expect(loadsOf(['a', 'b', 'c'], assignSticky(6, members, [...'aaaabc']))).toEqual([3, 2, 1])
    expect(minimumMoves([...'aaaabc'], members)).toBe(1)
  })

  it('move only what the new proportions need when one changes', () => {
    const before = assignSticky(120, weighted({ a: 1, b: 1, c: 1 }), nobody(120))
    const after = assignSticky(120, weighted({ a: 2, b: 1, c: 1 }), before)
    expect(loadsOf(['a', 'b', 'c'], after)).toEqual([60, 30, 30])
    expect(movedBetween(before, after)).toBe(20)
  })

  it('of 0 empty a member, and of 0 for all leave nobody with anything', () => {
    const before = assignSticky(12, weighted({ a: 1, b: 1 }), nobody(12))
    expect(loadsOf(['a', 'b'], assignSticky(12, weighted({ a: 0, b: 1 }), before))).toEqual([0, 12])
    expect(assignSticky(12, weighted({ a: 0, b: 0 }), before)).toEqual(nobody(12))
  })

  it('of 1 and 1000 are exact', () => {
    const members = weighted({ heavy: 1000, light: 1 })
    expect(loadsOf(['heavy', 'light'], assignSticky(1001, members, nobody(1001)))).toEqual([1000, 1])
    expect(loadsOf(['heavy', 'light'], assignSticky(500, members, nobody(500)))).toEqual([500, 0])
  })

  it('give the partitions to the heaviest when there are more members than partitions', () => {
    const members = weighted({ a: 1, b: 1, c: 9, d: 1, e: 9 })
    expect(assignSticky(2, members, nobody(2))).toEqual(['c', 'e'])
  })

  it('give newcomers of different weights their part of every donor', () => {
    const before = assignSticky(1200, weighted({ a: 1, b: 1 }), nobody(1200))
    const after = assignSticky(1200, weighted({ a: 1, b: 1, x: 1, y: 3 }), before)
    for (const [id, part] of [
      ['x', 100],
      ['y', 300],
    ] as const) {
      const taken = before.filter((_, partition) => after[partition] === id)
      for (const load of loadsOf(['a', 'b'], taken)) expect(Math.abs(load - part)).toBeLessThanOrEqual(3)
    }
  })

  it('of a member that is named twice are the larger, in any order', () => {
    const [light, heavy, other] = [
      { id: 'a', weight: 1 },
      { id: 'a', weight: 3 },
      { id: 'b', weight: 1 },
    ]
    for (const members of [
      [light, heavy, other],
      [heavy, other, light],
    ]) {
      expect(loadsOf(['a', 'b'], assignSticky(8, members, nobody(8)))).toEqual([6, 2])
    }
  })

  it.each([-1, 1001, 1.5, Number.NaN, Number.POSITIVE_INFINITY, '1', null, undefined])('of %s are none', (weight) => {
    expect(weightFault(weight, 'weight of w')).toMatch(/^weight of w must be a whole number from 0 to 1000, not /)
  })

  it('that are none are never shared by', () => {
    for (const weight of [-1, 1001, 0.5, Number.NaN]) {
      expect(() => assignSticky(2, [{ id: 'a', weight }], nobody(2))).toThrow('a weight is a whole number')
    }
  })
})

describe('a pin', () => {
  const trio = weighted({ a: 1, b: 1, c: 1 })

  it('moves its partition, and takes another in exchange', () => {
    const before = assignSticky(9, trio, nobody(9))
    expect(before).toEqual([...'abcabcabc'])
    const after = assignSticky(9, trio, before, pinned({ 0: 'b' }))
    expect(after[0]).toBe('b')
    expect(loadsOf(['a', 'b', 'c'], after)).toEqual([3, 3, 3])
    expect(movedBetween(before, after)).toBe(2)
  })

  it('counts: a member with more pins than is fair has just these, and the others share the rest', () => {
    const rules = pinned({ 0: 'a', 1: 'a', 2: 'a', 3: 'a', 4: 'a' })
    expect(loadsOf(['a', 'b', 'c'], assignSticky(9, trio, nobody(9), rules))).toEqual([5, 2, 2])
  })

  it('takes a place of one more rather than to make it unfair for everybody', () => {
    const rules = pinned({ 0: 'c', 1: 'c', 2: 'c', 3: 'c' })
    expect(loadsOf(['a', 'b', 'c'], assignSticky(10, trio, nobody(10), rules))).toEqual([3, 3, 4])
  })

  it('lowers what is fair until nobody has more pins than that', () => {
    // 12 among four would be 3 each; without the 8 of a, 4 are left for three, so that the 2 of b are too many as well.
    const rules = pinned({ 0: 'a', 1: 'a', 2: 'a', 3: 'a', 4: 'a', 5: 'a', 6: 'a', 7: 'a', 8: 'b', 9: 'b', 10: 'c' })
    const quartet = [...trio, { id: 'd', weight: 1 }]
    expect(loadsOf(['a', 'b', 'c', 'd'], assignSticky(12, quartet, nobody(12), rules))).toEqual([8, 2, 1, 1])
  })

  it('is the only thing that a member of weight 0 has, even when nobody weighs anything', () => {
    const members = weighted({ a: 0, b: 0 })
    expect(assignSticky(3, members, nobody(3), pinned({ 1: 'b' }))).toEqual([undefined, 'b', undefined])
    expect(assignSticky(3, weighted({ a: 0, b: 4 }), nobody(3), pinned({ 1: 'a' }))).toEqual(['b', 'a', 'b'])
  })

  it('to a stranger, or of a partition that is not there, changes nothing', () => {
    const before = assignSticky(9, trio, nobody(9))
    expect(assignSticky(9, trio, before, pinned({ 0: 'z', 9: 'a', 1000: 'a' }))).toEqual(before)
  })

  it('waits for its member: it is anybody’s until that comes back', () => {
    const rules = pinned({ 0: 'c' })
    const without = assignSticky(4, weighted({ a: 1, b: 1 }), nobody(4), rules)
    expect(without).not.toContain(undefined)
    expect(assignSticky(4, trio, without, rules)[0]).toBe('c')
  })
})

describe('a frozen group', () => {
  const frozen = { frozen: true }

  it('gives a newcomer nothing while everything has an owner', () => {
    const before = assignSticky(6, ['a', 'b'], nobody(6))
    expect(assignSticky(6, ['a', 'b', 'c'], before, frozen)).toEqual(before)
  })

  it('keeps what a weight of 0 or a pin elsewhere would take away', () => {
    const before = [...'aabb']
    expect(assignSticky(4, weighted({ a: 0, b: 1 }), before, frozen)).toEqual(before)
    expect(assignSticky(4, ['a', 'b'], before, { ...frozen, ...pinned({ 0: 'b' }) })).toEqual(before)
  })

  it('gives what a leaver had to whoever is furthest below its part', () => {
    const before = [...'aaaabccc']
    const after = assignSticky(8, ['a', 'b', 'd'], before, frozen)
    expect(after.slice(0, 5)).toEqual(before.slice(0, 5))
    expect(loadsOf(['a', 'b', 'd'], after)).toEqual([4, 2, 2])
  })

  it('gives what nobody has to its pin first', () => {
    const rules = { ...frozen, ...pinned({ 3: 'a', 0: 'b' }) }
    expect(assignSticky(4, ['a', 'b'], [...'aab', undefined], rules)).toEqual([...'aaba'])
  })

  it('has no moves but those of members that are gone', () => {
    const group = { members: ['a', 'b'], owners: [...'aaab'], frozen: true }
    expect(plan(group, { join: ['c'] })).toEqual({ moves: [], minimum: 0 })
    expect(plan(group, { leave: ['b'] })).toEqual({ moves: [{ partition: 3, from: 'b', to: 'a' }], minimum: 1 })
    expect(plan({ ...group, frozen: false }, {}).minimum).toBe(1)
  })
})
