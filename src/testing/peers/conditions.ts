import type { ClusterConditions } from '../cluster/bench.ts'
import type { AnyFaultName } from './fault.ts'
import type { Programs } from './programs.ts'

/**
 * What one run is about. `swarm`: a random subset of all faults. `quiet`: nothing goes wrong. `failover`: the leader alone is killed and comes
 * back, or hands over, and nothing may move. `stalls`: the leader stands still for longer than its lease, again and again. `cuts`: peers
 * cannot hear each other. `handovers`: leaders hand over, stop and are killed while members come, go and are cut off. `disks`: they are lost, slow and full. `rolling`: one peer after the other is restarted. `storeless`: nothing is
 * written down. `beyond`: clocks run up to 40 % wrongly, and epochs and tokens must rise nevertheless.
 */
export const PEERS_PROFILES = [
  'swarm',
  'quiet',
  'failover',
  'stalls',
  'cuts',
  'handovers',
  'disks',
  'rolling',
  'storeless',
  'beyond',
] as const

export type PeersProfile = (typeof PEERS_PROFILES)[number]

export interface PeersConditions {
  readonly profile: PeersProfile
  readonly cluster: ClusterConditions
  readonly peers: number
  readonly members: number
  /** Peers have disks. */
  readonly durable: boolean
  readonly also: Programs['also']
  /** The leases that files of peers say, in parts of the usual one. */
  readonly leases: readonly number[]
  readonly faults: readonly AnyFaultName[]
}

/** Whose members do nothing that may move anything. */
export const CALM: ReadonlySet<PeersProfile> = new Set(['quiet', 'failover', 'stalls', 'rolling'])
