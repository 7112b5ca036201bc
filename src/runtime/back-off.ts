import type { Millis } from '../core/time.ts'

/** The first pause is up to this, and each later one up to twice the one before. */
const FIRST_PAUSE_MS: Millis = 20
/** So many attempts in vain, and the pauses have long been as long as they get. */
const MANY = 30

/** How long to wait before the next attempt to connect: with full jitter, so that what was restarted is not run over by everybody at once. */
export class BackOff {
  readonly #random: () => number
  readonly #longestMs: Millis
  #attempts = 0

  /** `random` gives numbers in [0, 1). */
  constructor(random: () => number, longestMs: Millis) {
    this.#random = random
    this.#longestMs = longestMs
  }

  nextPauseMs(): Millis {
    const pauseMs = this.#random() * Math.min(this.#longestMs, FIRST_PAUSE_MS * 2 ** this.#attempts)
    this.#attempts = Math.min(this.#attempts + 1, MANY)
    return pauseMs
  }

  /** A connection has lasted. */
  reset(): void {
    this.#attempts = 0
  }

  /** Whoever takes us and drops us again, or will not do, is not to be asked a hundred times a second. */
  lengthen(): void {
    this.#attempts = MANY
  }
}
