import { compareIds } from '../ids.ts'

/** Somebody who is present, with the incarnation that the coordinator gave. */
export interface PresentMember {
  readonly id: string
  readonly incarnation: number
}

/**
 * Gives the order of the members of an index share: the member at place i has the index i + 1 of the total.
 *
 * Survivors keep their relative order, newcomers are appended by incarnation, so that a join moves no survivor's index and
 * a leave moves only those behind it. Whoever comes back with a newer incarnation before the group settles keeps the place.
 * Depends on the set `present`, not on its order.
 */
export const orderMembers = (previous: readonly string[], present: readonly PresentMember[]): string[] => {
  const incarnations = new Map<string, number>()
  for (const { id, incarnation } of present) {
    incarnations.set(id, Math.max(incarnation, incarnations.get(id) ?? incarnation))
  }
  const survivors = [...new Set(previous)].filter((id) => incarnations.has(id))
  for (const id of survivors) incarnations.delete(id)
  const newcomers = [...incarnations].sort((left, right) => left[1] - right[1] || compareIds(left[0], right[0]))
  return [...survivors, ...newcomers.map(([id]) => id)]
}
