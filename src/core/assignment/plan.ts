import { idFault } from '../ids.ts'
import { assignSticky, type Owners } from './sticky.ts'

/** A group that shares partitions: who is in it, and who owns each partition. */
export interface Partitioned {
  readonly members: readonly string[]
  readonly owners: Owners
}

/** Who would come and who would go. */
export interface Change {
  readonly join?: readonly string[]
  readonly leave?: readonly string[]
}

/** One partition that changes its owner; `to` is `null` when nobody is left to take it. */
export interface Move {
  readonly partition: number
  readonly from: string
  readonly to: string | null
}

/** What a change would move, by partition number, and how few moves any balanced assignment could do with. */
export interface Plan {
  readonly moves: readonly Move[]
  readonly minimum: number
}

/**
 * Shows what would move before it does; nothing is changed, and the same change later moves just this.
 *
 * A move is a partition that loses its owner: it pauses, is drained and is granted to somebody else. Partitions of a member
 * that leaves therefore count. A first owner of a partition that had none is not a move: nothing pauses. Joining twice and
 * leaving without being there change nothing, as in the group itself; `changeFault` says so to somebody who typed it.
 */
export const plan = ({ members, owners }: Partitioned, { join = [], leave = [] }: Change): Plan => {
  const gone = new Set(leave)
  const after = [...new Set([...members, ...join])].filter((id) => !gone.has(id))
  const next = assignSticky(owners.length, after, owners)
  const moves: Move[] = []
  for (const [partition, from] of owners.entries()) {
    const to = next[partition]
    if (from !== undefined && from !== to) moves.push({ partition, from, to: to ?? null })
  }
  return { moves, minimum: minimumMoves(owners, after) }
}

/**
 * The fewest partitions that must change their owner so that `members` own all of them with loads that differ by at most one.
 *
 * From counts alone, so that it can judge an assigner: a member can keep min(held, q), and `partitions mod members` of those
 * that hold more than q can keep one more; whatever else has an owner moves.
 */
export const minimumMoves = (owners: Owners, members: readonly string[]): number => {
  const held = new Map<string, number>()
  for (const id of members) held.set(id, 0)
  let owned = 0
  for (const owner of owners) {
    if (owner === undefined) continue
    owned++
    const count = held.get(owner)
    if (count !== undefined) held.set(owner, count + 1)
  }
  if (held.size === 0) return owned
  const quota = Math.floor(owners.length / held.size)
  let kept = 0
  let above = 0
  for (const count of held.values()) {
    kept += Math.min(count, quota)
    if (count > quota) above++
  }
  return owned - kept - Math.min(above, owners.length % held.size)
}

/** Says what is wrong with a change that somebody asked for, or `undefined`: a bad id, a join of a member, a leave of none. */
export const changeFault = (members: readonly string[], { join = [], leave = [] }: Change): string | undefined => {
  const present = new Set(members)
  const leaving = new Set(leave)
  for (const id of [...join, ...leave]) {
    const fault = idFault(id, 'member id in the plan')
    if (fault !== undefined) return fault
  }
  for (const id of join) {
    if (leaving.has(id)) return `${JSON.stringify(id)} cannot both join and leave; name it once`
    if (present.has(id)) return `${JSON.stringify(id)} cannot join, it is a member already; name only newcomers`
  }
  for (const id of leave) {
    if (!present.has(id)) return `${JSON.stringify(id)} cannot leave, it is not a member; name only members`
  }
  return undefined
}
