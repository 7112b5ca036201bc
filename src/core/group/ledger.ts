import type { Instant } from '../time.ts'
import type { Foundation } from './foundation.ts'

/** Something that must be durable before it is true. */
export interface Entry {
  /** What the foundation says with it. Asked when it is written: others may have come before. */
  readonly change: (foundation: Foundation) => Foundation
  readonly durable: (now: Instant) => void
  /** It may be durable all the same: a disk that fails does not say which half of its work it has done. */
  readonly failed: (now: Instant) => void
}

/**
 * Makes the foundation durable, one write at a time, each on top of what the one before has made durable; what is asked for meanwhile
 * goes into the next one together.
 */
export class Ledger {
  readonly #persist: (ticket: number, foundation: Foundation) => void
  #durable: Foundation
  #ticket = 0
  #writing: { readonly ticket: number; readonly foundation: Foundation; readonly entries: readonly Entry[] } | undefined
  #waiting: Entry[] = []

  constructor(durable: Foundation, persist: (ticket: number, foundation: Foundation) => void) {
    this.#durable = durable
    this.#persist = persist
  }

  /** What is durable. */
  get foundation(): Foundation {
    return this.#durable
  }

  /** How many wait that are not being written yet. */
  get waiting(): number {
    return this.#waiting.length
  }

  /** Nothing is on its way: what is durable is what is in force. */
  get idle(): boolean {
    return this.#writing === undefined && this.#waiting.length === 0
  }

  ask(entry: Entry): void {
    this.#waiting.push(entry)
    this.#write()
  }

  /** A write ended, and what waited for it is told. */
  ended(ticket: number, well: boolean, now: Instant): void {
    if (this.#writing?.ticket !== ticket) return
    const { foundation, entries } = this.#writing
    this.#writing = undefined
    if (well) this.#durable = foundation
    for (const entry of entries) (well ? entry.durable : entry.failed)(now)
    this.#write()
  }

  #write(): void {
    if (this.#writing !== undefined || this.#waiting.length === 0) return
    const entries = this.#waiting
    this.#waiting = []
    const foundation = entries.reduce((before, { change }) => change(before), this.#durable)
    this.#writing = { ticket: ++this.#ticket, foundation, entries }
    this.#persist(this.#ticket, foundation)
  }
}
