import type { CoordinatorBrief } from '../core/group/brief.ts'
import type { CallerMessage, CoordinatorView } from '../core/group/coordinator.ts'
import type { Seat } from '../core/group/coordinator-io.ts'
import type { CoordinatorMessage, MemberMessage } from '../core/group/messages.ts'
import type { Order } from '../core/group/orders.ts'
import type { GroupPast, PastQuery } from '../core/group/past.ts'
import type { GroupEvent } from '../core/group/reasons.ts'
import type { GroupHead, GroupView } from '../core/group/view.ts'
import type { ServiceCount } from '../core/registry/view.ts'
import type { Instant } from '../core/time.ts'
import type { ServiceView } from './registry.ts'

/** What a backend really promises (docs/guarantees.md). */
export interface Guarantees {
  /** `fenced`: Belief and Effect; `leased`: Belief only; `none`: neither. */
  readonly exclusion: 'fenced' | 'leased' | 'none'
  readonly survivesRestart: boolean
  readonly survivesPartition: boolean
}

/** An event with the revision by which a reader resumes. The number rises by one within a group; no revision comes twice, over restarts too. */
export interface RecordedEvent {
  /** `generation-number`, as in SSE's `Last-Event-ID`. */
  readonly revision: string
  /** Wall clock, for people; nothing is decided by it. */
  readonly atMs: number
  readonly group: string
  readonly event: GroupEvent
}

/**
 * Takes what a coordinator says over one link. `since`: the reading of the clock by which the first of it was decided, which may be long ago
 * where the process stood still in between.
 */
export type Deliver = (messages: readonly CoordinatorMessage[], since: Instant) => void

/** One connection of a member process, as its coordinator sees it. */
export interface HostedLink {
  /**
   * Taken in order, answered through `deliver`; answers to one frame are delivered together. False when it is overloaded. `present`: whoever
   * has the link knows by other means that these are there, and says with `gone` when they are not. Until then they do not expire, and count
   * as renewed all the time.
   */
  receive(messages: readonly MemberMessage[], options?: { readonly present?: true }): boolean
  /** One who was `present` is so no more, and lasts from now on as long as after a renewal. False when it is overloaded: say it again. */
  gone(seat: Seat): boolean
  close(): void
}

/** A coordinator of groups that runs in this process, as the servers and the embedded backend see it. */
export interface CoordinatorHosting {
  readonly guarantees: Guarantees
  /** `deliver` gets everything that is for this link, once per turn. It starts with the hello, before `attach` returns. */
  attach(deliver: Deliver): HostedLink
  /** One renewal or leave of a member without a link (HTTP). Resolves with its answer; `undefined`: ignored as older than another. */
  call(message: MemberMessage): Promise<CoordinatorMessage | undefined>
  /** bloc's wire. Answered before it returns. */
  poll(member: string): CallerMessage
  pollerLeft(member: string): CallerMessage
  /** Resolves with whether it was there. Its leases run out; they are not cut. */
  evict(group: string, member: string): boolean
  /**
   * What an operator wants of a group from now on. Resolves once it is durable (where the store is) and in force; what moves because of it
   * moves as always. Rejects with `CAUCUS_NOT_FOUND` (group, member, pin), `CAUCUS_CONFLICT` (a group of indexes or of poll clients has none of
   * this, but `drain`), `CAUCUS_INVALID_ARGUMENT` (no such partition), `CAUCUS_OVERLOADED` (too many) or `CAUCUS_BACKEND` (the store failed).
   */
  order(group: string, order: Order): Promise<void>
  view(): CoordinatorView
  /** The same at a glance, without the members of the groups: it costs next to nothing. */
  brief(): CoordinatorBrief
  viewOf(group: string): GroupView | undefined
  /** The same without its members, at no cost. */
  headOf(group: string): GroupHead | undefined
  /** All services in which somebody is. */
  services(): readonly ServiceCount[]
  /** A service with the revision of this moment, also when nobody is there. */
  service(name: string): ServiceView
  /**
   * The events of one group (all groups without one) after `revision`, or from now on. Bounded: a reader that asks for what is
   * forgotten, or is too slow, gets a `gap` first.
   */
  events(options: {
    group?: string | undefined
    after?: string | undefined
    signal?: AbortSignal | undefined
  }): AsyncIterable<RecordedEvent | { readonly type: 'gap'; readonly dropped: number | undefined }>
  /** What is still known of what happened in a group until now. */
  history(query: PastQuery): GroupPast<RecordedEvent>
  /** Live numbers for /metrics. */
  counters(): Readonly<Record<string, number>>
  close(): Promise<void>
}
