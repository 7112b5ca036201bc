import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { minimumMoves, plan } from '../../../../src/core/assignment/plan.ts'
import { assignSticky, type Owners } from '../../../../src/core/assignment/sticky.ts'
import { MAX_WEIGHT } from '../../../../src/core/assignment/weights.ts'
import { nobody, weighted } from './rules.ts'
import {
  type Assigner,
  type Case,
  cases,
  fewestByTrying,
  isFair,
  isLevel,
  isOwned,
  keepsLocks,
  loadOf,
  movesFewest,
  type Outcome,
  run,
  shuffledCases,
} from './weighted-rules.ts'

const SMALL = { partitions: 6, members: 4 }
const LARGE = { partitions: 200, members: 30 }
const RUNS = { numRuns: 400 }
const byCounts = ({ members, current, rules }: Case) => minimumMoves(current, members, rules)
const holds = (rule: (outcome: Outcome) => boolean, assign: Assigner, limits = LARGE) =>
  fc.property(cases(limits), (judged) => rule(run(assign, judged)))

describe('assignment by weight, with pins and frozen', () => {
  it('W1: gives every partition one owner, a member', () => {
    fc.assert(holds(isOwned, assignSticky), RUNS)
  })

  it('W2: leaves what is pinned with its member, and frozen whatever has an owner', () => {
    fc.assert(holds(keepsLocks, assignSticky), RUNS)
  })

  it('W3: brings the loads as close to the weights as they can come', () => {
    fc.assert(holds(isLevel, assignSticky), RUNS)
  })

  it('W4: gives each its part by weight, rounded down or up, or what it cannot lose', () => {
    fc.assert(holds(isFair, assignSticky), RUNS)
    fc.assert(holds(isFair, assignSticky, SMALL), RUNS)
  })

  it('W5: moves no more than the best of all fair assignments, tried one by one', () => {
    fc.assert(
      fc.property(cases(SMALL), (judged) => movesFewest(run(assignSticky, judged), fewestByTrying)),
      RUNS,
    )
  })

  it('W5: moves no more than the counts allow, at any size', () => {
    fc.assert(
      fc.property(cases(LARGE), (judged) => movesFewest(run(assignSticky, judged), byCounts)),
      RUNS,
    )
  })

  it('the counts and the trying agree on what the minimum is', () => {
    fc.assert(
      fc.property(cases(SMALL), (judged) => byCounts(judged) === fewestByTrying(judged)),
      RUNS,
    )
  })

  it('W6: depends on the set of members, not on their order', () => {
    fc.assert(
      fc.property(shuffledCases(LARGE), ([judged, members]) => {
        expect(run(assignSticky, { ...judged, members }).next).toEqual(run(assignSticky, judged).next)
      }),
    )
  })

  it('moves nothing when nothing changed', () => {
    fc.assert(
      fc.property(cases(LARGE), (judged) => {
        const current = run(assignSticky, judged).next
        expect(run(assignSticky, { ...judged, current }).next).toEqual(current)
      }),
    )
  })

  it('moves nothing when all weights grow alike: only their proportion counts', () => {
    fc.assert(
      fc.property(cases(LARGE), fc.integer({ min: 1, max: 9 }), (judged, factor) => {
        const light = judged.members.map(({ id, weight }) => ({ id, weight: weight % 100 }))
        const heavy = light.map(({ id, weight }) => ({ id, weight: weight * factor }))
        const { next } = run(assignSticky, { ...judged, members: light })
        expect(run(assignSticky, { ...judged, members: heavy }).next).toEqual(next)
      }),
    )
  })

  it('moves nothing when what is settled is pinned where it is, or frozen', () => {
    fc.assert(
      fc.property(cases(LARGE, false), fc.infiniteStream(fc.boolean()), (judged, chosen) => {
        const { members, rules, next } = run(assignSticky, judged)
        const pins = new Map(rules.pins)
        for (const [partition, owner] of next.entries()) {
          if (owner !== undefined && chosen.next().value) pins.set(partition, owner)
        }
        for (const also of [{ pins }, { ...rules, frozen: true }]) {
          expect(assignSticky(next.length, members, next, also)).toEqual(next)
        }
      }),
    )
  })

  it('moves nothing back at once when a settled group is thawed', () => {
    fc.assert(
      fc.property(cases(LARGE, true), (judged) => {
        const thawed = { ...judged, rules: { ...judged.rules, frozen: false } }
        const current = run(assignSticky, thawed).next
        const frozen = run(assignSticky, { ...judged, current }).next
        expect(run(assignSticky, { ...thawed, current: frozen }).next).toEqual(current)
      }),
    )
  })

  it('gives back what a guest had, and every step moves the fewest', () => {
    const guest = fc.integer({ min: 0, max: MAX_WEIGHT }).map((weight) => ({ id: 'a guest', weight }))
    fc.assert(
      fc.property(cases(LARGE), guest, (judged, newcomer) => {
        const before = run(assignSticky, judged).next
        const during = run(assignSticky, { ...judged, members: [...judged.members, newcomer], current: before })
        const after = run(assignSticky, { ...judged, current: during.next })
        expect(movesFewest(during, byCounts)).toBe(true)
        expect(movesFewest(after, byCounts)).toBe(true)
        expect(isFair(after)).toBe(true)
        expect(after.next).not.toContain('a guest')
      }),
    )
  })

  it('comes as it was planned', () => {
    const changed = cases(LARGE).chain((judged) => {
      const ids = ['n1', 'n2', ...judged.members.map(({ id }) => id)]
      const some = fc.uniqueArray(fc.record({ id: fc.constantFrom(...ids), weight: fc.integer({ min: 0, max: 9 }) }), {
        selector: ({ id }) => id,
        maxLength: 5,
      })
      const join = fc.tuple(some, fc.boolean()).map(([all, bare]) => (bare ? all.map(({ id }) => id) : all))
      const leave = fc.subarray([...ids, 'gone-1'], { maxLength: 3 })
      return fc.record({ judged: fc.constant(judged), asked: fc.record({ join, leave, weigh: some }) })
    })
    fc.assert(
      fc.property(changed, ({ judged: { members, current, rules }, asked }) => {
        const weights = new Map(members.map(({ id, weight }) => [id, weight]))
        for (const joins of asked.join) {
          const { id, weight } = typeof joins === 'string' ? { id: joins, weight: 1 } : joins
          weights.set(id, weights.get(id) ?? weight)
        }
        for (const { id, weight } of asked.weigh) if (weights.has(id)) weights.set(id, weight)
        for (const id of asked.leave) weights.delete(id)
        const next = assignSticky(current.length, weighted(Object.fromEntries(weights)), current, rules)
        const moved = current.flatMap((from, partition) =>
          from === undefined || from === next[partition] ? [] : [{ partition, from, to: next[partition] ?? null }],
        )
        const { moves, minimum } = plan({ members, owners: current, ...rules }, asked)
        expect(moves).toEqual(moved)
        expect(minimum).toBe(moved.length)
      }),
    )
  })
})

