import { compareIds } from '../ids.ts'
import type { Instant } from '../time.ts'
import type { ElectionDesk } from './io.ts'

/**
 * When a tether ends, several voters know at once that nobody leads, and each asks at once. So that they do not all stand and part the
 * votes, whoever asks gives way to whoever comes before it in the order of ids; and who was asked too early is asked soon again.
 */
export class Haste {
  readonly #desk: ElectionDesk
  #until: Instant = Number.NEGATIVE_INFINITY

  constructor(desk: ElectionDesk) {
    this.#desk = desk
  }

  begin(): void {
    this.#until = this.#desk.at.grantor + this.#desk.options.timing.electionMinMs
  }

  get #runs(): boolean {
    return this.#desk.at.grantor < this.#until
  }

  /** Whether somebody that asks for votes, too, goes first. */
  yieldsTo(voter: string): boolean {
    return this.#runs && compareIds(voter, this.#desk.options.id) < 0
  }

  /** When to ask again if this time nobody answers: others may have read their ends a little later. */
  get againAt(): Instant {
    const { at, options } = this.#desk
    return this.#runs ? at.grantor + options.timing.heartbeatMs * (1 + options.random.next()) : Number.POSITIVE_INFINITY
  }
}
