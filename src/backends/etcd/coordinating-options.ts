import type { GroupSettings } from '../../core/group/book.ts'
import type { ShareKind } from '../../core/group/messages.ts'
import type { Generation } from '../../core/lease.ts'
import type { Millis } from '../../core/time.ts'
import type { CaucusError } from '../../errors.ts'
import type { Clock } from '../../ports/clock.ts'
import type { Telemetry } from '../../ports/telemetry.ts'
import type { Engine } from './engine.ts'
import type { Keys } from './keys.ts'

/** What every process under a prefix coordinates with, in the same way. */
export interface CoordinatingSettings {
  readonly defaults: GroupSettings
  /** Groups with settings, or a share, of their own. */
  readonly groups?: ReadonlyMap<string, GroupSettings & { readonly share?: ShareKind }> | undefined
  /** Default: 4 096 groups of 10 000 members. */
  readonly limits?: { readonly groups: number; readonly membersPerGroup: number } | undefined
}

export interface CoordinatingOptions {
  readonly engine: Engine
  readonly keys: Keys
  /** The grantor's clock. */
  readonly clock: Clock
  wallMs(): number
  /** In [0, 1). */
  random(): number
  /** Names this process to people, and among the candidates. */
  readonly process: string
  readonly settings: CoordinatingSettings
  /** How long a write may take; whoever takes longer coordinates no more. Default: `defaultWriteMs` of the shortest lease. */
  readonly writeMs?: Millis | undefined
  /** The ttl of the lease that names the coordinator. Default: 5 s. */
  readonly ttlSeconds?: number | undefined
  /** The operator's word that nothing below was granted that is not known here. */
  readonly leastGeneration?: Generation | undefined
  /** The operator's word that nobody holds anything from before. */
  readonly fresh?: boolean | undefined
  readonly telemetry?: Telemetry | undefined
  /** This process cannot coordinate, for a reason that does not pass by itself. It goes on trying. */
  failed?(error: CaucusError): void
  /** A broken invariant of ours. This process does not coordinate any more. */
  onFault(error: unknown): void
}

/** A quarter of the lease, at least half a second. */
export const defaultWriteMs = (leaseMs: Millis): Millis => Math.max(500, leaseMs / 4)
