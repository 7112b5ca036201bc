import { setImmediate } from 'node:timers'
import type { Millis } from '../../core/time.ts'
import { CaucusError } from '../../errors.ts'
import { Agenda } from '../simulation/agenda.ts'

/** Entries at one instant, after which something must be setting itself off. */
const STANDSTILL = 50_000

/**
 * Real time, which no process of a cluster can read: a queue of (time, sequence), and it jumps. Between two entries everything that awaits
 * something goes on until nothing is left to do at this instant, so the same calls give the same run.
 */
export class Timeline {
  readonly #agenda = new Agenda()
  /** Whether somebody's code ran, so that there may be reactions to wait for. */
  #stirred = false
  #playing = false
  #entries = 0
  /** Called after each entry, once everything that it made ready has run. */
  onSettled: () => void = () => undefined

  get nowMs(): Millis {
    return this.#agenda.now
  }

  /** Whether somebody plays it at present. */
  get playing(): boolean {
    return this.#playing
  }

  /** How many entries have been played. */
  get entries(): number {
    return this.#entries
  }

  at(atMs: Millis, run: () => void): void {
    this.#agenda.after(atMs - this.#agenda.now, run)
  }

  after(delayMs: Millis, run: () => void): void {
    this.#agenda.after(delayMs, run)
  }

  /** To be called by whoever runs code that may await something. */
  stir(): void {
    this.#stirred = true
  }

  /** Plays everything up to `untilMs`, or until `isOver` after one of the entries. */
  async play(untilMs: Millis, isOver?: () => boolean): Promise<void> {
    if (this.#playing) throw inPlay()
    this.#playing = true
    try {
      // What was called since the last play may await something at this very instant.
      await this.#settle()
      await this.#play(untilMs, isOver)
    } finally {
      this.#playing = false
    }
  }

  async #play(untilMs: Millis, isOver: (() => boolean) | undefined): Promise<void> {
    const agenda = this.#agenda
    agenda.after(untilMs - agenda.now, () => undefined)
    let sinceMoved = 0
    while (agenda.nextAt <= untilMs) {
      if (isOver?.()) return
      const before = agenda.now
      agenda.runNext()
      this.#entries++
      sinceMoved = agenda.now > before ? 0 : sinceMoved + 1
      if (sinceMoved >= STANDSTILL) throw standsStill(before)
      if (!this.#stirred) continue
      await this.#settle()
    }
  }

  async #settle(): Promise<void> {
    this.#stirred = false
    await drained()
    this.onSettled()
  }
}

const standsStill = (atMs: Millis) =>
  new CaucusError(
    'CAUCUS_CONFLICT',
    `simulated time stands still at ${atMs} ms: ${STANDSTILL} things happened there, one after the other. Let every loop of a program wait for some time: await clock.sleep(ms), with ms above 0`,
  )

export const inPlay = () =>
  new CaucusError(
    'CAUCUS_CONFLICT',
    'simulated time is being played already: await one play before the next, and let handlers wait with clock.sleep()',
  )

/** Resolves once no microtask and no `nextTick` is left. */
const drained = (): Promise<void> => new Promise((resume) => setImmediate(resume))
