import type { MembershipView } from '../core/group/member.ts'
import type { Holding, Ran, ShareKind } from '../core/group/messages.ts'
import type { GroupView } from '../core/group/view.ts'
import type { Millis } from '../core/time.ts'
import type { CaucusError } from '../errors.ts'
import type { Clocks } from './clock.ts'
import type { Guarantees, RecordedEvent } from './hosting.ts'
import type { RegistryPort } from './registry.ts'
import type { TopicsPort } from './topics.ts'

/** How a member behaves on its own side; the rest is the group's business. */
export interface MemberTiming {
  /** How often it renews, at most; never less often than four times a lease. */
  readonly heartbeatMs: Millis
  /** How long before the end of its lease it stops; at most a fifth of the lease. */
  readonly stopMarginMs: Millis
}

export interface JoinRequest extends MemberTiming {
  readonly group: string
  readonly member: string
  /** A new one for each membership. */
  readonly bootId: string
  readonly share?: ShareKind
  /** JSON, and nobody changes it any more. */
  readonly metadata?: unknown
  /** A whole number from 0; default 1. */
  readonly weight?: number
  readonly static?: boolean
}

/** Called by a membership's driver, synchronously, in the order of what happened. None of them throws. */
export interface MembershipListener {
  /** Share, state or validity changed. Once per turn, after everything else. */
  changed(): void
  granted(items: readonly Holding[]): void
  /** To be finished; then call `drained`. Until when: `drainUntil`, which may move later while it is renewed. */
  drain(items: readonly Holding[]): void
  lost(items: readonly Holding[], because: string): void
  /** Not the last word: it is tried again with the next renewal. */
  refused(error: CaucusError): void
  /** The last word: fenced, refused or failed; without an error it left by itself. */
  ended(error: CaucusError | undefined): void
}

/** One membership, whatever keeps it alive underneath. Reads are compared with the holder's clock at every call. */
export interface MembershipPort {
  view(): MembershipView
  /** What may be acted on now. */
  holds(item: number): Holding | undefined
  /** The holder's clock. */
  now(): number
  drainUntil(holding: Holding): number | undefined
  drained(items: readonly Holding[]): void
  setMetadata(metadata: unknown): void
  setWeight(weight: number): void
  /** Drains, lets go and says so, and with it how a run ended that was the only one. Resolves once that was heard, or `limitMs` after everything was let go. */
  leave(options: { limitMs: number; ran?: Ran }): Promise<void>
  /** Lets go at once without a drain. */
  close(): void
}

/** What happens to the way to the coordinator. */
export type LinkEvent =
  | { readonly type: 'link.opened'; readonly url: string; readonly instanceId: string; readonly generation: number }
  | { readonly type: 'link.lost'; readonly url: string; readonly reason: string }
  /** Another cluster, another server than the one we hold something from, no right to be here, or nobody there. */
  | { readonly type: 'link.refused'; readonly url: string; readonly error: CaucusError }

/** A group as it is, and the revision from which its events go on after that; without one nothing of it is remembered. */
export interface Present {
  readonly view: GroupView | undefined
  readonly revision: string | undefined
}

/** The recipes that a backend supplies. Each decides nothing: the machines of `core` do, or an engine of somebody else's. */
export interface Backend {
  readonly guarantees: Guarantees
  readonly clocks: Clocks
  /** The wall clock of this process. Default: `Date.now`. */
  readonly wallMs?: () => number
  /** What suits this backend, unless a join says otherwise. */
  readonly timing: MemberTiming
  /** Absent where this backend has none. */
  readonly topics?: TopicsPort
  /** Absent where this backend has none. */
  readonly registry?: RegistryPort
  /** Names a membership, or a member that has no name of its own. Different at every call, in every process. */
  newId(): string
  /** Something is going to be joined, perhaps much later: who has yet to find somebody that coordinates does so now. */
  prepare?(): void
  join(request: JoinRequest, listener: MembershipListener): MembershipPort
  groups(options?: { signal?: AbortSignal | undefined }): Promise<readonly GroupView[]>
  group(name: string, options?: { signal?: AbortSignal | undefined }): Promise<GroupView | undefined>
  /** What there is to see of a group at one moment. */
  present(group: string, options?: { signal?: AbortSignal | undefined }): Promise<Present>
  events(options: {
    group: string
    after?: string | undefined
    signal?: AbortSignal | undefined
  }): AsyncIterable<RecordedEvent | { readonly type: 'gap'; readonly dropped: number | undefined }>
  /** From now on. Bounded: who is too slow gets a `gap`. */
  linkEvents(options: {
    buffer?: number | undefined
    signal?: AbortSignal | undefined
  }): AsyncIterable<LinkEvent | { readonly type: 'gap'; readonly dropped: number }>
  /** Lets go of everything without a drain. Resolves once no socket and no timer is left. */
  close(): Promise<void>
}

/** What `connect` takes: `embedded()`, `remote([...])`. Rejects with the signal's reason when that comes first. */
export type BackendFactory = (options: { signal?: AbortSignal | undefined }) => Promise<Backend>
