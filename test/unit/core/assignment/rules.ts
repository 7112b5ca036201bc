import fc from 'fast-check'
import type { Owners, Weighted } from '../../../../src/core/assignment/sticky.ts'

/** What is judged: the assigner itself, or one that was broken on purpose. */
export type Assigner = (partitions: number, members: readonly string[], current: Owners) => (string | undefined)[]

export interface Case {
  readonly members: readonly string[]
  readonly current: Owners
}

export const nobody = (partitions: number): undefined[] => new Array<undefined>(partitions).fill(undefined)

export const weighted = (weights: Readonly<Record<string, number>>): Weighted[] =>
  Object.entries(weights).map(([id, weight]) => ({ id, weight }))

export const loadsOf = (members: readonly string[], owners: Owners): number[] =>
  members.map((id) => owners.filter((owner) => owner === id).length)

export const movedBetween = (before: Owners, after: Owners): number =>
  before.filter((owner, partition) => owner !== undefined && owner !== after[partition]).length

/** A1: every partition has one owner, and it is a member. */
export const eachHasOneOwner = (assign: Assigner, { members, current }: Case): boolean => {
  const next = assign(current.length, members, current)
  return next.length === current.length && next.every((owner) => owner !== undefined && members.includes(owner))
}

/** A2: loads differ by at most one. */
export const isBalanced = (assign: Assigner, { members, current }: Case): boolean => {
  const loads = loadsOf(members, assign(current.length, members, current))
  return Math.max(...loads) - Math.min(...loads) <= 1
}

/** A3: the set of members decides, not their order. */
export const ignoresOrder = (assign: Assigner, { members, current }: Case, shuffled: readonly string[]): boolean => {
  const left = assign(current.length, members, current)
  const right = assign(current.length, shuffled, current)
  return left.every((owner, partition) => owner === right[partition])
}

/** A4: no more moves than `fewest` says any balanced assignment needs. */
export const movesFewest = (assign: Assigner, { members, current }: Case, fewest: (judged: Case) => number): boolean =>
  movedBetween(current, assign(current.length, members, current)) === fewest({ members, current })

/** The fewest moves found by trying every balanced assignment there is. Only for a few partitions and members. */
export const fewestByTrying = ({ members, current }: Case): number => {
  const loads = new Map(members.map((id) => [id, 0]))
  const most = Math.ceil(current.length / members.length)
  const least = Math.floor(current.length / members.length)
  const tryFrom = (partition: number): number => {
    if (partition === current.length) return Math.min(...loads.values()) >= least ? 0 : Number.POSITIVE_INFINITY
    const before = current[partition]
    let fewest = Number.POSITIVE_INFINITY
    for (const id of members) {
      const load = loads.get(id) ?? 0
      if (load === most) continue
      loads.set(id, load + 1)
      fewest = Math.min(fewest, tryFrom(partition + 1) + (before === undefined || before === id ? 0 : 1))
      loads.set(id, load)
    }
    return fewest
  }
  return tryFrom(0)
}

// Names that break objects used as maps are in on purpose.
export const NAMES = ['__proto__', 'constructor', 'é', '10', '9', ...Array.from({ length: 60 }, (_, i) => `w${i}`)]

/** Any current state: balanced or not, with partitions of nobody and of members that are gone. */
export const cases = (limits: { partitions: number; members: number }): fc.Arbitrary<Case> =>
  fc.shuffledSubarray(NAMES, { minLength: 1, maxLength: limits.members }).chain((members) =>
    fc.record({
      members: fc.constant(members),
      current: fc.array(fc.constantFrom(...members, ...members, 'gone-1', 'gone-2', undefined), {
        maxLength: limits.partitions,
      }),
    }),
  )

/** A case, and the same members in another order. */
export const shuffledCases = (limits: { partitions: number; members: number }) =>
  cases(limits).chain((judged) =>
    fc.tuple(
      fc.constant(judged),
      fc.shuffledSubarray([...judged.members], {
        minLength: judged.members.length,
        maxLength: judged.members.length,
      }),
    ),
  )
