import type { Instant, Millis } from '../../core/time.ts'

export interface RateLimitOptions {
  readonly perSecond: number
  readonly burst: number
  now(): Instant
  /** How many are told apart at a time. Default 100 000. */
  readonly maxKeys?: number
}

interface Bucket {
  left: number
  at: Instant
}

/** Sums of fractions come out a little less than what they should be. */
const ROUNDING = 1e-6
/** Whoever comes when all places are taken shares one. */
const ALL_OTHERS = ''

/**
 * A token bucket for each of many, in bounded memory: who has not been here for as long as an empty bucket takes to fill is forgotten,
 * which changes nothing, since its bucket is full.
 */
export class RateLimit {
  readonly #options: RateLimitOptions
  readonly #maxKeys: number
  readonly #fillMs: Millis
  #recent = new Map<string, Bucket>()
  #before = new Map<string, Bucket>()
  #turnedAt: Instant

  constructor(options: RateLimitOptions) {
    this.#options = options
    this.#maxKeys = options.maxKeys ?? 100_000
    this.#fillMs = (options.burst / options.perSecond) * 1_000
    this.#turnedAt = options.now()
  }

  /** How many are remembered. */
  get size(): number {
    return this.#recent.size + this.#before.size
  }

  /** 0 when it was taken; otherwise nothing was, and for how long to wait until it can be. What costs more than a full bucket is taken from a full one. */
  take(key: string, cost = 1): Millis {
    const { perSecond, burst } = this.#options
    const now = this.#options.now()
    const bucket = this.#bucketOf(key, now)
    bucket.left = Math.min(burst, bucket.left + ((now - bucket.at) * perSecond) / 1_000)
    bucket.at = now
    const due = Math.min(cost, burst)
    if (bucket.left >= due - ROUNDING) {
      bucket.left -= due
      return 0
    }
    return Math.max(1, Math.ceil(((due - bucket.left) * 1_000) / perSecond - ROUNDING))
  }

  #bucketOf(key: string, now: Instant): Bucket {
    if (now - this.#turnedAt >= this.#fillMs) this.#turn(now)
    const recent = this.#recent.get(key)
    if (recent !== undefined) return recent
    const before = this.#before.get(key)
    // Those who were here before keep their own, as far as there is room for twice as many.
    const room = before === undefined ? this.#maxKeys : 2 * this.#maxKeys
    const place = this.#recent.size < room ? key : ALL_OTHERS
    const bucket = (place === key ? before : this.#recent.get(place)) ?? { left: this.#options.burst, at: now }
    this.#recent.set(place, bucket)
    return bucket
  }

  /** Whoever was here neither since the last turn nor since this one has had the time to be forgotten. */
  #turn(now: Instant): void {
    this.#before = now - this.#turnedAt >= 2 * this.#fillMs ? new Map() : this.#recent
    this.#recent = new Map()
    this.#turnedAt = now
  }
}
