import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { changeFault, minimumMoves, plan } from '../../../../src/core/assignment/plan.ts'
import { assignSticky } from '../../../../src/core/assignment/sticky.ts'
import { cases, fewestByTrying } from './rules.ts'

const grouped = (partitions: number, members: readonly string[]) => ({
  members,
  owners: assignSticky(partitions, members, new Array<undefined>(partitions).fill(undefined)),
})

describe('a plan', () => {
  it('shows what a newcomer would take, by partition, before it does', () => {
    const group = grouped(6, ['a', 'b'])
    expect(plan(group, { join: ['c'] })).toEqual({
      moves: [
        { partition: 0, from: 'a', to: 'c' },
        { partition: 1, from: 'b', to: 'c' },
      ],
      minimum: 2,
    })
  })

  it('counts every partition of a member that leaves', () => {
    const group = grouped(6, ['a', 'b', 'c'])
    const { moves, minimum } = plan(group, { leave: ['b'] })
    expect(moves.map(({ partition, from }) => [partition, from])).toEqual([
      [1, 'b'],
      [4, 'b'],
    ])
    expect(minimum).toBe(2)
  })

  it('does not count a first owner: nothing pauses', () => {
    expect(plan({ members: [], owners: [undefined, undefined] }, { join: ['a'] })).toEqual({ moves: [], minimum: 0 })
  })

  it('says that nobody is left, in a form that JSON keeps', () => {
    const planned = plan(grouped(2, ['a']), { leave: ['a'] })
    expect(JSON.parse(JSON.stringify(planned))).toEqual({
      moves: [
        { partition: 0, from: 'a', to: null },
        { partition: 1, from: 'a', to: null },
      ],
      minimum: 2,
    })
  })

  it('shows nothing for no change, for a second join and for a leave of nobody', () => {
    const group = grouped(7, ['a', 'b'])
    for (const change of [{}, { join: ['a'] }, { leave: ['z'] }]) {
      expect(plan(group, change)).toEqual({ moves: [], minimum: 0 })
    }
  })

  it('swaps a member for another with the moves of one', () => {
    const group = grouped(9, ['a', 'b', 'c'])
    const { moves } = plan(group, { join: ['d'], leave: ['b'] })
    expect(moves).toEqual([1, 4, 7].map((partition) => ({ partition, from: 'b', to: 'd' })))
  })

  it('comes true, and its minimum, taken from counts alone, is what it moves', () => {
    const change = fc.record({ join: fc.subarray(['n1', 'n2', 'w0']), leave: fc.subarray(['w0', 'w1', 'gone-1', 'é']) })
    fc.assert(
      fc.property(cases({ partitions: 120, members: 20 }), change, ({ members, current }, asked) => {
        const { moves, minimum } = plan({ members, owners: current }, asked)
        const after = [...new Set([...members, ...asked.join])].filter((id) => !asked.leave.includes(id))
        const owners = assignSticky(current.length, after, current)
        const seen = current.flatMap((from, partition) =>
          from === undefined || from === owners[partition] ? [] : [{ partition, from, to: owners[partition] ?? null }],
        )
        expect(moves).toEqual(seen)
        expect(moves).toHaveLength(minimum)
      }),
    )
  })

  it('shows what another weight would move', () => {
    const group = grouped(6, ['a', 'b'])
    expect(plan(group, { weigh: [{ id: 'a', weight: 2 }] })).toEqual({
      moves: [{ partition: 1, from: 'b', to: 'a' }],
      minimum: 1,
    })
  })

  it('shows a weight of 0 as a drain: the same moves as a leave', () => {
    const group = grouped(12, ['a', 'b', 'c'])
    expect(plan(group, { weigh: [{ id: 'b', weight: 0 }] })).toEqual(plan(group, { leave: ['b'] }))
  })

  it('refuses to reckon with a weight that is none', () => {
    const weigh = [{ id: 'a', weight: -1 }]
    expect(() => plan(grouped(6, ['a', 'b']), { weigh })).toThrow('a weight is a whole number')
  })

  it('changes nothing that it was given', () => {
    const group = grouped(12, ['a', 'b'])
    const frozen = { members: Object.freeze([...group.members]), owners: Object.freeze([...group.owners]) }
    expect(plan(frozen, { join: ['c'], leave: ['a'] }).minimum).toBe(6)
  })
})

describe('the minimum', () => {
  it('is what trying every balanced assignment finds', () => {
    fc.assert(
      fc.property(cases({ partitions: 6, members: 4 }), ({ members, current }) => {
        expect(minimumMoves(current, members)).toBe(fewestByTrying({ members, current }))
      }),
      { numRuns: 300 },
    )
  })

  it('is one part in eleven when an 11th joins 10', () => {
    const { owners, members } = grouped(
      1100,
      Array.from({ length: 10 }, (_, i) => `w${i}`),
    )
    expect(minimumMoves(owners, [...members, 'w10'])).toBe(100)
  })
})

describe('a change that somebody typed', () => {
  it.each([
    [{ join: [''] }, 'member id in the plan is empty'],
    [{ join: ['a'] }, '"a" cannot join, it is a member already'],
    [{ leave: ['z'] }, '"z" cannot leave, it is not a member'],
    [{ join: ['c'], leave: ['c'] }, '"c" cannot both join and leave'],
    [{ join: [{ id: 'c', weight: 1.5 }] }, 'weight of "c" in the plan must be a whole number from 0 to 1000, not 1.5'],
    [{ weigh: [{ id: 'a', weight: 1001 }] }, 'weight of "a" in the plan must be a whole number from 0 to 1000'],
    [{ weigh: [{ id: '', weight: 1 }] }, 'member id in the plan is empty'],
    [{ weigh: [{ id: 'z', weight: 1 }] }, '"z" cannot weigh something else, it is not a member'],
    [{ leave: ['a'], weigh: [{ id: 'a', weight: 1 }] }, '"a" cannot both leave and weigh something else'],
  ])('%j is refused', (change, reason) => {
    expect(changeFault(['a', 'b'], change)).toContain(reason)
  })

  it('is fine when it names newcomers and members', () => {
    expect(changeFault(['a', 'b'], { join: ['c', '__proto__'], leave: ['a'] })).toBeUndefined()
    const weighs = { join: [{ id: 'c', weight: 0 }], weigh: [{ id: 'b', weight: 1000 }] }
    expect(changeFault([{ id: 'a', weight: 7 }, 'b'], weighs)).toBeUndefined()
    expect(changeFault([], {})).toBeUndefined()
  })
})
