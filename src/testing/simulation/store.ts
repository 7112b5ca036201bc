import type { Foundation } from '../../core/group/foundation.ts'
import type { Agenda } from './agenda.ts'

/** A data directory. It writes one thing after the other, and each is durable at some instant before it is reported. */
export class SimulatedStore {
  #durable: Foundation | undefined
  #busyUntil = 0
  #waiting: Foundation[] = []
  #life = 0

  read(): Foundation | undefined {
    return this.#durable
  }

  write(foundation: Foundation, agenda: Agenda, forMs: number, done: () => void): void {
    const life = this.#life
    this.#waiting.push(foundation)
    this.#busyUntil = Math.max(agenda.now, this.#busyUntil) + forMs
    const reportedAfterMs = this.#busyUntil - agenda.now
    agenda.after(reportedAfterMs - forMs / 2, () => {
      if (life === this.#life) this.#durable = this.#waiting.shift()
    })
    agenda.after(reportedAfterMs, () => {
      if (life === this.#life) done()
    })
  }

  /** The process that writes is killed: what was being written is durable or it is not, what waited never was. */
  cutOff(justWritten: boolean): void {
    const first = this.#waiting[0]
    if (justWritten && first !== undefined) this.#durable = first
    this.#waiting = []
    this.#busyUntil = 0
    this.#life++
  }

  lose(): void {
    this.#durable = undefined
  }
}
