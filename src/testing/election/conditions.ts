import type { ElectionTiming } from '../../core/election/io.ts'

/**
 * What one run is about. `swarm` switches a random subset of all faults on; `rolling` stops and restarts one voter after the other;
 * `storeless` is of voters that write nothing down; `founding` lets everything happen while a cluster starts for the first time; `disks`
 * loses them; `cuts` parts the voters again and again; `direct` ties them to each other, and cuts those ties in every way; `quiet` has no
 * fault at all; `beyond` lets clocks run outside ε, where terms and tokens must still hold.
 */
export const ELECTION_PROFILES = [
  'swarm',
  'rolling',
  'storeless',
  'founding',
  'disks',
  'cuts',
  'direct',
  'quiet',
  'beyond',
] as const

export type ElectionProfile = (typeof ELECTION_PROFILES)[number]

export const ELECTION_FAULTS = [
  'loss',
  'duplication',
  'reordering',
  'slowLink',
  'partition',
  'oneWay',
  'isolation',
  'pairCut',
  'crash',
  'crashOnWrite',
  'lostDisk',
  'twoEmpty',
  'slowDisk',
  'fullDisk',
  'pause',
  'suspend',
  'wallStep',
  'lateWake',
  'harshWake',
  'transfer',
  'rolling',
  'replay',
  'malformed',
  'hugeTerm',
  'rival',
  'stranger',
  'tetherReset',
  'tetherClose',
  'tetherLate',
  'tetherProxy',
  'terminate',
] as const

export type ElectionFault = (typeof ELECTION_FAULTS)[number]

export interface ElectionConditions {
  readonly seed: number
  readonly profile: ElectionProfile
  readonly voters: number
  readonly observers: number
  readonly timing: ElectionTiming
  readonly store: boolean
  /** Whether voters hold tethers with each other. */
  readonly tethers: boolean
  readonly drift: number
  readonly delayMs: number
  readonly writeMs: number
  readonly faults: ReadonlySet<ElectionFault>
  readonly faultEveryMs: number
  readonly faultsForMs: number
  /** The only deeds that are done, by name. Default: all that come up. */
  readonly deeds?: ReadonlySet<string>
}

/** What of a seed's conditions is left: everything that is not named here stays as it was drawn. */
export interface ElectionLimits {
  readonly faults?: readonly ElectionFault[]
  /** As `ElectionSimulation.deeds` names them. */
  readonly deeds?: readonly string[]
  readonly observers?: number
  readonly faultsForMs?: number
}

export const limitedElection = (drawn: ElectionConditions, limits: ElectionLimits): ElectionConditions => {
  const { faults, deeds, observers, faultsForMs } = limits
  return {
    ...drawn,
    observers: Math.min(observers ?? Number.POSITIVE_INFINITY, drawn.observers),
    faults: new Set([...drawn.faults].filter((name) => faults?.includes(name) ?? true)),
    faultsForMs: Math.min(faultsForMs ?? Number.POSITIVE_INFINITY, drawn.faultsForMs),
    ...(deeds !== undefined && { deeds: new Set(deeds) }),
  }
}
