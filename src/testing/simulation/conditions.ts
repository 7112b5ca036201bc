import type { GroupSettings } from '../../core/group/book.ts'
import type { ShareKind } from '../../core/group/messages.ts'
import type { Random } from '../../core/random.ts'

/**
 * What one run is about. `swarm` switches a random subset of all faults on; `restarts` does so around a coordinator that comes back with
 * other settings again and again; `quiet` has none at all; `stalls` only a coordinator that stands still again and again; `failover` only
 * restarts of the coordinator with everybody alive; `churn` only joins and leaves that never stop; `beyond` lets clocks run outside ε,
 * where epochs must still hold; `once` restarts around processes that call for the same instants.
 */
export type Profile = 'swarm' | 'restarts' | 'quiet' | 'stalls' | 'failover' | 'churn' | 'beyond' | 'once'

export const PROFILES: readonly Profile[] = [
  'swarm',
  'restarts',
  'quiet',
  'stalls',
  'failover',
  'churn',
  'beyond',
  'once',
]

/** Drawn from the conditions' own sequence, so none may be added here: it would change what every seed does. */
export const FIRST_FAULTS = [
  'loss',
  'duplication',
  'reordering',
  'slowLink',
  'partition',
  'oneWayPartition',
  'oldLinks',
  'replay',
  'malformed',
  'crash',
  'duplicateId',
  'leave',
  'join',
  'joinStorm',
  'pollers',
  'evict',
  'slowDrain',
  'drainOverrun',
  'pause',
  'suspend',
  'wallStep',
  'lateWake',
  'harshWake',
  'restart',
  'otherLease',
  'otherSettle',
  'otherShare',
  'lostStore',
  'slowStore',
  'storeFailure',
  'coordinatorPause',
  'coordinatorSuspend',
  'coordinatorWallStep',
] as const

/** Each drawn from a sequence of its own. */
export const LATER_FAULTS = [
  'fullQueue',
  'calls',
  'olderPackets',
  'otherVersion',
  'unconfigured',
  'weights',
  'statics',
  'orders',
  'tidyStops',
] as const

export const FAULTS = [...FIRST_FAULTS, ...LATER_FAULTS] as const

/** What can go wrong around the core (docs/simulator.md). */
export type FaultName = (typeof FAULTS)[number]

export interface Timing extends GroupSettings {
  readonly heartbeatMs: number
  readonly stopMarginMs: number
  readonly reconnectMaxMs: number
  readonly staticGraceMs: number
}

export interface SimulatedGroup {
  readonly name: string
  readonly share: ShareKind
  /** Members say which share they expect; otherwise they take what the coordinator is configured for. */
  readonly explicit: boolean
  /** How much longer its lease is than the one for all groups. */
  readonly leaseFactor: number
  /** The coordinator has not heard of it before somebody comes, and whoever comes first says how it shares. */
  readonly unconfigured?: boolean
}

export interface Conditions {
  readonly seed: number
  readonly profile: Profile
  readonly timing: Timing
  readonly groups: readonly SimulatedGroup[]
  readonly membersPerGroup: number
  readonly poll: { readonly clients: number; readonly intervalMs: number } | undefined
  readonly drift: number
  readonly hasStore: boolean
  /** Without a store it is still known by its address: members take it for the same server after a restart. */
  readonly addressed?: boolean
  /** The first start may give at once; otherwise it waits for the ceiling like any other. */
  readonly fresh: boolean
  readonly delayMs: number
  readonly faults: ReadonlySet<FaultName>
  readonly faultEveryMs: number
  readonly faultsForMs: number
  /** Instants that somebody calls for, how many processes at most, and for how long and for how many it is known how they ended. */
  readonly once?: {
    readonly everyMs: number
    readonly callers: number
    readonly retentionMs: number
    readonly records: number
  }
  /** The only deeds that are done, by the names that `deedName` gives them. Default: all that come up. */
  readonly deeds?: ReadonlySet<string>
}

/** What of a seed's conditions is left: everything that is not named here stays as it was drawn. */
export interface CoreLimits {
  readonly groups?: readonly string[]
  readonly members?: number
  readonly pollers?: number
  readonly faults?: readonly FaultName[]
  /** As `CoreSimulation.deeds` names them. */
  readonly deeds?: readonly string[]
  readonly faultsForMs?: number
}

export const limited = (drawn: Conditions, limits: CoreLimits): Conditions => {
  const { groups, members, pollers, faults, deeds, faultsForMs } = limits
  const clients = Math.min(pollers ?? Number.POSITIVE_INFINITY, drawn.poll?.clients ?? 0)
  return {
    ...drawn,
    groups: drawn.groups.filter(({ name }) => groups?.includes(name) ?? true),
    membersPerGroup: Math.min(members ?? Number.POSITIVE_INFINITY, drawn.membersPerGroup),
    poll: clients > 0 && drawn.poll !== undefined ? { ...drawn.poll, clients } : undefined,
    faults: new Set([...drawn.faults].filter((name) => faults?.includes(name) ?? true)),
    faultsForMs: Math.min(faultsForMs ?? Number.POSITIVE_INFINITY, drawn.faultsForMs),
    ...(deeds !== undefined && { deeds: new Set(deeds) }),
  }
}

/** The longest lease of any group, in leases of the others. */
export const MAX_LEASE_FACTOR = 2

export const pick = <T>(random: Random, values: readonly T[]): T => values[random.below(values.length)] as T

export const exponential = (random: Random, mean: number): number => -Math.log(1 - random.next()) * mean
