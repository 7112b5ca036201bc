import type { Instant } from '../../core/time.ts'
import { RateLimit } from './rate-limit.ts'

interface Rate {
  readonly perSecond: number
  readonly burst: number
}

export interface Rationing extends Rate {
  readonly maxKeys: number
  /** Of all callers together. */
  readonly all: Rate
}

/** Lets through the first lines of each, then one now and then, and keeps count of the others. */
export class Ration {
  /** Of all. */
  total = 0
  readonly #each: RateLimit
  readonly #all: RateLimit
  readonly #maxKeys: number
  readonly #untold = new Map<string, number>()

  constructor({ all, ...each }: Rationing, now: () => Instant) {
    this.#each = new RateLimit({ ...each, now })
    this.#all = new RateLimit({ ...all, now })
    this.#maxKeys = each.maxKeys
  }

  /** What the line is to say besides; `undefined`: there is none. */
  take(key: string): { readonly untold?: number } | undefined {
    if (this.#each.take(key) > 0 || this.#all.take('all') > 0) {
      this.total++
      // Who comes when so many are counted already is counted with all others.
      const place = this.#untold.has(key) || this.#untold.size < this.#maxKeys ? key : ''
      this.#untold.set(place, (this.#untold.get(place) ?? 0) + 1)
      return undefined
    }
    const untold = this.#untold.get(key)
    this.#untold.delete(key)
    return untold === undefined ? {} : { untold }
  }
}
