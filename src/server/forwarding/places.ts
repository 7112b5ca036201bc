import { CaucusError } from '../../errors.ts'

/** Of all connections so many may wait for an answer of somebody else, and of those so many of one address. */
const PART = 1 / 2
const PART_OF_ONE = 3 / 4

/** Bounds what is held up at a time because somebody else has to answer: one address must not have all of it. */
export class Places {
  readonly #all: number
  readonly #each: number
  readonly #taken = new Map<string, number>()
  readonly #counts: { forwardsHeld: number }

  constructor(connections: number, counts: { forwardsHeld: number }) {
    this.#counts = counts
    this.#all = Math.max(1, Math.ceil(connections * PART))
    this.#each = Math.max(1, Math.ceil(this.#all * PART_OF_ONE))
  }

  /** Gives what leaves the place, however often it is called. */
  take(network: string): CaucusError | (() => void) {
    const taken = this.#taken.get(network) ?? 0
    if (this.#counts.forwardsHeld >= this.#all || taken >= this.#each) {
      return new CaucusError(
        'CAUCUS_OVERLOADED',
        'too many requests wait here, of all or from this address, for the peer that leads; try again later',
        { details: { retryAfterMs: 1_000 } },
      )
    }
    this.#counts.forwardsHeld++
    this.#taken.set(network, taken + 1)
    let isHeld = true
    return () => {
      if (!isHeld) return
      isHeld = false
      this.#counts.forwardsHeld--
      const left = (this.#taken.get(network) ?? 1) - 1
      if (left > 0) this.#taken.set(network, left)
      else this.#taken.delete(network)
    }
  }
}
