import type { Instant, Millis } from '../../core/time.ts'

const FIRST_MS: Millis = 1_000
const LONGEST_MS: Millis = 30_000

/** When a program that fails may be started again: after 1, 2, 4 … 30 s. One that ran for 30 s has recovered from what ailed it. */
export class BackOff {
  #failures = 0
  #notBefore: Instant = Number.NEGATIVE_INFINITY

  get notBefore(): Instant {
    return this.#notBefore
  }

  /** Returns how long to wait now. */
  failed(now: Instant, startedAt: Instant): Millis {
    this.#failures = now - startedAt >= LONGEST_MS ? 1 : this.#failures + 1
    const waitMs = Math.min(LONGEST_MS, FIRST_MS * 2 ** Math.min(this.#failures - 1, 5))
    this.#notBefore = now + waitMs
    return waitMs
  }
}
