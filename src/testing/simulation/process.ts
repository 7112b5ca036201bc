import type { Tick } from '../../core/machine.ts'
import type { Instant } from '../../core/time.ts'
import type { Agenda } from './agenda.ts'
import type { MachineClock } from './machine-clock.ts'
import { Violation } from './violation.ts'

/** How a process behaves when it is woken, as drawn by whoever made it. */
export interface Habits {
  /** How much later than asked a timer fires, in real milliseconds. */
  lateness(): number
  /** Whether timers run before what arrived during a stall is read, and before the stall is reported. */
  wakesHarshly(): boolean
}

/** Times woken in a row, each time at once, after which a machine must be asking for a wake that changes nothing. */
const SPINS = 1000
/** A timer never fires early: by this much it is late. */
const TIMER_MS = 0.01

/**
 * Imitates the driver around one machine: steps it with each input, wakes it no earlier than it asked, and holds inputs back while
 * the process stands still. After that it reads what arrived, says for how long it stood still, and then wakes the machine.
 */
export abstract class Process<Input> {
  readonly agenda: Agenda
  readonly clock: MachineClock
  readonly #habits: Habits
  #alive = true
  #inbox: Input[] = []
  #still: { since: Instant; token: number } | undefined
  #stills = 0
  #armedAt = Number.POSITIVE_INFINITY
  #armed = 0
  #spins = 0
  #wokeAt = 0

  constructor(agenda: Agenda, clock: MachineClock, habits: Habits) {
    this.agenda = agenda
    this.clock = clock
    this.#habits = habits
  }

  /** Its own clock, as the machine inside is told. */
  abstract read(): Instant
  protected abstract wakeAt(): Instant | undefined
  /** It has begun, or ended, to stand still. */
  protected abstract stillness(still: boolean): void
  protected abstract step(input: Input | Tick): void

  get alive(): boolean {
    return this.#alive
  }

  get standsStill(): boolean {
    return this.#still !== undefined
  }

  kill(): void {
    this.#alive = false
    this.#inbox = []
  }

  post(input: Input): void {
    if (!this.#alive) return
    if (this.#still !== undefined) {
      this.#inbox.push(input)
      return
    }
    this.step(input)
    this.arm()
  }

  /** Stands still for a while; with `asleep` the whole machine sleeps, and its monotonic clock with it. */
  standStill(forMs: number, asleep: boolean): void {
    if (!this.#alive || this.#still !== undefined) return
    const token = ++this.#stills
    this.#still = { since: this.read(), token }
    if (asleep) this.clock.suspend(this.agenda.now)
    this.stillness(true)
    this.agenda.after(forMs, () => this.#goOn(token))
  }

  /** Ends standing still now, if it does. */
  goOn(): void {
    if (this.#still !== undefined) this.#goOn(this.#still.token)
  }

  #goOn(token: number): void {
    const still = this.#still
    if (still?.token !== token || !this.#alive) return
    this.clock.resume(this.agenda.now)
    this.#still = undefined
    this.stillness(false)
    const inbox = this.#inbox
    this.#inbox = []
    const harsh = this.#habits.wakesHarshly()
    if (harsh) this.#wake()
    for (const input of inbox) if (this.#alive) this.step(input)
    if (!this.#alive) return
    const forMs = this.read() - still.since
    if (forMs > 0) this.step({ type: 'stalled', forMs })
    this.#wake()
    this.arm()
  }

  #wake(): void {
    const at = this.wakeAt()
    if (this.#alive && at !== undefined && at <= this.read()) this.step({ type: 'woke' })
  }

  protected arm(): void {
    if (!this.#alive || this.#still !== undefined) return
    const at = this.wakeAt()
    if (at === undefined) return
    const { now } = this.agenda
    const due = now + Math.max(0, at - this.read()) / this.clock.rate + TIMER_MS
    // A timer that is armed too early looks again when it fires, as the driver's does.
    if (this.#armedAt <= due) return
    this.#armedAt = due
    const armed = ++this.#armed
    this.agenda.after(due - now + this.#habits.lateness(), () => this.#fired(armed))
  }

  #fired(armed: number): void {
    if (armed !== this.#armed || !this.#alive) return
    this.#armedAt = Number.POSITIVE_INFINITY
    if (this.#still !== undefined) return
    const { now } = this.agenda
    this.#spins = now - this.#wokeAt < 2 * TIMER_MS ? this.#spins + 1 : 0
    this.#wokeAt = now
    if (this.#spins > SPINS) throw new Violation('core', 'the machine asks again and again to be woken at once')
    this.#wake()
    this.arm()
  }
}
