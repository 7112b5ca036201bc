import type { Random } from '../../core/random.ts'

export const oneOf = <T>(random: Random, list: readonly T[]): T => list[random.below(list.length)] as T

/** True in so many of a hundred draws. */
export const percent = (random: Random, of100: number): boolean => random.next() * 100 < of100

/** A whole number from `from` to `to`, both included. */
export const between = (random: Random, from: number, to: number): number => from + random.below(to - from + 1)

/** One of some, each as often as its weight says. */
export const weighted = <T>(random: Random, list: readonly (readonly [weight: number, item: T])[]): T => {
  let left = random.next() * list.reduce((sum, [weight]) => sum + weight, 0)
  for (const [weight, item] of list) {
    left -= weight
    if (left < 0) return item
  }
  return (list.at(-1) as readonly [number, T])[1]
}
