import { invariant } from './machine.ts'
import { DEFAULT_DRIFT, type Instant, type Millis } from './time.ts'

/**
 * A number that rises with every grant of an item, over restarts and failovers of whoever grants: the fencing token.
 * One safe integer, `generation · 2²¹ + counter`.
 */
export type Epoch = number
/** Who grants: rises with every start, election or used-up counter of the coordinator. */
export type Generation = number

const COUNTERS = 2 ** 21
/** The largest generation whose epochs are all safe integers. */
export const MAX_GENERATION: Generation = 2 ** 32 - 1
/** How far ahead of one's own a claimed generation may be. Farther is refused, so that one message cannot use up the numbers. */
export const MAX_GENERATION_LEAD = 2 ** 16

export const epochOf = (generation: Generation, counter: number): Epoch => generation * COUNTERS + counter
export const generationOf = (epoch: Epoch): Generation => Math.floor(epoch / COUNTERS)

/** Hands out rising epochs of one generation. */
export class EpochSource {
  #counter = 0
  #generation: Generation

  constructor(generation: Generation) {
    invariant(
      Number.isSafeInteger(generation) && generation > 0 && generation <= MAX_GENERATION,
      'a generation fits in 32 bits',
    )
    this.#generation = generation
  }

  get generation(): Generation {
    return this.#generation
  }

  /** The highest one that was handed out so far. Whoever shows a higher one has it from somebody else. */
  get last(): Epoch {
    return epochOf(this.#generation, this.#counter)
  }

  /** True while at least `count` more epochs are there. */
  has(count: number): boolean {
    return this.#counter + count < COUNTERS
  }

  next(): Epoch {
    invariant(this.has(1), 'epochs are left in this generation')
    return epochOf(this.#generation, ++this.#counter)
  }

  /** Goes on in a later generation, whose number must already be durable. */
  renew(generation: Generation): void {
    invariant(generation > this.#generation && generation <= MAX_GENERATION, 'generations rise')
    this.#generation = generation
    this.#counter = 0
  }
}

/**
 * How long a grantor waits after it processed a renewal before anybody else may have what that renewal kept.
 * The holder's clock may run slow by ε while the grantor's runs fast by ε, hence the factor (1+ε)/(1−ε).
 */
export const grantMs = (leaseMs: Millis, drift: number = DEFAULT_DRIFT): Millis => (leaseMs * (1 + drift)) / (1 - drift)

/** Until when a holder may act: counted from the *send* of its renewal, since the answer may have waited anywhere. */
export const holderUntil = (sentAt: Instant, leaseMs: Millis, stopMarginMs: Millis): Instant =>
  sentAt + leaseMs - stopMarginMs

/** When a holder sent which renewal, for as long as an answer to it can still matter. */
export class SendLog {
  readonly #sentAt = new Map<number, Instant>()

  sent(sequence: number, at: Instant): void {
    this.#sentAt.set(sequence, at)
    // An answer to a renewal that many sends ago could not extend anything any more.
    if (this.#sentAt.size > 256) this.#sentAt.delete(this.#sentAt.keys().next().value as number)
  }

  /** The send time of `sequence`; earlier ones are forgotten, since answers never go back. */
  answered(sequence: number): Instant | undefined {
    const at = this.#sentAt.get(sequence)
    if (at === undefined) return undefined
    for (const earlier of this.#sentAt.keys()) {
      if (earlier >= sequence) break
      this.#sentAt.delete(earlier)
    }
    return at
  }
}
