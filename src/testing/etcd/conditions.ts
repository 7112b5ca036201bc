import type { Millis } from '../../core/time.ts'
import type { ClusterConditions } from '../cluster/bench.ts'
import type { Programs } from '../peers/programs.ts'
import type { EtcdFaultName } from './fault.ts'

/**
 * What one run is about. `swarm`: a random subset of all faults. `quiet`: nothing goes wrong. `failover`: whoever coordinates loses its key in
 * etcd, or is killed where it is no member, and nothing may move. `stalls`: it stands still for longer than that takes. `outages`: etcd is
 * away, takes leases away, and acknowledges what it does not keep. `late`: calls arrive late, or are never answered, those of whoever coordinates
 * first of all. `watches`: they lag, break and are compacted, and nobody may lose anything for it. `movers`: members come, go and are cut off. `misfortunes`: things go wrong together, as they would have to for two to believe at once. `beyond`: clocks run
 * up to 40 % wrongly, and epochs must rise nevertheless.
 */
export const ETCD_PROFILES = [
  'swarm',
  'quiet',
  'failover',
  'stalls',
  'outages',
  'late',
  'watches',
  'movers',
  'misfortunes',
  'beyond',
] as const

export type EtcdProfile = (typeof ETCD_PROFILES)[number]

export interface EtcdConditions {
  readonly profile: EtcdProfile
  readonly cluster: ClusterConditions
  readonly members: number
  /** Processes that are in no group that is judged: they only coordinate. */
  readonly hosts: number
  readonly also: Programs['also']
  readonly faults: readonly EtcdFaultName[]
  readonly etcd: {
    readonly requestMs: Millis
    readonly progressMs: Millis
    /** How much later than its end a lease is taken away, at most. */
    readonly expiryLagMs: Millis
    /** How much longer than usual a packet takes, at most. */
    readonly jitterMs: Millis
  }
}

/** Nothing but these faults, and members do nothing that may move anything. */
export const PURE: ReadonlySet<EtcdProfile> = new Set(['quiet', 'failover', 'watches'])
