import { compareIds } from '../ids.ts'
import { invariant } from '../machine.ts'

/** Who owns each partition, by number; `undefined` where nobody does. */
export type Owners = ReadonlyArray<string | undefined>

/**
 * Gives every partition one owner, with loads that differ by at most one and as few moves as these loads allow.
 *
 * Depends on the set of members and on `current`, never on the order of `members`. Owners in `current` that are not members
 * count as gone. What a member gives up is spread over its partitions, and what is free is dealt out in turn, donor by donor,
 * so that every newcomer gets an equal part of each donor. Without members nobody owns anything.
 *
 * Why it is minimal: with q = ⌊partitions / members⌋ a member keeps at most q, or q + 1 if it is among the remainder; the
 * places of q + 1 go first to members that hold more than q, where each saves one move, and elsewhere they save none.
 * Time: linear in the partitions, plus sorting the members.
 */
export const assignSticky = (
  partitions: number,
  members: readonly string[],
  current: Owners,
): (string | undefined)[] => {
  invariant(Number.isSafeInteger(partitions) && partitions >= 0, 'partitions is a count')
  const ids = [...new Set(members)].sort(compareIds)
  if (ids.length === 0) return new Array<string | undefined>(partitions).fill(undefined)
  const held = groupByOwner(partitions, ids, current)
  const target = targetLoads(partitions, ids.length, held)
  const { owner, free } = keep(partitions, target, held)
  deal(free, target, held, owner)
  return Array.from(owner, (rank) => ids[rank])
}

/**
 * The partitions sorted by who holds them: first the members by rank, then nobody and those gone, in order of appearance.
 * Those of group g are `sorted[start[g]]` up to, without, `sorted[start[g + 1]]`, ascending.
 */
interface Held {
  readonly sorted: Int32Array
  readonly start: Int32Array
}

const load = (held: Held, group: number): number => held.start[group + 1]! - held.start[group]!

const groupByOwner = (partitions: number, ids: readonly string[], current: Owners): Held => {
  const groups = new Map<string | undefined, number>(ids.map((id, rank) => [id, rank]))
  const groupOf = new Int32Array(partitions)
  for (let partition = 0; partition < partitions; partition++) {
    const owner = current[partition]
    let group = groups.get(owner)
    if (group === undefined) {
      group = groups.size
      groups.set(owner, group)
    }
    groupOf[partition] = group
  }
  const start = new Int32Array(groups.size + 1)
  for (const group of groupOf) start[group + 1]! += 1
  for (let group = 0; group < groups.size; group++) start[group + 1]! += start[group]!
  const next = start.slice()
  const sorted = new Int32Array(partitions)
  for (let partition = 0; partition < partitions; partition++) {
    const group = groupOf[partition]!
    sorted[next[group]!++] = partition
  }
  return { sorted, start }
}

const targetLoads = (partitions: number, members: number, held: Held): Int32Array => {
  const target = new Int32Array(members).fill(Math.floor(partitions / members))
  // Those who hold most come first; equals by rank, which is by id.
  const ranks = Array.from(target, (_, rank) => rank).sort((a, b) => load(held, b) - load(held, a) || a - b)
  for (const rank of ranks.slice(0, partitions % members)) target[rank]! += 1
  return target
}

/** Keeps what each member may keep; `free` is the rest, donor by donor. */
const keep = (partitions: number, target: Int32Array, { sorted, start }: Held) => {
  const owner = new Int32Array(partitions)
  const free: number[] = []
  for (let group = 0; group < start.length - 1; group++) {
    const from = start[group]!
    const holds = start[group + 1]! - from
    const keeps = Math.min(holds, target[group] ?? 0)
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

/** Deals the free partitions out in rounds, one to each member that still needs one. */
const deal = (free: readonly number[], target: Int32Array, held: Held, owner: Int32Array): void => {
  const missing = target.map((wanted, rank) => Math.max(0, wanted - load(held, rank)))
  let needy = Array.from(missing, (_, rank) => rank).filter((rank) => missing[rank]! > 0)
  let dealt = 0
  while (needy.length > 0) {
    for (const rank of needy) {
      owner[free[dealt++]!] = rank
      missing[rank]! -= 1
    }
    needy = needy.filter((rank) => missing[rank]! > 0)
  }
  invariant(dealt === free.length, 'every free partition found a member')
}
