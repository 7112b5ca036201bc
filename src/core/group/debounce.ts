import type { Instant, Millis } from '../time.ts'
import type { ShareKind } from './messages.ts'

interface Times {
  readonly settleMs: Millis
  readonly settleCapMs: Millis
}

/** Waits until a group has been quiet for a while, and under steady churn no longer than a cap. */
export class Debounce {
  readonly #settleMs: Millis
  readonly #capMs: Millis
  #firstChangeAt: Instant | undefined
  #changedAt: Instant | undefined

  constructor({ settleMs, settleCapMs }: Times) {
    this.#settleMs = settleMs
    this.#capMs = settleCapMs
  }

  /** True when it was quiet before. */
  changed(now: Instant): boolean {
    this.#changedAt = now
    if (this.#firstChangeAt !== undefined) return false
    this.#firstChangeAt = now
    return true
  }

  /** True once, when the time has come. */
  ends(now: Instant): boolean {
    if (now < this.wakeAt()) return false
    this.#firstChangeAt = undefined
    return true
  }

  /** Something has changed at some time, and everything that did is decided upon. */
  get over(): boolean {
    return this.#changedAt !== undefined && this.#firstChangeAt === undefined
  }

  wakeAt(): Instant {
    if (this.#firstChangeAt === undefined || this.#changedAt === undefined) return Number.POSITIVE_INFINITY
    return Math.min(this.#changedAt + this.#settleMs, this.#firstChangeAt + this.#capMs)
  }
}

const AT_ONCE: Times = { settleMs: 0, settleCapMs: 0 }

/** For whoever waits for a tenure, it makes no difference who else may come. */
export const debounceOf = (share: ShareKind, times: Times): Debounce =>
  new Debounce(share === 'tenure' ? AT_ONCE : times)

/** Where there is nothing to share out, or nothing that anybody else's share depends on, nothing ever settles. */
export const settles = (share: ShareKind): boolean => share !== 'none' && share !== 'once'
