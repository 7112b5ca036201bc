import { invariant } from '../core/machine.ts'

/** Names one write to the store. Tickets of one machine rise. */
export type Ticket = number

/** What a driver itself understands of an effect; everything else is for whoever performs it. */
export interface Ordered {
  readonly type: string
  /** On a `persist`: the name under which its end comes back. */
  readonly ticket?: Ticket | undefined
  /** Not to be performed before that ticket is durable. */
  readonly after?: Ticket | undefined
}

/** How the end of a `persist` comes back as input. A machine that orders one takes both. */
export type Completion =
  | { readonly type: 'persisted'; readonly ticket: Ticket }
  | { readonly type: 'persistFailed'; readonly ticket: Ticket; readonly error: unknown }

export const isCompletion = (input: { readonly type: string }): input is Completion =>
  input.type === 'persisted' || input.type === 'persistFailed'

/** An effect is performed now, held back, or dropped: its write failed, or too many already wait for the store. */
export type Verdict = 'perform' | 'held' | 'unsaved' | 'storeBehind'

/** How many failed writes are remembered. Beyond that nobody is helped by going on with this store. */
const FAILURES_LIMIT = 1024

/** Holds back each effect until the ticket that it waits for is durable, so that nothing is said before it is written down. */
export class TicketGate<Effect extends Ordered> {
  readonly #held = new Map<Ticket, Effect[]>()
  readonly #failed = new Set<Ticket>()
  readonly #limit: number
  #latest: Ticket = Number.NEGATIVE_INFINITY
  #holding = 0

  /** At most `limit` effects wait at a time. */
  constructor(limit: number) {
    this.#limit = limit
  }

  /** What to do with an effect in its turn: `held` ones come back from `complete`, the others are to be dropped and reported. */
  admit(effect: Effect): Verdict {
    if (effect.type === 'persist') this.#open(effect.ticket)
    const { after } = effect
    if (after === undefined) return 'perform'
    invariant(after <= this.#latest, `an effect waits for ticket ${after}, which has been ordered before it`)
    if (this.#failed.has(after)) return 'unsaved'
    const held = this.#held.get(after)
    if (held === undefined) return 'perform'
    if (this.#holding >= this.#limit) return 'storeBehind'
    held.push(effect)
    this.#holding++
    return 'held'
  }

  /** The effects that waited for this write: to be performed if it is `persisted`, otherwise to be dropped and reported. */
  complete({ type, ticket }: Completion): readonly Effect[] {
    const held = this.#held.get(ticket)
    if (held === undefined) return []
    this.#held.delete(ticket)
    this.#holding -= held.length
    if (type === 'persistFailed') this.#failed.add(ticket)
    invariant(this.#failed.size <= FAILURES_LIMIT, `a store fails at most ${FAILURES_LIMIT} times`)
    return held
  }

  clear(): void {
    this.#held.clear()
    this.#holding = 0
  }

  #open(ticket: Ticket | undefined): void {
    invariant(ticket !== undefined && ticket > this.#latest, 'every persist has a ticket, and tickets rise')
    this.#latest = ticket
    this.#held.set(ticket, [])
  }
}
