import type { GroupSettings } from '../core/group/book.ts'
import type { CoordinatorOptions } from '../core/group/coordinator.ts'
import type { Foundation } from '../core/group/foundation.ts'
import type { ShareKind } from '../core/group/messages.ts'
import type { PollSettings } from '../core/group/poll-group.ts'
import type { Generation } from '../core/lease.ts'
import type { Clock } from '../ports/clock.ts'
import type { Guarantees, RecordedEvent } from '../ports/hosting.ts'
import type { FoundationStore } from '../ports/store.ts'
import type { Telemetry } from '../ports/telemetry.ts'
import type { StallGuard } from './stall-guard.ts'

/** Of a coordinator in this process: its clock, where it keeps what must outlive it, its groups and its limits. */
export interface CoordinatorHostOptions {
  /** The grantor's clock. */
  readonly clock: Clock
  /** Wall clock: the generation of a first start, and the time of events. */
  wallMs(): number
  /** Closed with the hosting, or when it cannot start. */
  readonly store: FoundationStore
  /** Servers with the same one may stand in for each other in a client's list. Default: the store's instance id, so none can. */
  readonly clusterId?: string | undefined
  readonly defaults: GroupSettings
  /** Groups with settings, or a share, of their own. */
  readonly groups?: ReadonlyMap<string, GroupSettings & { readonly share?: ShareKind }>
  /** The group of bloc's wire, where that is spoken. */
  readonly poll?: (PollSettings & { readonly group: string }) | undefined
  /** The operator's word that nobody holds anything from before. */
  readonly fresh: boolean
  readonly limits: { readonly groups: number; readonly membersPerGroup: number; readonly eventsPerGroup?: number }
  /** Default: the one that everybody on this clock shares. */
  readonly stallGuard?: StallGuard | undefined
  readonly telemetry?: Telemetry | undefined
  /** What is promised, where that is more than follows from the store. */
  readonly guarantees?: Guarantees | undefined
  /** The least generation that may be used, where somebody else than the wall clock has the say. */
  readonly leastGeneration?: Generation | undefined
  /**
   * Whether anything may be granted now; asked in every step, after its reading of the clock. Once the answer is no, this coordinator has
   * ended: the step is not taken, and nothing is granted or answered any more.
   */
  authority?(): boolean
  /** Called at the first such answer, from inside of whatever asked. */
  onAuthorityLost?(): void
  /** Told of each event in the step in which it happened. It must not throw, nor call back. */
  onRecorded?(recorded: RecordedEvent): void
  /** A broken invariant, or a store that was lost to somebody else. Nothing is granted or answered any more. */
  onFault(error: unknown): void
}

/** What the machine is told of them. */
export const coordinatorOptions = (options: CoordinatorHostOptions, foundation: Foundation): CoordinatorOptions => {
  const { clock, store, clusterId, defaults, groups, poll, fresh, limits } = options
  return {
    clusterId: clusterId ?? store.instanceId,
    instanceId: store.instanceId,
    foundation,
    startedAt: clock.now(),
    wallMs: options.wallMs(),
    fresh,
    defaults,
    groups: groups ?? new Map(),
    limits,
    ...(poll !== undefined && { poll }),
  }
}
