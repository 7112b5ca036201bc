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

/** How many failed writes are remembered one by one. Whatever still rests on an earlier one is dropped, however that one ended. */
const FAILURES_LIMIT = 1024

/** Holds back each effect until the ticket that it waits for is durable, so that nothing is said before it is written down. */
export class TicketGate<Effect extends Ordered> {
  readonly #held = new Map<Ticket, Effect[]>()
  readonly #failed = new Set<Ticket>()
  /** The last failed write that is not remembered by itself any more. */
  #forgotten: Ticket = Number.NEGATIVE_INFINITY
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
    if (after <= this.#forgotten || this.#failed.has(after)) return 'unsaved'
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
    if (type === 'persistFailed') this.#remember(ticket)
    return held
  }

  /** A disk may be full for hours, and nothing here breaks by that. */
  #remember(failed: Ticket): void {
    this.#failed.add(failed)
    const [oldest = failed] = this.#failed
    if (this.#failed.size <= FAILURES_LIMIT) return
    this.#failed.delete(oldest)
    this.#forgotten = Math.max(this.#forgotten, oldest)
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
