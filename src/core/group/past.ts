import type { GroupEvent } from './reasons.ts'

/** Something that happened in a group, and when. */
export interface PastEvent {
  /** `generation-number`; the number rises by one within a group. */
  readonly revision: string
  /** Wall clock of the coordinator. */
  readonly atMs: number
  readonly event: GroupEvent
}

/** Which of the past of one group is wanted: what names this partition, this member, or both, and how much of it. */
export interface PastQuery {
  readonly group: string
  readonly partition?: number | undefined
  readonly member?: string | undefined
  /** The newest so many. Default: all that are kept. */
  readonly limit?: number | undefined
}

/** What is still known of the past of a group, oldest first. */
export interface GroupPast<Event extends PastEvent = PastEvent> {
  readonly events: readonly Event[]
  /** Something before the first of them was dropped for lack of room. */
  readonly forgotten: boolean
  /** There are older ones that a higher limit would show. */
  readonly more: boolean
  /** Since when this coordinator records: what was before, it never knew. */
  readonly sinceMs: number
  /** The same clock, when this was asked. */
  readonly nowMs: number
}
