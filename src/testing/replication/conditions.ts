import type { Millis } from '../../core/time.ts'

/**
 * What one run is about. `swarm` switches a random subset of all faults on; `duels` lets several voters believe to lead all the time;
 * `disks` loses them; `cuts` parts the voters again and again; `founding` lets everything happen while all are blank; `storeless` is of voters
 * that write nothing down; `quiet` has no fault at all.
 */
export const REPLICATION_PROFILES = ['swarm', 'duels', 'disks', 'cuts', 'founding', 'storeless', 'quiet'] as const

export type ReplicationProfile = (typeof REPLICATION_PROFILES)[number]

export const REPLICATION_FAULTS = [
  'loss',
  'duplication',
  'reordering',
  'slowLink',
  'partition',
  'isolation',
  'crash',
  'crashOnWrite',
  'lostDisk',
  'relay',
  'tooManyLost',
  'slowDisk',
  'fullDisk',
  'pause',
  'coup',
  'again',
  'retire',
  'replay',
  'malformed',
  'sameTerm',
] as const

export type ReplicationFault = (typeof REPLICATION_FAULTS)[number]

export interface ReplicationConditions {
  readonly seed: number
  readonly profile: ReplicationProfile
  readonly voters: number
  readonly store: boolean
  readonly retryMs: Millis
  readonly delayMs: Millis
  readonly writeMs: Millis
  readonly saveEveryMs: Millis
  /** Nobody is elected before. */
  readonly electFromMs: Millis
  readonly faults: ReadonlySet<ReplicationFault>
  readonly faultEveryMs: Millis
  readonly faultsForMs: Millis
  /** The only deeds that are done, by name. Default: all that come up. */
  readonly deeds?: ReadonlySet<string>
}

/** What of a seed's conditions is left: everything that is not named here stays as it was drawn. */
export interface ReplicationLimits {
  readonly faults?: readonly ReplicationFault[]
  /** As `ReplicationSimulation.deeds` names them. */
  readonly deeds?: readonly string[]
  readonly faultsForMs?: number
}

export const limitedReplication = (drawn: ReplicationConditions, limits: ReplicationLimits): ReplicationConditions => {
  const { faults, deeds, faultsForMs } = limits
  return {
    ...drawn,
    faults: new Set([...drawn.faults].filter((name) => faults?.includes(name) ?? true)),
    faultsForMs: Math.min(faultsForMs ?? Number.POSITIVE_INFINITY, drawn.faultsForMs),
    ...(deeds !== undefined && { deeds: new Set(deeds) }),
  }
}
