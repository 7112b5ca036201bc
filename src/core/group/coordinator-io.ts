import type { Generation } from '../lease.ts'
import type { Instant, Millis } from '../time.ts'
import type { GroupSettings } from './book.ts'
import type { Foundation } from './foundation.ts'
import type { CoordinatorMessage, MemberMessage, RefusalCode, ShareKind } from './messages.ts'
import type { Order } from './orders.ts'
import type { PollAnswer, PollSettings } from './poll-group.ts'
import type { GroupEvent } from './reasons.ts'
import type { Roll } from './roll-call.ts'
import type { Address } from './session.ts'
import type { GroupView } from './view.ts'

export interface CoordinatorOptions {
  readonly clusterId: string
  readonly instanceId: string
  /** Already durable, where there is a store. */
  readonly foundation: Foundation
  readonly startedAt: Instant
  /** The operator's word (or `embedded`'s nature) that nobody holds anything from before. */
  readonly fresh: boolean
  readonly defaults: GroupSettings
  /** Groups with settings, or a share, of their own. */
  readonly groups: ReadonlyMap<string, GroupSettings & { readonly share?: ShareKind }>
  /** The group of bloc's wire, if that is spoken here. */
  readonly poll?: PollSettings & { readonly group: string }
  /** Of the last stop, if that was in good order. */
  readonly roll?: Roll | undefined
  readonly limits: { readonly groups: number; readonly membersPerGroup: number }
  /** Wall clock at the start. Without one nothing is run once here. */
  readonly wallMs?: number
  /** How long it is known how a run ended, and of how many runs. Default: 24 hours, 10 000. */
  readonly once?: { readonly retentionMs?: Millis; readonly records?: number }
}

export type CoordinatorInput =
  | { readonly type: 'linked'; readonly from: Address }
  /** `wallMs`: the wall clock at this step. What has an instant goes by the one that was read last. */
  | {
      readonly type: 'received'
      readonly from: Address
      readonly message: MemberMessage
      readonly wallMs?: number
      /** Somebody else knows that its session is there, and says when it goes: it does not expire, and counts as renewed in each step. */
      readonly present?: true
    }
  /** A session that was `present` is not there any more: from this step on it lasts as long as if it had renewed now. */
  | ({ readonly type: 'gone'; readonly from: Address } & Seat)
  | { readonly type: 'polled'; readonly from: Address; readonly member: string }
  | { readonly type: 'pollerLeft'; readonly from: Address; readonly member: string }
  | { readonly type: 'evicted'; readonly from: Address; readonly group: string; readonly member: string }
  | { readonly type: 'ordered'; readonly from: Address; readonly group: string; readonly order: Order }
  | { readonly type: 'persisted'; readonly ticket: number }
  | { readonly type: 'persistFailed'; readonly ticket: number }

/** One membership of one member. */
export type Seat = Pick<MemberMessage, 'group' | 'member' | 'bootId'>

/** Answers that are for whoever called, not for a member. */
export type CallerMessage =
  | ({ readonly type: 'polled' } & PollAnswer)
  | { readonly type: 'removed'; readonly found: boolean }
  /** An order is durable and in force. */
  | { readonly type: 'ordered' }
  | {
      readonly type: 'failed'
      readonly code: RefusalCode | 'CAUCUS_NOT_FOUND' | 'CAUCUS_BACKEND'
      readonly message: string
    }

export type CoordinatorEffect =
  | { readonly type: 'send'; readonly to: Address; readonly message: CoordinatorMessage | CallerMessage }
  | { readonly type: 'emit'; readonly group: string; readonly event: GroupEvent }
  | { readonly type: 'persist'; readonly ticket: number; readonly foundation: Foundation }

export interface CoordinatorView {
  readonly clusterId: string
  readonly instanceId: string
  readonly generation: Generation
  readonly groups: readonly GroupView[]
}
