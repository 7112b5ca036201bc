import { compareIds } from '../ids.ts'
import { invariant } from '../machine.ts'
import { type Claims, targetLoads } from './loads.ts'
import { idOf, type Sharer, weightById, weightFault } from './weights.ts'

export type { Weighted } from './weights.ts'

/** Who owns each partition, by number; `undefined` where nobody does. */
export type Owners = ReadonlyArray<string | undefined>

/** What an operator asked for: partitions that belong to a certain member, and whether everybody keeps what it has. */
export interface AssignmentRules {
  /** By partition, whose it is whenever that member is there. */
  readonly pins?: ReadonlyMap<number, string> | undefined
  /** No member that is there loses anything, whatever the balance and the pins say. */
  readonly frozen?: boolean | undefined
}

/**
 * Gives every partition one owner, with loads as the weights say, rounded down or up, and as few moves as these loads allow.
 *
 * Depends on the set of members and on `current`, never on the order of `members`. Owners in `current` that are not members
 * count as gone. A pinned partition goes to its member if that is there, and counts for its load; a member with more pins than
 * its fair load has just its pins. Frozen, only partitions without a live owner are given, so that the loads come as close to
 * fair as they can. What a member gives up is spread over its partitions, and what is free is dealt out in turn, donor by
 * donor, so that every newcomer gets its part of each donor. Without members, or when all weights are 0, nobody owns anything
 * but pins.
 *
 * Why it is minimal: a member keeps at most its fair load rounded down, or up if it has one of the places that are left; these
 * go first to members that hold more than the floor, where each saves one move, and elsewhere they save none.
 * Time: linear in the partitions, plus sorting the members.
 */
export const assignSticky = (
  partitions: number,
  sharers: readonly Sharer[],
  current: Owners,
  rules: AssignmentRules = {},
): (string | undefined)[] => {
  invariant(Number.isSafeInteger(partitions) && partitions >= 0, 'partitions is a count')
  const members = sharers.map(idOf)
  const ids = [...new Set(members)].sort(compareIds)
  const held = groupByOwner(partitions, ids, current, rules)
  const claims = claimsOf(ids, weightById(sharers), held)
  const target = targetLoads(partitions, claims)
  const { owner, free } = keep(target, claims, held)
  deal(free, target, claims, owner)
  return Array.from(owner, (rank) => ids[rank])
}

const NOBODY = -1

/**
 * The partitions sorted by who holds them: first the members by rank, then nobody and those gone, in order of appearance.
 * Those of group g are `sorted[start[g]]` up to, without, `sorted[start[g + 1]]`, ascending. What nobody may take from its
 * member is not among them: `locked` has its rank, and `NOBODY` elsewhere.
 */
interface Held {
  readonly sorted: Int32Array
  readonly start: Int32Array
  readonly locked: Int32Array
}

/** Who must have which partition: by pin, and when frozen first of all by who has it. */
const lock = (
  partitions: number,
  ranks: ReadonlyMap<string | undefined, number>,
  current: Owners,
  { pins, frozen = false }: AssignmentRules,
): Int32Array => {
  const locked = new Int32Array(partitions).fill(NOBODY)
  // A pin of a partition that is not there falls outside of the array, where nothing is kept.
  for (const [partition, id] of pins ?? []) locked[partition] = ranks.get(id) ?? NOBODY
  for (let partition = 0; frozen && partition < partitions; partition++) {
    const owner = current[partition]
    if (owner !== undefined) locked[partition] = ranks.get(owner) ?? locked[partition]!
  }
  return locked
}

const groupByOwner = (partitions: number, ids: readonly string[], current: Owners, rules: AssignmentRules): Held => {
  const groups = new Map<string | undefined, number>(ids.map((id, rank) => [id, rank]))
  const locked = lock(partitions, groups, current, rules)
  const groupOf = new Int32Array(partitions)
  for (let partition = 0; partition < partitions; partition++) {
    if (locked[partition] !== NOBODY) continue
    const owner = current[partition]
    let group = groups.get(owner)
    if (group === undefined) {
      group = groups.size
      groups.set(owner, group)
    }
    groupOf[partition] = group
  }
  const start = new Int32Array(groups.size + 1)
  for (let partition = 0; partition < partitions; partition++) {
    if (locked[partition] === NOBODY) start[groupOf[partition]! + 1]! += 1
  }
  for (let group = 0; group < groups.size; group++) start[group + 1]! += start[group]!
  const next = start.slice()
  const sorted = new Int32Array(start[groups.size]!)
  for (let partition = 0; partition < partitions; partition++) {
    if (locked[partition] !== NOBODY) continue
    const group = groupOf[partition]!
    sorted[next[group]!++] = partition
  }
  return { sorted, start, locked }
}

const claimsOf = (ids: readonly string[], weights: ReadonlyMap<string, number>, { start, locked }: Held): Claims => {
  const weight = Int32Array.from(ids, (id) => {
    const given = weights.get(id)
    invariant(weightFault(given) === undefined, 'a weight is a whole number in its bounds')
    return given!
  })
  const lockedTo = new Int32Array(ids.length)
  for (const rank of locked) if (rank !== NOBODY) lockedTo[rank]! += 1
  const holds = lockedTo.map((count, rank) => count + start[rank + 1]! - start[rank]!)
  return { weight, locked: lockedTo, holds }
}

/** Keeps what each member may keep; `free` is the rest, donor by donor. */
const keep = (target: Int32Array, claims: Claims, { sorted, start, locked }: Held) => {
  const owner = locked.slice()
  const free: number[] = []
  for (let group = 0; group < start.length - 1; group++) {
    const from = start[group]!
    const holds = start[group + 1]! - from
    const keeps = Math.min(holds, (target[group] ?? 0) - (claims.locked[group] ?? 0))
    // Of `holds` in a row, the i-th is kept where i · keeps / holds passes a whole number: evenly spread, and exactly `keeps`.
    let passed = 0
    for (let i = 0; i < holds; i++) {
      passed += keeps
      if (passed >= holds) {
        passed -= holds
        owner[sorted[from + i]!] = group
      } else {
        free.push(sorted[from + i]!)
      }
    }
  }
  return { owner, free }
}

/**
 * Deals the free partitions out in rounds. In each, a member that still needs some gets as many as its weight is times the
 * lightest, fractions carried over: one each among equals.
 */
const deal = (free: readonly number[], target: Int32Array, { weight, holds }: Claims, owner: Int32Array): void => {
  const missing = target.map((wanted, rank) => Math.max(0, wanted - holds[rank]!))
  let needy = Array.from(missing, (_, rank) => rank).filter((rank) => missing[rank]! > 0)
  const lightest = needy.reduce((least, rank) => Math.min(least, weight[rank]!), Number.POSITIVE_INFINITY)
  const credit = new Float64Array(target.length)
  let dealt = 0
  while (needy.length > 0) {
    for (const rank of needy) {
      credit[rank]! += weight[rank]!
      while (credit[rank]! >= lightest && missing[rank]! > 0) {
        owner[free[dealt++]!] = rank
        missing[rank]! -= 1
        credit[rank]! -= lightest
      }
    }
    needy = needy.filter((rank) => missing[rank]! > 0)
  }
  invariant(dealt === free.length || !weight.some((heavy) => heavy > 0), 'every free partition found a member')
}
