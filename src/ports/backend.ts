import type { MembershipView } from '../core/group/member.ts'
import type { Holding, ShareKind } from '../core/group/messages.ts'
import type { GroupView } from '../core/group/view.ts'
import type { CaucusError } from '../errors.ts'
import type { Guarantees, RecordedEvent } from './hosting.ts'

export interface JoinRequest {
  readonly group: string
  readonly member: string
  readonly bootId: string
  readonly share?: ShareKind
  readonly metadata?: unknown
}

/** Called by a membership's driver, synchronously, in the order of what happened. */
export interface MembershipListener {
  /** Share, state or validity changed. */
  changed(): void
  granted(items: readonly Holding[]): void
  /** To be finished; then call `drained`. Until when: `drainUntil`, which may move later while it is renewed. */
  drain(items: readonly Holding[]): void
  lost(items: readonly Holding[], because: string): void
  /** The last word: fenced, refused or closed. */
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
  /** Drains, lets go and says so. Resolves once that was heard, or `limitMs` after everything was let go. */
  leave(options: { limitMs: number }): Promise<void>
  /** Lets go at once without a drain. */
  close(): void
}

/** The recipes that a backend supplies. Each decides nothing: the machines of `core` do, or an engine of somebody else's. */
export interface Backend {
  readonly guarantees: Guarantees
  join(request: JoinRequest, listener: MembershipListener): MembershipPort
  groups(options?: { signal?: AbortSignal }): Promise<readonly GroupView[]>
  group(name: string, options?: { signal?: AbortSignal }): Promise<GroupView | undefined>
  events(options: {
    group: string
    after?: string
    signal?: AbortSignal
  }): AsyncIterable<RecordedEvent | { readonly type: 'gap'; readonly dropped: number | undefined }>
  close(): Promise<void>
}

/** What `connect` takes: `embedded()`, `remote([...])`. */
export type BackendFactory = () => Promise<Backend>
