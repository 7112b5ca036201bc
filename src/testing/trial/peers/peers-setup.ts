import type { Timing } from '../../../config/timing.ts'
import type { PeerOptions } from '../../../index.ts'
import type { Break } from '../house.ts'

/** Room enough for a busy machine, and still an election within a second. Leases of members outlast many elections. */
export const PEERS_TIMING = {
  heartbeatMs: 300,
  leaseMs: 8_000,
  stopMarginMs: 200,
  settleMs: 200,
  settleCapMs: 2_000,
  drainLimitMs: 2_000,
  leaderHeartbeatMs: 50,
  electionMinMs: 400,
  electionMaxMs: 800,
  leaderLeaseMs: 350,
  reconnectMaxMs: 200,
} as const

/** Leaders that a busy machine does not unseat. */
export const CALM_TIMING = {
  ...PEERS_TIMING,
  leaseMs: 12_000,
  staticGraceMs: 36_000,
  leaderHeartbeatMs: 100,
  electionMinMs: 1_000,
  electionMaxMs: 2_000,
  leaderLeaseMs: 900,
} as const

/** The same, so many times slower: for a machine that has a lot else to do. */
export const slowerTiming = (factor: number): Partial<Timing> =>
  Object.fromEntries(Object.entries(CALM_TIMING).map(([name, ms]) => [name, ms * factor]))

export interface PeersTrialOptions {
  /** From 1 to 7. */
  readonly voters: number
  /** Whether they have data directories. Default: they do. */
  readonly stores?: boolean
  /** Rules of the built code to break: a trial that finds nothing then is worth nothing. */
  readonly broken?: readonly Break[]
  readonly timing?: Partial<Timing>
  /** How many members there are to begin with. Default: none. */
  readonly members?: number
  /** One in so many tenures of the members' election ends by itself. Default 0: none does. */
  readonly resigns?: number
  /** How often each member asks all of them. Default: every 5 ms. */
  readonly askEveryMs?: number
  readonly seed?: number
  /** How long anything is waited for: it bounds a hang, and asserts no speed. Default: a minute. */
  readonly patienceMs?: number
}

export interface LaunchOptions {
  readonly who?: string
  readonly change?: Partial<PeerOptions>
  readonly prefix?: readonly string[]
}
