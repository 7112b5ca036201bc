import type { Instant, Millis } from '../../core/time.ts'

const LATELY_MS: Millis = 1_000

/** How much the requests of somebody have become lately, by being copied to many. */
export class Copies {
  #bytes = 0
  #since: Instant = 0

  lately(now: Instant): number {
    if (now - this.#since >= LATELY_MS) {
      this.#since = now
      this.#bytes = 0
    }
    return this.#bytes
  }

  add(bytes: number): void {
    this.#bytes += bytes
  }
}
