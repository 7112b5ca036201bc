import type { Instant } from '../time.ts'
import type { Foundation } from './foundation.ts'
import type { Group } from './group.ts'
import { NOBODY, type Roll } from './roll-call.ts'

export interface Bequest {
  /** What is durable. */
  readonly foundation: Foundation
  /** Who has not been heard since before this start; `undefined` when nobody knows who these are. */
  readonly missing: Roll | undefined
  readonly groups: Iterable<Group>
  /** The group of poll clients, where one of them may believe in something. */
  readonly polled: string | undefined
}

/** The foundation with the roll of everybody who may hold something at `now`; without one when nobody knows who that is. */
export const testamentOf = ({ foundation, missing, groups, polled }: Bequest, now: Instant): Foundation => {
  if (missing === undefined) return foundation
  const roll = new Map(Object.entries(missing))
  for (const group of groups) roll.set(group.name, [...(roll.get(group.name) ?? []), ...group.holders(now)])
  // Poll clients answer no roll: if their group is another's next time, every lease of theirs is waited for.
  if (polled !== undefined) roll.set(polled, [NOBODY])
  return { ...foundation, roll: Object.fromEntries([...roll].filter(([, bootIds]) => bootIds.length > 0)) }
}
