import type { ElectionRecord } from '../../core/election/record.ts'
import type { Agenda } from '../simulation/agenda.ts'

/** A data directory. It writes one thing after the other, and each is durable at some instant before it is reported. */
export class Disk<Kept = ElectionRecord> {
  durable: Kept | undefined
  /** Takes nothing more for now. */
  full = false
  readonly #agenda: Agenda
  readonly #changed: (record: Kept) => void
  #waiting: Kept[] = []
  #busyUntil = 0
  #life = 0

  constructor(agenda: Agenda, changed: (record: Kept) => void) {
    this.#agenda = agenda
    this.#changed = changed
  }

  write(record: Kept, forMs: number, done: (durable: boolean) => void): void {
    const life = this.#life
    const { now } = this.#agenda
    this.#busyUntil = Math.max(now, this.#busyUntil) + forMs
    const reportedAfterMs = this.#busyUntil - now
    if (this.full) {
      this.#agenda.after(reportedAfterMs, () => life === this.#life && done(false))
      return
    }
    this.#waiting.push(record)
    this.#agenda.after(reportedAfterMs - forMs / 2, () => {
      if (life !== this.#life) return
      this.#isDurable(this.#waiting.shift())
    })
    this.#agenda.after(reportedAfterMs, () => life === this.#life && done(true))
  }

  #isDurable(record: Kept | undefined): void {
    if (record === undefined) return
    this.durable = record
    this.#changed(record)
  }

  /** The process that writes is killed: what was being written is durable or it is not, what waited never was. */
  cutOff(justWritten: boolean): void {
    if (justWritten) this.#isDurable(this.#waiting[0])
    this.#waiting = []
    this.#busyUntil = 0
    this.#life++
  }

  lose(): void {
    this.cutOff(false)
    this.durable = undefined
  }
}
