import { timing } from '../../config/timing.ts'
import { groupOfElection } from '../../core/group/elections.ts'
import { MAX_ONCE_RECORDS, ONCE_RETENTION_MS } from '../../core/group/instants.ts'
import { type Random, seededRandom } from '../../core/random.ts'
import { DEFAULT_DRIFT } from '../../core/time.ts'
import {
  type Conditions,
  type FaultName,
  FIRST_FAULTS,
  LATER_FAULTS,
  MAX_LEASE_FACTOR,
  type Profile,
  pick,
  type SimulatedGroup,
  type Timing,
} from './conditions.ts'

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
] as const satisfies readonly FaultName[]

/** What makes it hard to know what has been: restarts, with or without what was written, and wall clocks that go back. */
const AROUND_INSTANTS = [
  'restart',
  'coordinatorWallStep',
  'storeFailure',
  'tidyStops',
  'crash',
  'pause',
  'partition',
  'oneWayPartition',
  'loss',
  'duplication',
  'replay',
  'oldLinks',
  'slowStore',
] as const satisfies readonly FaultName[]

const AROUND: Partial<Record<Profile, readonly FaultName[]>> = {
  restarts: AROUND_RESTARTS,
  beyond: AROUND_SLOW_CLOCKS,
  once: AROUND_INSTANTS,
}

/** What members and operators may want of a group in which nothing goes wrong. */
const WISHES = ['weights', 'statics', 'orders'] as const satisfies readonly FaultName[]

/** The shortest preset, so that a run of a few thousand events sees many leases. */
const PRESET: Timing = timing.local

const scaled = (given: Timing, by: number): Timing => ({
  leaseMs: given.leaseMs * by,
  settleMs: given.settleMs * by,
  settleCapMs: given.settleCapMs * by,
  drainLimitMs: given.drainLimitMs * by,
  heartbeatMs: given.heartbeatMs * by,
  stopMarginMs: given.stopMarginMs * by,
  reconnectMaxMs: given.reconnectMaxMs * by,
  staticGraceMs: given.staticGraceMs * by,
})

/** Everything about a run that is drawn from its seed beforehand. */
export const drawConditions = (seed: number, wanted?: Profile): Conditions => {
  const random = seededRandom(seed).fork('conditions')
  const own = random.fork('later')
  // Drawn in any case, so that asking for the profile that a seed has changes nothing else.
  const drawn = drawProfile(random)
  const profile = wanted ?? (own.fork('once').next() < 0.06 ? 'once' : drawn)
  const faults = drawFaults(profile, random, own)
  const timing = drawTiming(profile, faults, random, own)
  const groups = drawGroups(profile, faults, random).map((group) =>
    elect(configure(group, faults, own.fork(group.name)), faults, own.fork(`election ${group.name}`)),
  )
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
    addressed: own.fork('addressed').next() < 0.7,
    fresh: random.next() < 0.6,
    delayMs:
      timing.heartbeatMs *
      pick(random, profile === 'swarm' || profile === 'beyond' ? [0.005, 0.02, 0.1, 0.5] : [0.005, 0.02, 0.1]),
    faults,
    faultEveryMs:
      profile === 'churn' ? timing.settleMs * pick(random, [0.05, 0.2, 1]) : timing.leaseMs * pick(random, [0.3, 1, 3]),
    faultsForMs: timing.leaseMs * (10 + random.below(30)),
    ...(profile === 'once' && { once: drawOnce(timing, own.fork('instants')) }),
  }
}

const drawOnce = ({ leaseMs }: Timing, random: Random): NonNullable<Conditions['once']> => ({
  everyMs: leaseMs * pick(random, [0.3, 1, 2]),
  callers: 1 + random.below(4),
  retentionMs: pick(random, [ONCE_RETENTION_MS, 10 * leaseMs]),
  records: pick(random, [MAX_ONCE_RECORDS, 3]),
})

