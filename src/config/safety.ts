import { grantMs } from '../core/lease.ts'
import { DEFAULT_DRIFT, type Millis } from '../core/time.ts'
import { CaucusError } from '../errors.ts'
import type { Timing } from './timing.ts'

/** A relation that does not hold, with both of its sides. */
export interface TimingViolation {
  /** What must hold, and why. */
  readonly rule: string
  readonly left: { readonly name: string; readonly ms: Millis }
  readonly right: { readonly name: string; readonly ms: Millis }
}

export interface TimingContext {
  /** Whether the coordinator is replicated: elections then have to end before leases do. */
  readonly peers?: boolean
}

interface Relation {
  readonly rule: string
  /** The left side must be at least the right side. */
  readonly left: (t: Timing) => Millis
  readonly leftName: string
  readonly right: (t: Timing) => Millis
  readonly rightName: string
}

/** How much shorter a lease must be than the promise it rests on, when one clock is slow by ε and the other fast. */
const SLOWER = (1 - DEFAULT_DRIFT) / (1 + DEFAULT_DRIFT)

const MEMBER_RELATIONS: readonly Relation[] = [
  {
    rule: 'leaseMs − stopMarginMs must be at least 3 × heartbeatMs: two renewals in a row may get lost without ending a share',
    left: (t) => t.leaseMs - t.stopMarginMs,
    leftName: 'leaseMs − stopMarginMs',
    right: (t) => 3 * t.heartbeatMs,
    rightName: '3 × heartbeatMs',
  },
  {
    rule: 'leaseMs must be at least 5 × stopMarginMs: a holder never gives up more than a fifth of its lease',
    left: (t) => t.leaseMs,
    leftName: 'leaseMs',
    right: (t) => 5 * t.stopMarginMs,
    rightName: '5 × stopMarginMs',
  },
  {
    rule: 'leaseMs − heartbeatMs − stopMarginMs must be at least reconnectMaxMs: a lost connection is back before the lease ends',
    left: (t) => t.leaseMs - t.heartbeatMs - t.stopMarginMs,
    leftName: 'leaseMs − heartbeatMs − stopMarginMs',
    right: (t) => t.reconnectMaxMs,
    rightName: 'reconnectMaxMs',
  },
  {
    rule: 'settleCapMs must be at least settleMs: a cap below the settle time would always cut it short',
    left: (t) => t.settleCapMs,
    leftName: 'settleCapMs',
    right: (t) => t.settleMs,
    rightName: 'settleMs',
  },
  {
    rule: 'staticGraceMs must be 0 or at least leaseMs · (1+ε)/(1−ε): a place that is free before its lease ran out was not kept',
    left: (t) => (t.staticGraceMs === 0 ? Number.POSITIVE_INFINITY : t.staticGraceMs),
    leftName: 'staticGraceMs',
    right: (t) => Math.ceil(grantMs(t.leaseMs)),
    rightName: 'leaseMs · (1+ε)/(1−ε)',
  },
]

const VOTER_RELATIONS: readonly Relation[] = [
  {
    rule: 'leaderLeaseMs must be at least 3 × leaderHeartbeatMs: two lost rounds must not unseat a leader',
    left: (t) => t.leaderLeaseMs,
    leftName: 'leaderLeaseMs',
    right: (t) => 3 * t.leaderHeartbeatMs,
    rightName: '3 × leaderHeartbeatMs',
  },
  {
    rule: "electionMinMs · (1−ε)/(1+ε) must be at least leaderLeaseMs: nobody may be elected while an earlier leader's lease runs",
    left: (t) => Math.floor(t.electionMinMs * SLOWER),
    leftName: 'electionMinMs · (1−ε)/(1+ε)',
    right: (t) => t.leaderLeaseMs,
    rightName: 'leaderLeaseMs',
  },
  {
    rule: 'electionMaxMs must be at least 1.5 × electionMinMs: voters that all wait equally long split their votes again and again',
    left: (t) => t.electionMaxMs,
    leftName: 'electionMaxMs',
    right: (t) => 1.5 * t.electionMinMs,
    rightName: '1.5 × electionMinMs',
  },
  {
    rule: 'leaseMs − heartbeatMs − stopMarginMs must be at least 2 × electionMaxMs + reconnectMaxMs: a failover must end before any share lapses',
    left: (t) => t.leaseMs - t.heartbeatMs - t.stopMarginMs,
    leftName: 'leaseMs − heartbeatMs − stopMarginMs',
    right: (t) => 2 * t.electionMaxMs + t.reconnectMaxMs,
    rightName: '2 × electionMaxMs + reconnectMaxMs',
  },
]

/** Every relation that does not hold; empty when the values are safe together. */
export const checkTiming = (checked: Timing, { peers = false }: TimingContext = {}): TimingViolation[] =>
  [...MEMBER_RELATIONS, ...(peers ? VOTER_RELATIONS : [])].flatMap(({ rule, left, leftName, right, rightName }) => {
    const sides = { left: { name: leftName, ms: left(checked) }, right: { name: rightName, ms: right(checked) } }
    return sides.left.ms >= sides.right.ms ? [] : [{ rule, ...sides }]
  })

/** One sentence with both numbers. */
export const describeViolation = ({ rule, left, right }: TimingViolation): string =>
  `${rule} (${left.name} is ${left.ms} ms, ${right.name} is ${right.ms} ms)`

/** Throws `CAUCUS_INVALID_CONFIG` with every violation and both of its numbers, unless there is none. */
export const requireSafe = (violations: readonly TimingViolation[]): void => {
  if (violations.length === 0) return
  throw new CaucusError('CAUCUS_INVALID_CONFIG', `unsafe timing: ${violations.map(describeViolation).join('; ')}`, {
    details: { violations },
  })
}

/**
 * The longest until a coordinator can give everything again, also what nobody claims: (replicated) 2 × electionMaxMs for a leader,
 * then leaseMs · (1+ε)/(1−ε) until the leases of its predecessor have run out. A single server counts from its restart. Members keep
 * what they hold meanwhile.
 */
export const worstFailoverMs = ({ electionMaxMs, leaseMs }: Timing, { peers = false }: TimingContext = {}): Millis =>
  (peers ? 2 * electionMaxMs : 0) + Math.ceil(grantMs(leaseMs))

/**
 * The longest until what a crashed member held is with somebody else: its lease runs out (leaseMs · (1+ε)/(1−ε)), changes that keep
 * coming put the settling off (settleCapMs), and a survivor whose place moves overruns its drain (drainLimitMs and once more a lease).
 */
export const worstTakeoverMs = ({ leaseMs, settleMs, settleCapMs, drainLimitMs }: Timing): Millis =>
  2 * Math.ceil(grantMs(leaseMs)) + Math.max(settleMs, settleCapMs) + drainLimitMs
