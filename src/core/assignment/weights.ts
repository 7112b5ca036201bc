/** The largest weight a member may have. */
export const MAX_WEIGHT = 1000
/** What a member weighs that says nothing about it. */
export const DEFAULT_WEIGHT = 1

/**
 * A member and how much it can take: one of weight 2 gets twice what one of weight 1 gets.
 *
 * The weight is a whole number from 0 to `MAX_WEIGHT`. A member of weight 0 gets nothing but what is pinned to it.
 */
export interface Weighted {
  readonly id: string
  readonly weight: number
}

/** A member with its weight; a bare id has the weight 1. */
export type Sharer = string | Weighted

/** Says what is wrong with a weight, or `undefined` when it is one; `what` names the value in the answer. */
export const weightFault = (value: unknown, what = 'weight'): string | undefined => {
  if (typeof value === 'number' && Number.isInteger(value) && value >= 0 && value <= MAX_WEIGHT) return undefined
  const given = typeof value === 'number' ? String(value) : value === null ? 'null' : typeof value
  return `${what} must be a whole number from 0 to ${MAX_WEIGHT}, not ${given}`
}

export const idOf = (sharer: Sharer): string => (typeof sharer === 'string' ? sharer : sharer.id)

export const weightOf = (sharer: Sharer): number => (typeof sharer === 'string' ? DEFAULT_WEIGHT : sharer.weight)

/** The weight of each member. One that is named twice has the larger of its weights, whatever the order. */
export const weightById = (sharers: readonly Sharer[]): Map<string, number> => {
  const weights = new Map<string, number>()
  for (const sharer of sharers) {
    const [id, weight] = [idOf(sharer), weightOf(sharer)]
    weights.set(id, Math.max(weight, weights.get(id) ?? weight))
  }
  return weights
}
