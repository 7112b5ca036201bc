import { DEFAULT_DRIFT, type Instant, type Millis } from '../time.ts'
import { reachedByMajority } from './quorum.ts'

/** Older rounds could not extend anything any more. */
const ROUNDS_KEPT = 256

export interface LeaseTerms {
  readonly self: string
  readonly voters: number
  /** It is never longer than this after a send, whatever is promised. */
  readonly leaseMs: Millis
  readonly drift?: number
}

/** For how long a leader may rest on a promise: the voter's clock may run fast by ε while its own runs slow. */
export const restsMs = (promiseMs: Millis, drift: number = DEFAULT_DRIFT): Millis =>
  (promiseMs * (1 - drift)) / (1 + drift)

/**
 * Until when a leader leads, by its holder clock. Each voter supports it from the *send* of the heartbeat that it acknowledged, since the
 * answer may have waited anywhere; what a majority supports is its lease.
 */
export class LeaderLease {
  readonly #terms: LeaseTerms
  readonly #sentAt = new Map<number, Instant>()
  readonly #supports = new Map<string, Instant>()
  #until: Instant = Number.NEGATIVE_INFINITY

  constructor(terms: LeaseTerms) {
    this.#terms = terms
  }

  /** A heartbeat leaves, and the leader itself promises what it asks for. */
  sent(round: number, promiseMs: Millis, held: Instant): void {
    this.#sentAt.set(round, held)
    this.#sentAt.delete(round - ROUNDS_KEPT)
    this.acked(this.#terms.self, round, promiseMs)
  }

  /** False when the round is none of the latest. */
  acked(voter: string, round: number, promiseMs: Millis): boolean {
    const sentAt = this.#sentAt.get(round)
    if (sentAt === undefined) return false
    const { leaseMs, voters, drift } = this.#terms
    const until = sentAt + Math.min(leaseMs, restsMs(promiseMs, drift))
    if (until > (this.#supports.get(voter) ?? Number.NEGATIVE_INFINITY)) {
      this.#supports.set(voter, until)
      this.#until = Math.max(this.#until, reachedByMajority(this.#supports.values(), voters))
    }
    return true
  }

  get until(): Instant {
    return this.#until
  }
}
