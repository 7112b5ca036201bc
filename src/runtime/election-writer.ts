import type { ElectionRecord, Ticket } from '../core/election/record.ts'
import type { Telemetry } from '../ports/telemetry.ts'
import type { VoterStore } from '../ports/voter-store.ts'

export interface ElectionWriterOptions {
  readonly store: VoterStore
  readonly telemetry: Telemetry | undefined
  /** In the order of the tickets. */
  ended(ticket: Ticket, durable: boolean, error?: unknown): void
}

interface Write {
  readonly tickets: Ticket[]
  record: ElectionRecord
}

/**
 * Carries out a voter's writes, one at a time, without holding anybody up. What is ordered while one is under way is written together: each
 * is the whole record, so that the last covers those before it, and a slow disk never has more than one to do.
 */
export class ElectionWriter {
  readonly #options: ElectionWriterOptions
  #underWay = false
  #next: Write | undefined
  #closed = false

  constructor(options: ElectionWriterOptions) {
    this.#options = options
  }

  write(ticket: Ticket, record: ElectionRecord): void {
    if (this.#next === undefined) this.#next = { tickets: [ticket], record }
    else {
      this.#next.tickets.push(ticket)
      this.#next.record = record
    }
    if (!this.#underWay) void this.#work()
  }

  /** What is under way still ends, and nobody is told. */
  close(): void {
    this.#closed = true
    this.#next = undefined
  }

  async #work(): Promise<void> {
    this.#underWay = true
    for (let write = this.#take(); write !== undefined; write = this.#take()) {
      const { tickets, record } = write
      const failure = await this.#options.store.save(record).then(
        () => undefined,
        (error: unknown) => ({ error }),
      )
      if (this.#closed) return
      if (failure !== undefined) {
        const { telemetry } = this.#options
        telemetry?.count('voter_store_failures')
        telemetry?.log('error', 'what this voter must remember could not be written, so it does not vote', failure)
      }
      for (const ticket of tickets) this.#options.ended(ticket, failure === undefined, failure?.error)
    }
    this.#underWay = false
  }

  #take(): Write | undefined {
    const next = this.#next
    this.#next = undefined
    return next
  }
}
