import type { Ticket } from './tickets.ts'

/** What may have to wait for a write. */
interface Waiting {
  /** Not before that ticket is durable. */
  readonly after?: Ticket | undefined
}

/**
 * Holds back what may not be said before it is written down. Writes end in order, each is the whole record, so whatever is durable covers
 * every ticket before it. However long a disk fails, nothing piles up.
 */
export class DurableGate<Send extends Waiting> {
  readonly #limit: number
  #held: Send[] = []
  #durable: Ticket = 0
  #ended: Ticket = 0

  /** At most `limit` messages wait; beyond that the oldest go, which nobody waits for any more. */
  constructor(limit = 256) {
    this.#limit = limit
  }

  /** What to do with it: say it now, later, or never, because its write failed. */
  admit(send: Send): 'now' | 'later' | 'never' {
    const { after } = send
    if (after === undefined || after <= this.#durable) return 'now'
    if (after <= this.#ended) return 'never'
    this.#held.push(send)
    if (this.#held.length > this.#limit) this.#held.shift()
    return 'later'
  }

  /** A write has ended. Gives what may be said now, in order; what rested on a failed one is forgotten. */
  ended(ticket: Ticket, durable: boolean): readonly Send[] {
    this.#ended = Math.max(this.#ended, ticket)
    if (durable) this.#durable = Math.max(this.#durable, ticket)
    const ready: Send[] = []
    this.#held = this.#held.filter((send) => {
      const { after = 0 } = send
      if (after > this.#ended) return true
      if (after <= this.#durable) ready.push(send)
      return false
    })
    return ready
  }
}
