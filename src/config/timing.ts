import type { Millis } from '../core/time.ts'
import { CaucusError } from '../errors.ts'
import { MAX_DURATION, MAX_DURATION_MS } from './duration.ts'
import { didYouMean } from './nearest.ts'

/** Every length of time that can be configured, in milliseconds. */
export interface Timing {
  /** How often a member renews, at most; it never renews less often than four times a lease. */
  readonly heartbeatMs: Millis
  /** How long a renewal is good for. */
  readonly leaseMs: Millis
  /** How long before the end of its lease a holder stops, so that what it has begun can end. */
  readonly stopMarginMs: Millis
  /** How long a group must be without a change before it settles. */
  readonly settleMs: Millis
  /** How long changes that keep coming can put the settling off. */
  readonly settleCapMs: Millis
  readonly leaderHeartbeatMs: Millis
  readonly electionMinMs: Millis
  readonly electionMaxMs: Millis
  readonly leaderLeaseMs: Millis
  /** The longest pause between two attempts to connect. */
  readonly reconnectMaxMs: Millis
  /** How long a drain may take before what is drained is left to its lease. */
  readonly drainLimitMs: Millis
  /** How long the place of a stopped static member is kept free. */
  readonly staticGraceMs: Millis
}

/** The name of a preset: one machine, one data centre, or several of them. */
export type TimingPreset = 'local' | 'lan' | 'wan'

/** Starting points for one machine, one data centre and several of them. Frozen. */
export const timing: Readonly<Record<TimingPreset, Timing>> = Object.freeze({
  local: Object.freeze({
    heartbeatMs: 200,
    leaseMs: 1_000,
    stopMarginMs: 50,
    settleMs: 100,
    settleCapMs: 2_000,
    leaderHeartbeatMs: 25,
    electionMinMs: 150,
    electionMaxMs: 300,
    leaderLeaseMs: 120,
    reconnectMaxMs: 100,
    drainLimitMs: 2_000,
    staticGraceMs: 3_000,
  }),
  lan: Object.freeze({
    heartbeatMs: 1_000,
    leaseMs: 6_000,
    stopMarginMs: 250,
    settleMs: 500,
    settleCapMs: 5_000,
    leaderHeartbeatMs: 100,
    electionMinMs: 750,
    electionMaxMs: 1_500,
    leaderLeaseMs: 600,
    reconnectMaxMs: 500,
    drainLimitMs: 10_000,
    staticGraceMs: 15_000,
  }),
  wan: Object.freeze({
    heartbeatMs: 3_000,
    leaseMs: 20_000,
    stopMarginMs: 1_000,
    settleMs: 3_000,
    settleCapMs: 30_000,
    leaderHeartbeatMs: 400,
    electionMinMs: 2_500,
    electionMaxMs: 5_000,
    leaderLeaseMs: 2_000,
    reconnectMaxMs: 2_000,
    drainLimitMs: 30_000,
    staticGraceMs: 60_000,
  }),
})

/** The shortest lease that timers of an ordinary machine can keep. */
export const MIN_LEASE_MS: Millis = 100

/** What each value may be by itself. Zero only where it means "none": no debounce, no margin, no drain, no grace. */
const RANGES: Readonly<Record<keyof Timing, readonly [Millis, Millis]>> = {
  heartbeatMs: [1, MAX_DURATION_MS],
  leaseMs: [MIN_LEASE_MS, MAX_DURATION_MS],
  stopMarginMs: [0, MAX_DURATION_MS],
  settleMs: [0, MAX_DURATION_MS],
  settleCapMs: [0, MAX_DURATION_MS],
  leaderHeartbeatMs: [1, MAX_DURATION_MS],
  electionMinMs: [1, MAX_DURATION_MS],
  electionMaxMs: [1, MAX_DURATION_MS],
  leaderLeaseMs: [1, MAX_DURATION_MS],
  reconnectMaxMs: [1, MAX_DURATION_MS],
  drainLimitMs: [0, MAX_DURATION_MS],
  staticGraceMs: [0, MAX_DURATION_MS],
}

export const isTimingPreset = (value: unknown): value is TimingPreset =>
  value === 'local' || value === 'lan' || value === 'wan'

/** What is wrong with each value by itself; empty when a preset's name or numbers in range were given. `path` names the place. */
export const timingFaults = (given: unknown, path = 'timing'): string[] => {
  if (isTimingPreset(given)) return []
  if (typeof given !== 'object' || given === null || Array.isArray(given)) {
    return [`${path} must be "local", "lan", "wan" or an object of numbers in milliseconds`]
  }
  return Object.entries(given).flatMap(([name, value]: [string, unknown]) => {
    if (!Object.hasOwn(RANGES, name)) return [`${path}.${name} is not known${didYouMean(name, Object.keys(RANGES))}`]
    const [minMs, maxMs] = RANGES[name as keyof Timing]
    if (typeof value === 'number' && value >= minMs && value <= maxMs) return []
    const said = typeof value === 'number' ? String(value) : JSON.stringify(value)
    return [`${path}.${name} is ${said}; give milliseconds from ${minMs} to ${maxMs} (${MAX_DURATION})`]
  })
}

/**
 * All twelve values from a preset's name, or from some numbers over `base` (default `timing.lan`). What follows from a number that
 * was given follows it: heartbeat, stop margin, reconnect and grace the lease, the settle cap the settle time.
 *
 * Throws `CAUCUS_INVALID_CONFIG` with everything that is wrong with single values. Whether they are safe together: `checkTiming` (safety.ts).
 */
export const resolveTiming = (given: TimingPreset | Partial<Timing>, base: Timing = timing.lan): Timing => {
  const faults = timingFaults(given)
  if (faults.length > 0) throw new CaucusError('CAUCUS_INVALID_CONFIG', faults.join('; '), { details: { faults } })
  if (typeof given === 'string') return timing[given]
  return { ...base, ...following(given, base), ...given }
}

const following = ({ leaseMs, settleMs }: Partial<Timing>, base: Timing): Partial<Timing> => ({
  ...(leaseMs !== undefined && {
    heartbeatMs: Math.min(base.heartbeatMs, leaseMs / 4),
    stopMarginMs: Math.min(base.stopMarginMs, leaseMs / 5),
    reconnectMaxMs: Math.min(base.reconnectMaxMs, leaseMs / 4),
    staticGraceMs: Math.max(base.staticGraceMs, 3 * leaseMs),
  }),
  ...(settleMs !== undefined && { settleCapMs: Math.max(base.settleCapMs, 5 * settleMs) }),
})

/** What a server serves unless it is told otherwise: the predecessor's `-t 4 -s 6`, and what follows from them. Frozen. */
export const servedTiming: Timing = Object.freeze(resolveTiming({ leaseMs: 4_000, settleMs: 6_000 }))
