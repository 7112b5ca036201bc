import { type AssignmentRules, assignSticky, type Owners, type Weighted } from '../assignment/sticky.ts'
import type { Epoch } from '../lease.ts'
import { type Incarnation, TENURE } from './messages.ts'
import type { Because, GroupEvent } from './reasons.ts'
import type { Tenure } from './session.ts'

interface Candidate extends Weighted {
  readonly incarnation: Incarnation
  /** What it has; of a place that is kept, nothing. */
  readonly tenures?: ReadonlyMap<number, Pick<Tenure, 'state'>>
}

interface Handed {
  readonly member: string
  readonly epoch: Epoch
  readonly because: Because
}

/** Who gets what is held one by one, and how that is told. When it may be given is none of its business. */
export interface Manner {
  assign(items: number, members: readonly Candidate[], owners: Owners, rules: AssignmentRules): (string | undefined)[]
  granted(item: number, to: Handed): GroupEvent
  revoked(item: number, from: Handed): GroupEvent
}

/** Partitions: evenly or by weight, and as few as can be move. */
export const SPREAD: Manner = {
  assign: assignSticky,
  granted: (partition, to) => ({ type: 'partition.granted', partition, ...to }),
  revoked: (partition, from) => ({ type: 'partition.revoked', partition, ...from }),
}

/**
 * A tenure: whoever has it keeps it, and then it goes to whoever has waited longest. Incarnations are in the order in which the members
 * came, under earlier coordinators too.
 */
export const IN_TURN: Manner = {
  assign: (_items, members) => {
    let first: Candidate | undefined
    for (const member of members) {
      // This very process, and not one of its name: whoever comes back has to wait again.
      if (member.tenures?.get(TENURE)?.state === 'held') return [member.id]
      if (first === undefined || member.incarnation < first.incarnation) first = member
    }
    return [first?.id]
  },
  granted: (_item, to) => ({ type: 'tenure.granted', ...to }),
  revoked: (_item, from) => ({ type: 'tenure.revoked', ...from }),
}
