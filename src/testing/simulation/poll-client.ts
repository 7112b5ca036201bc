import type { PollAnswer } from '../../core/group/poll-group.ts'
import type { Agenda } from './agenda.ts'
import { must } from './violation.ts'

export interface PollSlot {
  readonly index: number
  readonly total: number
  readonly end: number
}

/** All slots that clients of the original's kind believe in, and the only thing that can be promised to them. */
export class PollBeliefs {
  readonly #slots = new Map<string, PollSlot>()

  believe(client: string, slot: PollSlot, now: number): void {
    for (const [other, theirs] of this.#slots) {
      if (other === client || theirs.end <= now || slot.end <= now) continue
      const both = `${client} has ${slot.index} of ${slot.total}, ${other} ${theirs.index} of ${theirs.total}`
      must(theirs.index !== slot.index, 'G4', () => `two poll clients have one index: ${both}`)
      must(theirs.total === slot.total, 'G2', () => `two poll clients have different totals: ${both}`)
    }
    this.#slots.set(client, slot)
  }

  of(client: string): PollSlot | undefined {
    return this.#slots.get(client)
  }
}

/**
 * An unmodified client of the original's kind, at its worst: after a SETTLED answer it believes for three of its poll intervals,
 * whatever it is told meanwhile, and goes on believing after it has sent its DELETE.
 */
export class PollClient {
  readonly id: string
  /** Which of all that ever had this id. */
  readonly process: string
  readonly #agenda: Agenda
  readonly #intervalMs: number
  readonly #beliefs: PollBeliefs
  readonly #poll: (answered: (answer: PollAnswer, answeredAt: number) => void) => void
  #polling = true
  #round = 0

  constructor(
    id: string,
    around: {
      agenda: Agenda
      process: string
      /** In real time, after its clock's rate. */
      intervalMs: number
      beliefs: PollBeliefs
      poll(answered: (answer: PollAnswer, answeredAt: number) => void): void
    },
  ) {
    this.id = id
    this.process = around.process
    this.#agenda = around.agenda
    this.#intervalMs = around.intervalMs
    this.#beliefs = around.beliefs
    this.#poll = around.poll
    this.#next()
  }

  get polling(): boolean {
    return this.#polling
  }

  stop(): void {
    this.#polling = false
  }

  #next(): void {
    if (!this.#polling) return
    const sentAt = this.#agenda.now
    const round = ++this.#round
    this.#poll((answer, answeredAt) => {
      // A reply that took longer than an interval was given up.
      if (round !== this.#round || this.#agenda.now > sentAt + this.#intervalMs) return
      if (answer.status !== 'SETTLED') return
      const { index, total } = answer
      this.#beliefs.believe(this.process, { index, total, end: answeredAt + 3 * this.#intervalMs }, this.#agenda.now)
    })
    this.#agenda.after(this.#intervalMs, () => this.#next())
  }
}
