import { type Generation, MAX_GENERATION } from '../lease.ts'
import type { Instant } from '../time.ts'
import type { Ledger } from './ledger.ts'
import type { Address } from './session.ts'

/** The later generation that a coordinator takes when it must: durable first, and nothing is granted meanwhile. */
export class NextGeneration {
  readonly #ledger: Ledger
  readonly #durable: (generation: Generation, toGreet: ReadonlySet<Address>, now: Instant) => void
  #coming: Generation | undefined
  /** Who showed a claim that made a later generation necessary, and has no session yet. */
  readonly #toGreet = new Set<Address>()

  /** `durable` is called with each that is, unless a still later one is on its way. */
  constructor(ledger: Ledger, durable: (generation: Generation, toGreet: ReadonlySet<Address>, now: Instant) => void) {
    this.#ledger = ledger
    this.#durable = durable
  }

  get isComing(): boolean {
    return this.#coming !== undefined
  }

  greet(who: Address): void {
    this.#toGreet.add(who)
  }

  take(generation: Generation): void {
    if (generation > MAX_GENERATION || (this.#coming ?? 0) >= generation) return
    this.#coming = generation
    this.#ledger.ask({
      change: (foundation) => ({ ...foundation, generation: Math.max(foundation.generation, generation) }),
      durable: (now) => this.#ended(generation, now),
      failed: () => {
        if (this.#coming === generation) this.#coming = undefined
        this.#toGreet.clear()
      },
    })
  }

  #ended(generation: Generation, now: Instant): void {
    if (this.#coming !== generation) return
    this.#coming = undefined
    const toGreet = new Set(this.#toGreet)
    this.#toGreet.clear()
    this.#durable(generation, toGreet, now)
  }
}
