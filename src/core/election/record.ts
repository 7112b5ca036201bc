import type { Generation } from '../lease.ts'
import type { Instant, Millis } from '../time.ts'
import type { Boot, Founding, Term } from './messages.ts'

/** What a voter must find again after a restart. One file, replaced as a whole; durable before anything that rests on it is said. */
export interface ElectionRecord {
  readonly cluster: string
  readonly voter: string
  /** In the order of the configuration's identity. */
  readonly voters: readonly string[]
  /** Made up by the process that found the directory empty. */
  readonly storeId: string
  /** What this voter puts forward as the base of tokens: seconds of the wall clock when the store was made. */
  readonly base: Generation
  readonly founding?: Founding | undefined
  /** Every voter has adopted the founding, so this one may take part. */
  readonly complete: boolean
  readonly term: Term
  /** Of `term`: who has this vote. */
  readonly vote?: Boot | undefined
  /** Of `term`: the one process that is acknowledged. */
  readonly follows?: Boot | undefined
  /** The longest promise ever given. */
  readonly promiseMs: Millis
}

/** Has a vote that nobody may have: whoever lost its disk votes only above the highest term. */
export const NOBODY: Boot = { id: '', bootId: '' }

export type Ticket = number

/**
 * What is durable, and what is on its way there. Whatever rests on the record waits for `after`; without a store everything is durable
 * at once, for as long as the process lives.
 */
export class Journal<Kept extends object = ElectionRecord> {
  #record: Kept
  readonly #write: ((ticket: Ticket, record: Kept) => void) | undefined
  #ticket: Ticket = 0
  #durable: Ticket = 0
  #failed: Ticket = 0

  constructor(record: Kept, write: ((ticket: Ticket, record: Kept) => void) | undefined) {
    this.#record = record
    this.#write = write
  }

  get record(): Kept {
    return this.#record
  }

  change(part: Partial<Kept>): Ticket {
    this.#record = { ...this.#record, ...part }
    return this.again()
  }

  /** Writes it once more: what is on the disk may be older than what is known here. */
  again(): Ticket {
    const ticket = ++this.#ticket
    if (this.#write === undefined) this.#durable = ticket
    else this.#write(ticket, this.#record)
    return ticket
  }

  ended(ticket: Ticket, durable: boolean): void {
    if (durable) this.#durable = Math.max(this.#durable, ticket)
    else this.#failed = Math.max(this.#failed, ticket)
  }

  holds(ticket: Ticket): boolean {
    return this.#durable >= ticket
  }

  /** The write that holds everything that is known here; `undefined` once it is durable. */
  get after(): Ticket | undefined {
    return this.#durable < this.#ticket ? this.#ticket : undefined
  }

  /** The last write failed, so nothing that rests on it will ever be said. */
  get lost(): boolean {
    return this.#failed === this.#ticket && this.#durable < this.#ticket
  }
}

/** The two readings of one process, taken together. Never mix them: only differences of one of them mean anything. */
export interface Moment {
  /** Monotonic, for whoever promised something and waits. */
  readonly grantor: Instant
  /** Pessimistic, for whoever holds something: it also counts the time during which the machine slept. */
  readonly holder: Instant
}
