import type { GroupSettings } from '../../core/group/book.ts'
import type { ShareKind } from '../../core/group/messages.ts'
import { type Random, seededRandom } from '../../core/random.ts'
import { DEFAULT_DRIFT } from '../../core/time.ts'

/**
 * What one run is about. `swarm` switches a random subset of all faults on; `restarts` does so around a coordinator that comes back with
 * other settings again and again; `quiet` has none at all; `failover` only restarts of the
 * coordinator with everybody alive; `churn` only joins and leaves that never stop; `beyond` lets clocks run outside ε, where epochs must
 * still hold.
 */
export type Profile = 'swarm' | 'restarts' | 'quiet' | 'failover' | 'churn' | 'beyond'

export const PROFILES: readonly Profile[] = ['swarm', 'restarts', 'quiet', 'failover', 'churn', 'beyond']

export const FAULTS = [
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

/** What makes clocks that run wrongly dangerous: a holder that is not heard, and then claims what somebody else claims too. */
const AROUND_SLOW_CLOCKS = ['restart', 'partition', 'reordering'] as const

/** What a failover with everybody alive must bear without moving anything. */
const AROUND_FAILOVERS = ['otherSettle', 'oldLinks', 'duplication'] as const

/** What makes a restart dangerous: other settings, members that cannot claim, and messages from before it. */
const AROUND_RESTARTS = [
  'restart',
  'otherLease',
  'otherShare',
  'partition',
  'oneWayPartition',
  'pause',
  'oldLinks',
  'replay',
  'reordering',
  'duplication',
  'join',
] as const satisfies readonly (typeof FAULTS)[number][]

export type FaultName = (typeof FAULTS)[number]

export interface Timing extends GroupSettings {
  readonly heartbeatMs: number
  readonly stopMarginMs: number
  readonly reconnectMaxMs: number
}

export interface SimulatedGroup {
  readonly name: string
  readonly share: ShareKind
  /** Members say which share they expect; otherwise they take what the coordinator is configured for. */
  readonly explicit: boolean
  /** How much longer its lease is than the one for all groups. */
  readonly leaseFactor: number
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
  /** The first start may give at once; otherwise it waits for the ceiling like any other. */
  readonly fresh: boolean
  readonly delayMs: number
  readonly faults: ReadonlySet<FaultName>
  readonly faultEveryMs: number
  readonly faultsForMs: number
}

/** The longest lease of any group, in leases of the others. */
export const MAX_LEASE_FACTOR = 2

const PRESET: Timing = {
  leaseMs: 1000,
  settleMs: 100,
  settleCapMs: 2000,
  drainLimitMs: 2000,
  heartbeatMs: 200,
  stopMarginMs: 50,
  reconnectMaxMs: 100,
}

const scaled = (timing: Timing, by: number): Timing =>
  Object.fromEntries(Object.entries(timing).map(([name, value]) => [name, value * by])) as unknown as Timing

/** Everything about a run that is drawn from its seed beforehand. */
export const drawConditions = (seed: number, wanted?: Profile): Conditions => {
  const random = seededRandom(seed).fork('conditions')
  // Drawn in any case, so that asking for the profile that a seed has changes nothing else.
  const drawn = drawProfile(random)
  const profile = wanted ?? drawn
  const faults = drawFaults(profile, random)
  const timing = drawTiming(profile, faults, random)
  const groups = drawGroups(profile, faults, random)
  const membersPerGroup = profile === 'failover' ? 1 + random.below(5) : 1 + random.below(6)
  const polled = random.next() < 0.3 && profile !== 'beyond'
  return {
    seed,
    profile,
    timing,
    groups,
    membersPerGroup,
    poll: polled ? { clients: 1 + random.below(4), intervalMs: timing.heartbeatMs * (1 + random.below(3)) } : undefined,
    drift: profile === 'beyond' ? 0.4 : DEFAULT_DRIFT,
    hasStore: random.next() < 0.8 || profile === 'failover' || profile === 'beyond',
    fresh: random.next() < 0.6,
    delayMs:
      timing.heartbeatMs *
      pick(random, profile === 'swarm' || profile === 'beyond' ? [0.005, 0.02, 0.1, 0.5] : [0.005, 0.02, 0.1]),
    faults,
    faultEveryMs:
      profile === 'churn' ? timing.settleMs * pick(random, [0.05, 0.2, 1]) : timing.leaseMs * pick(random, [0.3, 1, 3]),
    faultsForMs: timing.leaseMs * (10 + random.below(30)),
  }
}

const drawProfile = (random: Random): Profile => {
  const draw = random.next()
  if (draw < 0.06) return 'quiet'
  if (draw < 0.14) return 'failover'
  if (draw < 0.2) return 'churn'
  if (draw < 0.3) return 'beyond'
  return draw < 0.55 ? 'restarts' : 'swarm'
}

const drawFaults = (profile: Profile, random: Random): Set<FaultName> => {
  if (profile === 'quiet') return new Set()
  if (profile === 'failover') return new Set(AROUND_FAILOVERS.filter(() => random.next() < 0.5))
  if (profile === 'churn') return new Set(['join', 'leave'])
  const share = pick(random, [0.15, 0.35, 0.6])
  const faults = new Set(FAULTS.filter(() => random.next() < share))
  const around = profile === 'restarts' ? AROUND_RESTARTS : profile === 'beyond' ? AROUND_SLOW_CLOCKS : []
  for (const fault of around) if (fault === 'restart' || random.next() < 0.6) faults.add(fault)
  return faults
}

const drawTiming = (profile: Profile, faults: ReadonlySet<FaultName>, random: Random): Timing => {
  const preset = scaled(PRESET, pick(random, [0.5, 1, 6]))
  // The stop margin is there for clocks that cannot be read well; where they can, it would only hide mistakes.
  const needsMargin = profile === 'failover' || faults.has('suspend')
  return {
    ...preset,
    stopMarginMs: needsMargin ? preset.stopMarginMs : pick(random, [0, 0, 1, preset.stopMarginMs]),
    settleMs: preset.settleMs * pick(random, [0.2, 1, 3]),
    drainLimitMs: preset.drainLimitMs * pick(random, [0.2, 1]),
  }
}

const drawGroups = (profile: Profile, faults: ReadonlySet<FaultName>, random: Random): SimulatedGroup[] => {
  const count = 1 + random.below(profile === 'swarm' ? 3 : 2)
  return Array.from({ length: count }, (_, number) => ({
    name: `g${number}`,
    share: random.next() < 0.5 ? 'index' : { partitions: pick(random, profile === 'churn' ? [16] : [1, 3, 8, 16]) },
    explicit: !faults.has('otherShare') && random.next() < 0.5,
    leaseFactor: pick(random, [1, 1, MAX_LEASE_FACTOR]),
  }))
}

export const pick = <T>(random: Random, values: readonly T[]): T => values[random.below(values.length)] as T

export const exponential = (random: Random, mean: number): number => -Math.log(1 - random.next()) * mean
