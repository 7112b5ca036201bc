import fc from 'fast-check'
import type { AssignmentRules, Owners, Weighted } from '../../../../src/core/assignment/sticky.ts'
import { MAX_WEIGHT } from '../../../../src/core/assignment/weights.ts'
import { movedBetween, NAMES } from './rules.ts'

/** What is judged: the assigner itself, or one that was broken on purpose. */
export type Assigner = (
  partitions: number,
  members: readonly Weighted[],
  current: Owners,
  rules: AssignmentRules,
) => Owners

export interface Case {
  readonly members: readonly Weighted[]
  readonly current: Owners
  readonly rules: AssignmentRules
}

/** What was judged, and what the assigner made of it. */
export interface Outcome extends Case {
  readonly next: Owners
}

export const run = (assign: Assigner, { members, current, rules }: Case): Outcome => ({
  members,
  current,
  rules,
  next: assign(current.length, members, current, rules),
})

export const loadOf = (id: string, owners: Owners): number => owners.filter((owner) => owner === id).length

/** Whose each partition must be: its pin's, and when frozen first of all its owner's. */
export const lockedTo = ({ members, current, rules: { pins, frozen = false } }: Case): Owners => {
  const present = (id: string | undefined) => (members.some((member) => member.id === id) ? id : undefined)
  return current.map((owner, partition) => (frozen ? present(owner) : undefined) ?? present(pins?.get(partition)))
}

/** W1: every partition has one owner, a member, except where there is no weight to share by. */
export const isOwned = ({ members, current, next, rules }: Outcome): boolean => {
  const locked = lockedTo({ members, current, rules })
  const shared = members.some(({ weight }) => weight > 0)
  return (
    next.length === current.length &&
    next.every((owner, partition) =>
      owner === undefined
        ? !shared && locked[partition] === undefined
        : members.some(({ id }) => id === owner) && (shared || locked[partition] === owner),
    )
  )
}

/** W2: nothing is elsewhere than where it must be. */
export const keepsLocks = (outcome: Outcome): boolean =>
  lockedTo(outcome).every((owner, partition) => owner === undefined || owner === outcome.next[partition])

/**
 * W3: no partition that may move would bring the loads closer to the weights. In whole numbers: for whoever could give one and
 * whoever could take one, the giver without it stays below what the taker with it would have, each by its weight.
 */
export const isLevel = (outcome: Outcome): boolean => {
  const { members, next } = outcome
  const locked = lockedTo(outcome)
  return members.every((giver) => {
    const load = loadOf(giver.id, next)
    if (load === loadOf(giver.id, locked)) return true
    return members.every(
      (taker) => (load - 1) * taker.weight < (loadOf(taker.id, next) + 1) * giver.weight || taker.weight === 0,
    )
  })
}

/** W4: loads are those of the definition. */
export const isFair = (outcome: Outcome): boolean => areFair(outcome, outcome.next)

/** W5: no more moves than `fewest` says any fair assignment needs. */
export const movesFewest = (outcome: Outcome, fewest: (judged: Case) => number): boolean =>
  movedBetween(outcome.current, outcome.next) === fewest(outcome)

const areFair = (judged: Case, owners: Owners): boolean => {
  const ranges = fairRanges(judged)
  return judged.members.every(({ id }) => {
    const [least, most] = ranges.get(id) ?? [0, 0]
    const load = loadOf(id, owners)
    return load >= least && load <= most
  })
}

/**
 * The definition, word by word: each has its part by weight, rounded down or up. Who must have more than that has just what it
 * must, one after the other; when nobody is left above but more must be rounded up than can be, these have just what they must.
 */
const fairRanges = (judged: Case): Map<string, readonly [number, number]> => {
  const locked = lockedTo(judged)
  const ranges = new Map<string, readonly [number, number]>()
  let sharing = judged.members.map((member) => ({ ...member, must: loadOf(member.id, locked) }))
  let partitions = judged.current.length
  const settle = (settled: typeof sharing) => {
    for (const { id, must } of settled) {
      ranges.set(id, [must, must])
      partitions -= must
    }
    sharing = sharing.filter((member) => !settled.includes(member))
  }
  settle(sharing.filter(({ weight }) => weight === 0))
  for (;;) {
    const weights = sharing.reduce((sum, { weight }) => sum + weight, 0)
    const part = (weight: number) => BigInt(partitions) * BigInt(weight)
    const floor = (weight: number) => Number(part(weight) / BigInt(weights))
    const ceil = (weight: number) => floor(weight) + (part(weight) % BigInt(weights) === 0n ? 0 : 1)
    const above = sharing.find(({ weight, must }) => must > ceil(weight))
    if (above !== undefined) {
      settle([above])
      continue
    }
    const places = partitions - sharing.reduce((sum, { weight }) => sum + floor(weight), 0)
    const up = sharing.filter(({ weight, must }) => must > floor(weight))
    if (up.length > places) {
      settle(up)
      continue
    }
    for (const { id, weight } of sharing) ranges.set(id, [floor(weight), ceil(weight)])
    return ranges
  }
}

/** The fewest moves found by trying every fair assignment there is. Only for a few partitions and members. */
export const fewestByTrying = (judged: Case): number => {
  const { members, current } = judged
  if (!members.some(({ weight }) => weight > 0)) return movedBetween(current, lockedTo(judged))
  const locked = lockedTo(judged)
  const owners: (string | undefined)[] = []
  const tryFrom = (partition: number): number => {
    if (partition === current.length)
      return areFair(judged, owners) ? movedBetween(current, owners) : Number.POSITIVE_INFINITY
    const must = locked[partition]
    let fewest = Number.POSITIVE_INFINITY
    for (const { id } of members) {
      if (must !== undefined && must !== id) continue
      owners[partition] = id
      fewest = Math.min(fewest, tryFrom(partition + 1))
    }
    return fewest
  }
  return tryFrom(0)
}

/** Small ones, where parts are often whole numbers, or any. */
const weights = fc.constantFrom(
  fc.constantFrom(0, 1, 1, 2, 3),
  fc.oneof(fc.constantFrom(0, 1, 5, MAX_WEIGHT), fc.integer({ min: 0, max: MAX_WEIGHT })),
)

/** Any current state, weights, pins (to strangers and beyond the last partition, too), frozen or not. */
export const cases = (limits: { partitions: number; members: number }, frozen?: boolean): fc.Arbitrary<Case> =>
  fc
    .tuple(fc.shuffledSubarray(NAMES, { maxLength: limits.members }), weights)
    .chain(([ids, weight]) => fc.tuple(...ids.map((id) => weight.map((drawn) => ({ id, weight: drawn })))))
    .chain((members) => {
      const somebody = fc.constantFrom(...members.map(({ id }) => id), 'gone-1')
      return fc.record({
        members: fc.constant(members),
        current: fc.array(fc.oneof(somebody, somebody, fc.constantFrom('gone-2', undefined)), {
          maxLength: limits.partitions,
        }),
        rules: fc.record({
          pins: fc
            .array(fc.tuple(fc.nat(limits.partitions + 2), somebody), { maxLength: limits.partitions })
            .map((pins) => new Map(pins)),
          frozen: frozen === undefined ? fc.boolean() : fc.constant(frozen),
        }),
      })
    })

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
