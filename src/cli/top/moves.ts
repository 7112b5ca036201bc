import type { GroupView, MemberView } from '../../core/group/view.ts'

/** How many items of a group are between two owners now: asked back, or nobody's. */
export const movingIn = ({ share, members, kept = [] }: GroupView): number => {
  const revoked = sum(members, ({ revoked = [] }) => revoked.length)
  if (typeof share === 'string' || members.length === 0) return revoked
  const owned = sum(members, ({ partitions = [] }) => partitions.length)
  const waiting = sum(kept, ({ partitions = [] }) => partitions.length)
  // What is asked back is not listed with what its owner has.
  return Math.max(revoked, share.partitions - owned - waiting)
}

const sum = <Each>(all: readonly Each[], count: (each: Each) => number): number =>
  all.reduce((total, each) => total + count(each), 0)

/** Counts what changes hands, from one picture to the next. */
export class Moves {
  #owners = new Map<string, ReadonlyMap<number, string>>()
  #moved = new Map<string, number>()

  take(groups: readonly GroupView[]): ReadonlyMap<string, number> {
    const owners = new Map<string, ReadonlyMap<number, string>>()
    const moved = new Map<string, number>()
    for (const { name, members } of groups) {
      const before = this.#owners.get(name)
      // Whose it was last, also while it is nobody's.
      const now = new Map(before)
      let count = this.#moved.get(name) ?? 0
      for (const member of members) {
        for (const item of itemsOf(member)) {
          const owner = now.get(item)
          if (owner !== undefined && owner !== member.id) count++
          now.set(item, member.id)
        }
      }
      owners.set(name, now)
      moved.set(name, count)
    }
    this.#owners = owners
    this.#moved = moved
    return moved
  }
}

const itemsOf = ({ partitions, index, leads, runs }: MemberView): readonly number[] => {
  if (partitions !== undefined) return partitions
  if (index !== undefined) return [index]
  return leads === true || runs === true ? [0] : []
}
