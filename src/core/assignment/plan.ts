import { idFault } from '../ids.ts'
import { minimumMoves } from './minimum.ts'
import { type AssignmentRules, assignSticky, type Owners } from './sticky.ts'
import { idOf, type Sharer, type Weighted, weightById, weightFault, weightOf } from './weights.ts'

export { minimumMoves } from './minimum.ts'

/** A group that shares partitions: who is in it, who owns each partition, what is pinned, and whether it is frozen. */
export interface Partitioned extends AssignmentRules {
  readonly members: readonly Sharer[]
  readonly owners: Owners
}

/** Who would come, who would go, and whose weight would be another. To drain a member is to see it go. */
export interface Change {
  readonly join?: readonly Sharer[]
  readonly leave?: readonly string[]
  readonly weigh?: readonly Weighted[]
}

/** One partition that changes its owner; `to` is `null` when nobody is left to take it. */
export interface Move {
  readonly partition: number
  readonly from: string
  readonly to: string | null
}

/** What a change would move, by partition number, and how few moves any assignment with fair loads could do with. */
export interface Plan {
  readonly moves: readonly Move[]
  readonly minimum: number
}

/**
 * Shows what would move before it does; nothing is changed, and the same change later moves just this.
 *
 * A move is a partition that loses its owner: it pauses, is drained and is granted to somebody else. Partitions of a member
 * that leaves therefore count. A first owner of a partition that had none is not a move: nothing pauses. Joining twice, leaving
 * without being there and a weight for a stranger change nothing, as in the group itself; `changeFault` says so to somebody who
 * typed it.
 */
export const plan = (group: Partitioned, change: Change): Plan => {
  const { owners } = group
  const after = membersAfter(group.members, change)
  const next = assignSticky(owners.length, after, owners, group)
  const moves: Move[] = []
  for (const [partition, from] of owners.entries()) {
    const to = next[partition]
    if (from !== undefined && from !== to) moves.push({ partition, from, to: to ?? null })
  }
  return { moves, minimum: minimumMoves(owners, after, group) }
}

const membersAfter = (members: readonly Sharer[], { join = [], leave = [], weigh = [] }: Change): Weighted[] => {
  const weights = weightById(members)
  for (const [id, weight] of weightById(join)) if (!weights.has(id)) weights.set(id, weight)
  for (const { id, weight } of weigh) if (weights.has(id)) weights.set(id, weight)
  for (const id of leave) weights.delete(id)
  return Array.from(weights, ([id, weight]) => ({ id, weight }))
}

/**
 * Says what is wrong with a change that somebody asked for, or `undefined`: a bad id or weight, a join of a member, a leave or
 * another weight of somebody who is none.
 */
export const changeFault = (
  members: readonly Sharer[],
  { join = [], leave = [], weigh = [] }: Change,
): string | undefined => {
  const present = new Set(members.map(idOf))
  const leaving = new Set(leave)
  for (const id of [...join, ...leave, ...weigh].map(idOf)) {
    const fault = idFault(id, 'member id in the plan')
    if (fault !== undefined) return fault
  }
  for (const sharer of [...join, ...weigh]) {
    const fault = weightFault(weightOf(sharer), `weight of ${JSON.stringify(idOf(sharer))} in the plan`)
    if (fault !== undefined) return fault
  }
  for (const id of join.map(idOf)) {
    if (leaving.has(id)) return `${JSON.stringify(id)} cannot both join and leave; name it once`
    if (present.has(id)) return `${JSON.stringify(id)} cannot join, it is a member already; name only newcomers`
  }
  for (const id of leave) {
    if (!present.has(id)) return `${JSON.stringify(id)} cannot leave, it is not a member; name only members`
  }
  for (const { id } of weigh) {
    if (leaving.has(id)) return `${JSON.stringify(id)} cannot both leave and weigh something else; name it once`
    if (!present.has(id))
      return `${JSON.stringify(id)} cannot weigh something else, it is not a member; name only members`
  }
  return undefined
}
