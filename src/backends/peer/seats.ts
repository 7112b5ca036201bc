import type { Timing } from '../../config/timing.ts'
import type { Millis } from '../../core/time.ts'
import type { Seat } from '../../ports/peers.ts'

/** Less than any client of ours waits for an answer, so that it hears that nobody leads, and not nothing. */
const MAX_PATIENCE_MS: Millis = 4_000

/** How long whoever comes while nobody leads is kept waiting for the next leader: as long as an election may take, with one that failed. */
export const patienceMs = ({ electionMaxMs }: Pick<Timing, 'electionMaxMs'>): Millis =>
  Math.min(2 * electionMaxMs, MAX_PATIENCE_MS)

/** Tells whoever wants to know that somebody else may serve now. */
export class Seats {
  readonly #seatNow: () => Seat
  readonly #listeners = new Set<() => void>()
  #known = keyOf({ type: 'nobody' })
  #telling = false

  constructor(seatNow: () => Seat) {
    this.#seatNow = seatNow
  }

  onSeat(changed: () => void): () => void {
    const listener = () => changed()
    this.#listeners.add(listener)
    return () => void this.#listeners.delete(listener)
  }

  /** To be called whenever it may have changed. The end of one reign is told before another one can have begun: that takes more turns. */
  review(): void {
    const key = keyOf(this.#seatNow())
    if (key === this.#known) return
    this.#known = key
    if (this.#telling) return
    this.#telling = true
    queueMicrotask(() => {
      this.#telling = false
      for (const listener of [...this.#listeners]) listener()
    })
  }
}

const keyOf = (seat: Seat): string => (seat.type === 'there' ? `there ${seat.peer.identifier}` : seat.type)
