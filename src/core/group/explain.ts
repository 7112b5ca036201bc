import { explainCandidate, explainElection } from './explain/election.ts'
import { explainGroup } from './explain/group.ts'
import { explainMember } from './explain/member.ts'
import { explainCaller, explainRun, isRun } from './explain/once.ts'
import { explainPartition } from './explain/partition.ts'
import { explainInstance, explainService } from './explain/service.ts'
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
      return (
        candidate(view, trail, subject.member) ??
        caller(view, trail, subject.member) ??
        instance(view, trail, subject.member) ??
        explainMember(view, trail, subject.member)
      )
    case 'group':
      if (isRun(view, trail)) return explainRun(view, trail)
      if (view?.share === 'none') return explainService(view, trail)
      return view?.share === 'tenure' ? explainElection(view, trail) : explainGroup(view, trail)
  }
}

/** Who is in an election is told otherwise than who is in a group; who is not there any more is not. */
const candidate = (view: GroupView | undefined, trail: Trail, id: string): string | undefined => {
  const member = view?.share === 'tenure' ? view.members.find((each) => each.id === id) : undefined
  return view && member && explainCandidate(view, trail, member)
}

const caller = (view: GroupView | undefined, trail: Trail, id: string): string | undefined => {
  const member = view?.share === 'once' ? view.members.find((each) => each.id === id) : undefined
  return view && member && explainCaller(view, trail, member)
}

const instance = (view: GroupView | undefined, trail: Trail, id: string): string | undefined =>
  view === undefined || view.share === 'none' ? explainInstance(view, trail, id) : undefined