const drawProfile = (random: Random): Profile => {
  const draw = random.next()
  if (draw < 0.03) return 'stalls'
  if (draw < 0.06) return 'quiet'
  if (draw < 0.14) return 'failover'
  if (draw < 0.2) return 'churn'
  if (draw < 0.3) return 'beyond'
  return draw < 0.55 ? 'restarts' : 'swarm'
}

const drawFaults = (profile: Profile, random: Random, own: Random): Set<FaultName> => {
  // Nothing of these goes wrong: a group that knows them must bear them everywhere.
  const wishes: FaultName[] = WISHES.filter((name) => own.fork(`wish ${name}`).next() < 0.3)
  if (profile === 'quiet') return new Set(wishes)
  if (profile === 'stalls') return new Set(['coordinatorPause', ...wishes])
  if (profile === 'failover') {
    const around: FaultName[] = AROUND_FAILOVERS.filter(() => random.next() < 0.5)
    const unconfigured: FaultName[] = own.fork('unconfigured').next() < 0.5 ? ['unconfigured'] : []
    const tidy: FaultName[] = own.fork('tidyStops').next() < 0.5 ? ['tidyStops'] : []
    return new Set([...around, ...unconfigured, ...tidy, ...wishes])
  }
  if (profile === 'churn') return new Set(['join', 'leave', ...wishes])
  const share = pick(random, [0.15, 0.35, 0.6])
  const first: readonly FaultName[] = FIRST_FAULTS.filter(() => random.next() < share)
  const faults = new Set([...first, ...LATER_FAULTS.filter((name) => own.fork(name).next() < share)])
  const around = AROUND[profile] ?? []
  for (const fault of around) if (fault === 'restart' || random.next() < 0.6) faults.add(fault)
  return faults
}

const drawTiming = (profile: Profile, faults: ReadonlySet<FaultName>, random: Random, own: Random): Timing => {
  const preset = scaled(PRESET, pick(random, [0.5, 1, 6]))
  // The stop margin is there for clocks that cannot be read well; where they can, it would only hide mistakes.
  const needsMargin = profile === 'failover' || faults.has('suspend')
  return {
    ...preset,
    stopMarginMs: needsMargin ? preset.stopMarginMs : pick(random, [0, 0, 1, preset.stopMarginMs]),
    settleMs: preset.settleMs * pick(random, [0.2, 1, 3]),
    drainLimitMs: preset.drainLimitMs * pick(random, [0.2, 1]),
    // None at all, one that is over before anybody is missed, and longer ones.
    staticGraceMs: preset.leaseMs * pick(own.fork('grace'), [0, 0.5, 1.5, 3, 3, 6]),
  }
}

const drawGroups = (profile: Profile, faults: ReadonlySet<FaultName>, random: Random) => {
  const count = 1 + random.below(profile === 'swarm' ? 3 : 2)
  return Array.from(
    { length: count },
    (_, number): SimulatedGroup => ({
      name: `g${number}`,
      share: random.next() < 0.5 ? 'index' : { partitions: pick(random, profile === 'churn' ? [16] : [1, 3, 8, 16]) },
      explicit: !faults.has('otherShare') && random.next() < 0.5,
      leaseFactor: pick(random, [1, 1, MAX_LEASE_FACTOR]),
    }),
  )
}

/** Some are elections. What is drawn for the others is not touched by that. */
const elect = (group: SimulatedGroup, faults: ReadonlySet<FaultName>, random: Random): SimulatedGroup => {
  if (faults.has('otherShare') || random.next() >= 0.25) return group
  return { ...group, name: groupOfElection(group.name), share: 'tenure', explicit: true }
}

/** A group that is not configured has no lease of its own, and cannot be configured for another share. */
const configure = (group: SimulatedGroup, faults: ReadonlySet<FaultName>, random: Random): SimulatedGroup => {
  if (!faults.has('unconfigured') || faults.has('otherShare') || random.next() < 0.4) return group
  return { ...group, unconfigured: true, explicit: true, leaseFactor: 1 }
}