describe('the rules catch an assigner that breaks them', () => {
  const caught = <T>(property: fc.IProperty<T>): boolean => fc.check(property, { numRuns: 400, seed: 1 }).failed
  const broken =
    (change: (judged: Case) => Partial<Case>): Assigner =>
    (_, members, current, rules) => {
      const judged = { members, current, rules }
      return run(assignSticky, { ...judged, ...change(judged) }).next
    }
  const everyWeight = (weight: (given: number) => number) =>
    broken(({ members }) => ({ members: members.map((member) => ({ ...member, weight: weight(member.weight) })) }))

  it('W1: gives what is left over to nobody', () => {
    const assign: Assigner = (partitions, members, current, rules) => {
      const loads = new Map<string | undefined, number>()
      const sum = members.reduce((total, { weight }) => total + weight, 0)
      return assignSticky(partitions, members, current, rules).map((owner) => {
        const load = (loads.get(owner) ?? 0) + 1
        const { weight = 0 } = members.find(({ id }) => id === owner) ?? {}
        loads.set(owner, load)
        return load > Math.floor((partitions * weight) / sum) ? undefined : owner
      })
    }
    expect(caught(holds(isOwned, assign))).toBe(true)
  })

  it('W2: forgets the pins, or the frost, or lets pins win against it', () => {
    const noPins = broken(({ rules }) => ({ rules: { ...rules, pins: undefined } }))
    const noFrost = broken(({ rules }) => ({ rules: { ...rules, frozen: false } }))
    const pinsWin = broken(({ current, rules: { pins, ...rules } }) => ({
      current: current.map((owner, partition) => pins?.get(partition) ?? owner),
      rules,
    }))
    for (const assign of [noPins, noFrost, pinsWin]) expect(caught(holds(keepsLocks, assign))).toBe(true)
  })

  it('W3, W4: takes all members for equals, or none for weightless', () => {
    const equals = everyWeight(() => 1)
    const weightless = everyWeight((weight) => Math.max(1, weight))
    for (const assign of [equals, weightless]) expect(caught(holds(isFair, assign))).toBe(true)
    expect(caught(holds(isLevel, equals))).toBe(true)
  })

  it('W4: does not count pins for the load', () => {
    const assign: Assigner = (partitions, members, current, rules) => {
      const full = assignSticky(partitions, members, current)
      return full.map((owner, i) => members.find(({ id }) => id === rules.pins?.get(i))?.id ?? owner)
    }
    expect(caught(holds(isFair, assign))).toBe(true)
    expect(caught(holds(isLevel, assign))).toBe(true)
  })

  it('W5: gives the places of one more by remainder alone', () => {
    const byRemainder: Assigner = (partitions, members, current) => {
      const ideal = assignSticky(partitions, members, nobody(partitions))
      const room = new Map(members.map(({ id }) => [id, loadOf(id, ideal)]))
      const take = (id: string | undefined) => {
        const left = id === undefined ? 0 : (room.get(id) ?? 0)
        if (id === undefined || left === 0) return undefined
        room.set(id, left - 1)
        return id
      }
      const kept = current.map(take)
      return kept.map((owner) => owner ?? take([...room.keys()].find((id) => (room.get(id) ?? 0) > 0)))
    }
    const plain = cases(SMALL, false).map((judged) => ({ ...judged, rules: {} }))
    expect(caught(fc.property(plain, (judged) => isFair(run(byRemainder, judged))))).toBe(false)
    expect(caught(fc.property(plain, (judged) => movesFewest(run(byRemainder, judged), fewestByTrying)))).toBe(true)
    expect(caught(fc.property(plain, (judged) => movesFewest(run(byRemainder, judged), byCounts)))).toBe(true)
  })

  it('W5: starts from nothing each time', () => {
    const assign: Assigner = (partitions, members, _, rules): Owners =>
      assignSticky(partitions, members, nobody(partitions), { pins: rules.pins })
    expect(caught(fc.property(cases(LARGE), (judged) => movesFewest(run(assign, judged), byCounts)))).toBe(true)
  })
})
