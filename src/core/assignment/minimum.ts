import type { AssignmentRules, Owners } from './sticky.ts'
import { type Sharer, weightById } from './weights.ts'

/** What is known of a member: what it can lose and what it cannot, from counts alone. */
interface Count {
  readonly weight: number
  fixed: number
  loose: number
}

/**
 * The fewest partitions that must change their owner so that `members` own all of them with fair loads.
 *
 * From counts alone and by itself, so that it can judge an assigner: a member can keep its fair load rounded down, and of those
 * that hold more than that as many as there are places can keep one more; whatever else has an owner moves. What is pinned
 * elsewhere moves, and frozen, nothing moves that has a member for an owner.
 */
export const minimumMoves = (owners: Owners, members: readonly Sharer[], rules: AssignmentRules = {}): number => {
  const { pins, frozen = false } = rules
  const counts = new Map<string, Count>()
  for (const [id, weight] of weightById(members)) counts.set(id, { weight, fixed: 0, loose: 0 })
  let moves = 0
  for (const [partition, owner] of owners.entries()) {
    const has = owner === undefined ? undefined : counts.get(owner)
    const pin = pins?.get(partition)
    const wants = pin === undefined ? undefined : counts.get(pin)
    const stays = frozen && has !== undefined ? has : wants
    if (stays !== undefined) stays.fixed++
    if (owner === undefined || (stays !== undefined && stays === has)) continue
    // Counted as moving until it turns out that its owner can keep it.
    moves++
    if (stays === undefined && has !== undefined) has.loose++
  }
  return moves - keepable([...counts.values()], owners.length)
}

/** How many of the partitions that could be taken from members need not be. */
const keepable = (counts: readonly Count[], partitions: number): number => {
  const sharing = counts.filter(({ weight }) => weight > 0)
  const weights = total(sharing, ({ weight }) => weight)
  const shared = partitions - total(counts, ({ weight, fixed }) => (weight > 0 ? 0 : fixed))
  const fair = ({ weight }: Count): number => (shared * weight) / weights
  const floor = (count: Count): number => Math.floor(fair(count))
  const places = shared - total(sharing, floor)
  const over = sharing.filter((count) => count.fixed > Math.ceil(fair(count)))
  const rounded = sharing.filter((count) => count.fixed > floor(count))
  const out = new Set(over.length > 0 ? over : rounded.length > places ? rounded : [])
  if (out.size > 0) {
    // They have what they cannot lose, and the others share what is left as if these were not there.
    const others = sharing.filter((count) => !out.has(count))
    return keepable(others, shared - total([...out], ({ fixed }) => fixed))
  }
  const below = total(sharing, (count) => Math.max(0, Math.min(count.loose, floor(count) - count.fixed)))
  const fuller = sharing.filter((count) => count.fixed + count.loose > floor(count) && !Number.isInteger(fair(count)))
  // Those that must have a place have it for something that they cannot lose anyway.
  return below + Math.min(places, fuller.length) - rounded.length
}

const total = (counts: readonly Count[], of: (count: Count) => number): number =>
  counts.reduce((sum, count) => sum + of(count), 0)
