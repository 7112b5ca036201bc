import type { ClusterProfile } from '../cluster/draw.ts'
import { DISPATCH_PROFILES } from '../dispatch/conditions.ts'
import { ELECTION_PROFILES } from '../election/conditions.ts'
import { ETCD_PROFILES } from '../etcd/conditions.ts'
import { PEERS_PROFILES } from '../peers/conditions.ts'
import { REPLICATION_PROFILES } from '../replication/conditions.ts'
import { PROFILES } from '../simulation/conditions.ts'

export const LEVELS = ['core', 'drivers', 'dispatch', 'election', 'replication', 'peers', 'etcd'] as const

/**
 * What is simulated: the pure machines of groups alone, or with the real SDK, drivers and server code around them, or the pure machines of
 * scatter and gather.
 */
export type LevelName = (typeof LEVELS)[number]

/** What a run of the drivers can be about; a run of the core can be about more. Here, where nothing of a level is loaded. */
export const DRIVER_PROFILES: readonly ClusterProfile[] = ['swarm', 'quiet', 'failover', 'stalls', 'beyond']

/** What a run of each level can be about. */
export const PROFILES_AT: Readonly<Record<LevelName, readonly string[]>> = {
  core: PROFILES,
  drivers: DRIVER_PROFILES,
  dispatch: DISPATCH_PROFILES,
  election: ELECTION_PROFILES,
  replication: REPLICATION_PROFILES,
  peers: PEERS_PROFILES,
  etcd: ETCD_PROFILES,
}

export interface BrokenInvariant {
  readonly seed: number
  readonly step: number
  readonly invariant: string
  readonly message: string
}

/** What one seed gave. */
export interface Outcome {
  readonly events: number
  /** Two runs of one seed have the same. */
  readonly hash: string
  readonly faults: Readonly<Record<string, number>>
  /** The faults that the seed switched on; they need not all have come to pass. */
  readonly drawn: readonly string[]
  readonly violations: readonly BrokenInvariant[]
}

/** A level, as a thread loads it. */
export interface Level {
  run(seed: number, profile: string | undefined): Outcome | Promise<Outcome>
  /** The report that a violation is understood from: its last lines, its shrunk schedule, its diagram. */
  explain(violation: BrokenInvariant, profile: string | undefined): string | Promise<string>
}

/** Everything about a level that can be said without loading it. */
interface Scope {
  /** Folders and files of the built code whose branches should be reached. */
  readonly covers: readonly string[]
  /** What of the built code its results depend on. */
  readonly parts: readonly string[]
}

const OF_GROUPS = [
  ...['core/group', 'core/assignment', 'core/hash.js', 'core/ids.js', 'core/lease.js', 'core/machine.js'],
  ...['core/random.js', 'core/time.js'],
]

export const SCOPES: Readonly<Record<LevelName, Scope>> = {
  core: { covers: OF_GROUPS, parts: ['core', 'errors.js', 'testing/simulation'] },
  dispatch: {
    covers: ['core/dispatch', 'core/deadlines.js'],
    parts: ['core', 'errors.js', 'testing/simulation', 'testing/dispatch'],
  },
  election: {
    covers: ['core/election'],
    parts: ['core', 'errors.js', 'config', 'runtime/tickets.js', 'testing/simulation', 'testing/election'],
  },
  replication: {
    covers: ['core/replication'],
    parts: [
      ...['core', 'errors.js', 'runtime/tickets.js', 'testing/simulation'],
      ...['testing/election/disk.js', 'testing/election/network.js', 'testing/replication'],
    ],
  },
  peers: {
    covers: ['backends/peer', 'runtime', 'core/replication', 'core/election'],
    parts: [
      ...['core', 'errors.js', 'config', 'ports', 'runtime', 'wire', 'transports', 'stores', 'backends', 'client'],
      ...[
        'server',
        'testing/intervals.js',
        'testing/simulation',
        'testing/cluster',
        'testing/election',
        'testing/peers',
      ],
    ],
  },
  etcd: {
    covers: ['backends/etcd', 'core/group/member.js', 'runtime/membership-driver.js', 'runtime/coordinator-host.js'],
    parts: [
      ...['core', 'errors.js', 'config', 'ports', 'runtime', 'wire', 'stores', 'backends', 'client'],
      ...['testing/intervals.js', 'testing/simulation', 'testing/cluster', 'testing/peers/programs.js', 'testing/etcd'],
    ],
  },
  drivers: {
    covers: ['core', 'runtime', 'client', 'server', 'backends/remote'],
    parts: [
      ...['core', 'errors.js', 'config', 'ports', 'runtime', 'wire', 'transports', 'stores', 'backends', 'client'],
      ...['server', 'testing/simulated-clock.js', 'testing/intervals.js', 'testing/simulation', 'testing/cluster'],
    ],
  },
}
