import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { orderMembers } from '../../../../src/core/assignment/modulo.ts'
import { minimumMoves } from '../../../../src/core/assignment/plan.ts'
import { assignSticky } from '../../../../src/core/assignment/sticky.ts'
import { indexOf, partitionOf } from '../../../../src/core/hash.ts'
import {
  type Assigner,
  cases,
  eachHasOneOwner,
  fewestByTrying,
  ignoresOrder,
  isBalanced,
  loadsOf,
  movedBetween,
  movesFewest,
  nobody,
  shuffledCases,
} from './rules.ts'

const SMALL = { partitions: 6, members: 4 }
const LARGE = { partitions: 300, members: 40 }
const names = (count: number) => Array.from({ length: count }, (_, i) => `w${i}`)
const byCounts = ({ members, current }: { members: readonly string[]; current: readonly (string | undefined)[] }) =>
  minimumMoves(current, members)

describe('sticky assignment', () => {
  it('A1: gives every partition one owner, a member', () => {
    fc.assert(fc.property(cases(LARGE), (judged) => eachHasOneOwner(assignSticky, judged)))
  })

  it('A2: balances within one', () => {
    fc.assert(fc.property(cases(LARGE), (judged) => isBalanced(assignSticky, judged)))
  })

  it('A3: depends on the set of members, not on their order', () => {
    fc.assert(fc.property(shuffledCases(LARGE), ([judged, order]) => ignoresOrder(assignSticky, judged, order)))
  })

  it('A4: moves no more than the best of all balanced assignments, tried one by one', () => {
    fc.assert(
      fc.property(cases(SMALL), (judged) => movesFewest(assignSticky, judged, fewestByTrying)),
      { numRuns: 400 },
    )
  })

  it('A4: moves no more than the counts allow, at any size', () => {
    fc.assert(
      fc.property(cases(LARGE), (judged) => movesFewest(assignSticky, judged, byCounts)),
      { numRuns: 400 },
    )
  })

  it('the counts and the trying agree on what the minimum is', () => {
    fc.assert(fc.property(cases(SMALL), (judged) => byCounts(judged) === fewestByTrying(judged)))
  })

  it('keeps A1 to A4 through any sequence of joins and leaves', () => {
    const steps = fc.array(fc.subarray(names(12), { minLength: 1 }), { minLength: 1, maxLength: 15 })
    fc.assert(
      fc.property(fc.integer({ min: 0, max: 64 }), steps, (partitions, sequence) => {
        let current: readonly (string | undefined)[] = nobody(partitions)
        for (const members of sequence) {
          const judged = { members, current }
          expect(eachHasOneOwner(assignSticky, judged)).toBe(true)
          expect(isBalanced(assignSticky, judged)).toBe(true)
          expect(ignoresOrder(assignSticky, judged, [...members].reverse())).toBe(true)
          expect(movesFewest(assignSticky, judged, byCounts)).toBe(true)
          current = assignSticky(partitions, members, current)
        }
      }),
    )
  })

  it('moves nothing when nobody came or went', () => {
    fc.assert(
      fc.property(cases(LARGE), ({ members, current }) => {
        const once = assignSticky(current.length, members, current)
        expect(assignSticky(current.length, members, once)).toEqual(once)
      }),
    )
  })
})

describe('who gets what', () => {
  it('deals a new group out in turn', () => {
    expect(assignSticky(5, ['b', 'a'], nobody(5))).toEqual(['a', 'b', 'a', 'b', 'a'])
  })

  it('takes an equal part of every member for a newcomer, from all over', () => {
    const before = assignSticky(1000, names(4), nobody(1000))
    const after = assignSticky(1000, [...names(4), 'new'], before)
    const taken = [...after.keys()].filter((partition) => after[partition] === 'new')
    expect(
      loadsOf(
        names(4),
        taken.map((partition) => before[partition]),
      ),
    ).toEqual([50, 50, 50, 50])
    for (let from = 0; from < 1000; from += 100) {
      expect(taken.filter((partition) => partition >= from && partition < from + 100)).toHaveLength(20)
    }
  })

  it('gives two newcomers equal parts of every member', () => {
    const before = assignSticky(600, names(4), nobody(600))
    const after = assignSticky(600, [...names(4), 'x', 'y'], before)
    for (const newcomer of ['x', 'y']) {
      const taken = before.filter((_, partition) => after[partition] === newcomer)
      for (const load of loadsOf(names(4), taken)) expect(Math.abs(load - 25)).toBeLessThanOrEqual(1)
    }
  })

  it('spreads the partitions of a member that left over all that stayed', () => {
    const before = assignSticky(256, names(5), nobody(256))
    const after = assignSticky(256, names(4), before)
    const inherited = after.filter((_, partition) => before[partition] === 'w4')
    expect(movedBetween(before, after)).toBe(inherited.length)
    for (const load of loadsOf(names(4), inherited))
      expect(Math.abs(load - inherited.length / 4)).toBeLessThanOrEqual(1)
  })

  it('leaves some members without any when there are more members than partitions, and moves nothing to them', () => {
    const before = assignSticky(3, ['d', 'e', 'f'], nobody(3))
    expect(assignSticky(3, ['a', 'b', 'c', 'd', 'e', 'f'], before)).toEqual(before)
  })

  it('gives nobody anything when there are no members, and nothing is there without partitions', () => {
    expect(assignSticky(2, [], ['a', undefined])).toEqual([undefined, undefined])
    expect(assignSticky(0, ['a'], [])).toEqual([])
  })

  it('takes a member named twice once, and ignores owners beyond the last partition', () => {
    expect(assignSticky(2, ['a', 'a', 'b'], ['a', 'a', 'b', 'b'])).toEqual(assignSticky(2, ['a', 'b'], ['a', 'a']))
  })

  it('places 100 000 partitions on 1 000 members and a newcomer with the fewest moves', () => {
    const before = assignSticky(100_000, names(1000), nobody(100_000))
    const members = [...names(1000), 'new']
    const after = assignSticky(100_000, members, before)
    const loads = new Map<string | undefined, number>()
    for (const owner of after) loads.set(owner, (loads.get(owner) ?? 0) + 1)
    expect(new Set(loads.values())).toEqual(new Set([99, 100]))
    expect(loads.size).toBe(1001)
    expect(movedBetween(before, after)).toBe(minimumMoves(before, members))
    expect(movedBetween(before, after)).toBe(99)
  })
})

