import type { ClusterProfile } from '../cluster/draw.ts'

export const LEVELS = ['core', 'drivers'] as const

/** What is simulated: the pure machines alone, or with the real SDK, drivers and server code around them. */
export type LevelName = (typeof LEVELS)[number]

/** What a run of the drivers can be about; a run of the core can be about more. Here, where nothing of a level is loaded. */
export const DRIVER_PROFILES: readonly ClusterProfile[] = ['swarm', 'quiet', 'failover', 'stalls', 'beyond']

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
  /** Folders of the built code whose branches should be reached. */
  readonly covers: readonly string[]
  /** What of the built code its results depend on. */
  readonly parts: readonly string[]
}

export const SCOPES: Readonly<Record<LevelName, Scope>> = {
  core: { covers: ['core'], parts: ['core', 'errors.js', 'testing/simulation'] },
  drivers: {
    covers: ['core', 'runtime', 'client', 'server', 'backends/remote'],
    parts: [
      ...['core', 'errors.js', 'config', 'ports', 'runtime', 'wire', 'transports', 'stores', 'backends', 'client'],
      ...['server', 'testing/simulated-clock.js', 'testing/intervals.js', 'testing/simulation', 'testing/cluster'],
    ],
  },
}
