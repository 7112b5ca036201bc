import type { Instant, Millis } from '../time.ts'
import { type Leader, sameLeader } from './messages.ts'
import type { TetherId } from './tethers.ts'

/**
 * The one promise that a voter is bound by: until then it votes for nobody, does not campaign, and acknowledges nobody else. By the
 * monotonic clock alone, and never shortened, unless whoever has it is known to have ended or let go.
 */
export class VoterPromise {
  #to: Leader | undefined
  #until: Instant = Number.NEGATIVE_INFINITY
  /** What the latest acknowledgement quoted. */
  #tether: TetherId | undefined

  get until(): Instant {
    return this.#until
  }

  runs(now: Instant): boolean {
    return now < this.#until
  }

  /** Whether it stands in the way of an election that overrides the promises to this leader. */
  bars(now: Instant, overriding: Leader | undefined): boolean {
    return this.runs(now) && !sameLeader(this.#to, overriding)
  }

  /** Whether somebody else than this leader has it. */
  isGivenToAnother(leader: Leader, now: Instant): boolean {
    return this.runs(now) && !sameLeader(this.#to, leader)
  }

  give(to: Leader, forMs: Millis, now: Instant, tether?: TetherId): void {
    this.#until = this.runs(now) ? Math.max(this.#until, now + forMs) : now + forMs
    this.#to = to
    this.#tether = tether
  }

  /** That tether has ended in order. Gives the leader that has ended with it, and that nothing is owed to any more. */
  ended(tether: TetherId): Leader | undefined {
    if (this.#tether !== tether) return undefined
    this.#tether = undefined
    this.#until = Number.NEGATIVE_INFINITY
    return this.#to
  }

  /** That leader has let go, so nothing rests on it any more. */
  waive(leader: Leader): void {
    if (sameLeader(this.#to, leader)) this.#until = Number.NEGATIVE_INFINITY
  }
}