describe('keys that move when an 11th member joins 10', () => {
  const keys = Array.from({ length: 50_000 }, (_, i) => `user-${i}`)
  const share = (moves: (key: string) => boolean) => keys.filter(moves).length / keys.length

  it('are one in eleven with partitions', () => {
    const before = assignSticky(256, names(10), nobody(256))
    const after = assignSticky(256, names(11), before)
    expect(movedBetween(before, after)).toBe(23)
    const moved = share((key) => before[partitionOf(key, 256)] !== after[partitionOf(key, 256)])
    expect(moved).toBeCloseTo(23 / 256, 2)
    expect(moved).toBeCloseTo(1 / 11, 2)
  })

  it('are ten in eleven with an index', () => {
    const before = names(10)
    const after = orderMembers(
      before,
      names(11).map((id, incarnation) => ({ id, incarnation })),
    )
    const moved = share((key) => before[indexOf(key, 10) - 1] !== after[indexOf(key, 11) - 1])
    expect(moved).toBeCloseTo(10 / 11, 2)
  })
})

describe('the rules catch an assigner that breaks them', () => {
  const caught = <T>(property: fc.IProperty<T>): boolean => fc.check(property, { numRuns: 200, seed: 1 }).failed

  it('A1: leaves the last partition without an owner', () => {
    const broken: Assigner = (partitions, members, current) =>
      assignSticky(partitions, members, current).map((owner, i) => (i === partitions - 1 ? undefined : owner))
    expect(caught(fc.property(cases(LARGE), (judged) => eachHasOneOwner(broken, judged)))).toBe(true)
  })

  it('A2: only fills up, never takes away', () => {
    const broken: Assigner = (partitions, members, current) => {
      const full = assignSticky(partitions, members, current)
      return full.map((owner, i) => (members.includes(current[i] ?? '') ? current[i] : owner))
    }
    expect(caught(fc.property(cases(LARGE), (judged) => isBalanced(broken, judged)))).toBe(true)
  })

  it('A3: takes the members as they come', () => {
    const broken: Assigner = (partitions, members) =>
      Array.from({ length: partitions }, (_, i) => members[i % members.length])
    expect(caught(fc.property(shuffledCases(LARGE), ([judged, order]) => ignoresOrder(broken, judged, order)))).toBe(
      true,
    )
  })

  it('A4: starts from nothing each time', () => {
    const broken: Assigner = (partitions, members) => assignSticky(partitions, members, nobody(partitions))
    expect(caught(fc.property(cases(SMALL), (judged) => movesFewest(broken, judged, fewestByTrying)))).toBe(true)
    expect(caught(fc.property(cases(LARGE), (judged) => movesFewest(broken, judged, byCounts)))).toBe(true)
  })

  it('A4: gives the places of one more to the first by name instead of to those that hold more', () => {
    const broken: Assigner = (partitions, members, current) => {
      const sorted = [...members].sort()
      const room = new Map(
        sorted.map((id, i) => [id, Math.floor(partitions / sorted.length) + (i < partitions % sorted.length ? 1 : 0)]),
      )
      const take = (id: string | undefined) => {
        const left = id === undefined ? 0 : (room.get(id) ?? 0)
        if (id === undefined || left === 0) return undefined
        room.set(id, left - 1)
        return id
      }
      const kept = Array.from({ length: partitions }, (_, i) => take(current[i]))
      return kept.map((owner) => owner ?? take(sorted.find((id) => (room.get(id) ?? 0) > 0)))
    }
    expect(caught(fc.property(cases(SMALL), (judged) => isBalanced(broken, judged)))).toBe(false)
    expect(caught(fc.property(cases(SMALL), (judged) => movesFewest(broken, judged, fewestByTrying)))).toBe(true)
  })
})
