import { invariant } from '../machine.ts'

/** What is known of each member by rank: its weight, what it cannot lose, and what it holds, the former included. */
export interface Claims {
  readonly weight: Int32Array
  readonly locked: Int32Array
  readonly holds: Int32Array
}

/** Some members share some partitions by weight: each gets the floor of its fair part, and `places` of them get one more. */
interface Sharing {
  readonly ranks: readonly number[]
  readonly weight: number
  readonly partitions: number
}

/**
 * Gives how many partitions each member should have, by rank.
 *
 * The fair load of a member is its part by weight, rounded down or up. One that cannot lose more than that has just what it
 * cannot lose, and the others share the rest; as this lowers what is fair for them it is repeated until nobody is left above.
 * Of the others, the places of one more go to those that cannot lose it, then to those that hold more than the floor, where
 * each saves a move, then by the larger remainder, by what they hold, by rank. When all weights are 0, only what is locked
 * counts. All sums are whole numbers below 2^53. Time: linear in the members for each repetition, plus sorting.
 */
export const targetLoads = (partitions: number, claims: Claims): Int32Array => {
  const { weight, locked, holds } = claims
  const target = locked.slice()
  const sharing = settle(partitions, claims)
  if (sharing.weight === 0) return target
  const remainder = new Float64Array(weight.length)
  let places = sharing.partitions
  for (const rank of sharing.ranks) {
    const part = sharing.partitions * weight[rank]!
    remainder[rank] = part % sharing.weight
    target[rank] = (part - remainder[rank]!) / sharing.weight
    places -= target[rank]!
  }
  if (places === 0) return target
  const claim = (rank: number): number => (locked[rank]! > target[rank]! ? 2 : holds[rank]! > target[rank]! ? 1 : 0)
  const claimed = Int8Array.from(target, (_, rank) => claim(rank))
  const order = sharing.ranks
    .filter((rank) => remainder[rank]! > 0)
    .sort((a, b) => claimed[b]! - claimed[a]! || remainder[b]! - remainder[a]! || holds[b]! - holds[a]! || a - b)
  invariant(places <= order.length, 'there is a remainder for each place')
  for (const rank of order.slice(0, places)) target[rank]! += 1
  return target
}

/** Leaves out those without a weight and then, until nothing changes, whoever cannot lose more than what is fair. */
const settle = (partitions: number, claims: Claims): Sharing => {
  const ranks = Array.from(claims.weight, (_, rank) => rank)
  let sharing: Sharing = { ranks, weight: claims.weight.reduce((sum, weight) => sum + weight, 0), partitions }
  let out = new Set(ranks.filter((rank) => claims.weight[rank] === 0))
  do {
    sharing = without(sharing, out, claims)
    out = aboveFair(sharing, claims)
  } while (out.size > 0)
  return sharing
}

/** Whoever is left out has what is locked to it, and no more. */
const without = (sharing: Sharing, out: ReadonlySet<number>, claims: Claims): Sharing => {
  let { weight, partitions } = sharing
  for (const rank of out) {
    weight -= claims.weight[rank]!
    partitions -= claims.locked[rank]!
  }
  return { ranks: sharing.ranks.filter((rank) => !out.has(rank)), weight, partitions }
}

/** Who is above its fair load rounded up; if nobody is, those that must have it rounded up, should they outnumber the places. */
const aboveFair = (sharing: Sharing, { weight, locked }: Claims): Set<number> => {
  const above = new Set<number>()
  const roundedUp = new Set<number>()
  let places = sharing.partitions
  for (const rank of sharing.ranks) {
    const part = sharing.partitions * weight[rank]!
    const remainder = part % sharing.weight
    const floor = (part - remainder) / sharing.weight
    places -= floor
    if (locked[rank]! <= floor) continue
    if (locked[rank] === floor + 1 && remainder > 0) roundedUp.add(rank)
    else above.add(rank)
  }
  if (above.size > 0) return above
  return roundedUp.size > places ? roundedUp : above
}
