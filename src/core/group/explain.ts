import { explainGroup } from './explain/group.ts'
import { explainMember } from './explain/member.ts'
import { explainPartition } from './explain/partition.ts'
import { Trail } from './explain/trail.ts'
import type { GroupPast, PastEvent } from './past.ts'
import type { GroupView } from './view.ts'

/** What somebody wants to have explained. */
export type Subject =
  | { readonly type: 'partition'; readonly partition: number }
  | { readonly type: 'member'; readonly member: string }
  | { readonly type: 'group' }

export interface Explanation {
  readonly sentence: string
  /** What happened that made it so, oldest first. */
  readonly events: readonly PastEvent[]
  /** A part of the answer lies before what is known. */
  readonly forgotten: boolean
}

/**
 * Says why something in a group is as it is, and what is still awaited, from the group as it is and its past of the same moment.
 *
 * Causes are followed backwards: a grant to the revoke before it, and that to the change that made the group settle. Where the past
 * is forgotten, it says so and what the state alone tells. Without a view the group is not there any more.
 */
export const explainWhy = (view: GroupView | undefined, past: GroupPast, subject: Subject): Explanation => {
  const trail = new Trail(past)
  const sentence = sentenceOf(view, trail, subject)
  return { sentence, events: trail.cited, forgotten: trail.fellShort }
}

const sentenceOf = (view: GroupView | undefined, trail: Trail, subject: Subject): string => {
  switch (subject.type) {
    case 'partition':
      return explainPartition(view, trail, subject.partition)
    case 'member':
      return explainMember(view, trail, subject.member)
    case 'group':
      return explainGroup(view, trail)
  }
}
