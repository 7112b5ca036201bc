import type { Telemetry } from '../ports/telemetry.ts'
import type { Ticket } from './tickets.ts'

export interface RecordWriterOptions<Record> {
  /** Resolves once durable. */
  save(record: Record): Promise<void>
  /** What it means that a write failed, for the log. */
  readonly unsaved: string
  readonly telemetry: Telemetry | undefined
  /** In the order of the tickets. */
  ended(ticket: Ticket, durable: boolean, error?: unknown): void
}

interface Write<Record> {
  readonly tickets: Ticket[]
  record: Record
}

/**
 * Carries out a voter's writes, one at a time, without holding anybody up. What is ordered while one is under way is written together: each
 * is the whole record, so that the last covers those before it, and a slow disk never has more than one to do.
 */
export class RecordWriter<Record> {
  readonly #options: RecordWriterOptions<Record>
  #underWay = false
  #next: Write<Record> | undefined
  #closed = false

  constructor(options: RecordWriterOptions<Record>) {
    this.#options = options
  }

  write(ticket: Ticket, record: Record): void {
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
      const failure = await this.#options.save(record).then(
        () => undefined,
        (error: unknown) => ({ error }),
      )
      if (this.#closed) return
      if (failure !== undefined) {
        const { telemetry, unsaved } = this.#options
        telemetry?.count('voter_store_failures')
        telemetry?.log('error', unsaved, { event: 'store.failed', ...failure })
      }
      for (const ticket of tickets) this.#options.ended(ticket, failure === undefined, failure?.error)
    }
    this.#underWay = false
  }

  #take(): Write<Record> | undefined {
    const next = this.#next
    this.#next = undefined
    return next
  }
}
