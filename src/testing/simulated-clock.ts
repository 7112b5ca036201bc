import { setImmediate } from 'node:timers'
import { invariant } from '../core/machine.ts'
import type { Instant, Millis } from '../core/time.ts'
import type { Clock, Clocks, Timer, TimerOptions } from '../ports/clock.ts'

interface Waiting {
  readonly clock: Clock
  readonly at: Instant
  readonly fire: () => void
  readonly ref: boolean
}

/** Rounds of the loop without any time going by, after which something must be setting itself off. */
const STANDSTILL_ROUNDS = 100_000

/**
 * The event loop and both clocks of one simulated process. Time moves only when told to, so a test never sleeps, and the same calls give
 * the same run.
 *
 * Each round of the loop is Node's: first the timers that are due, then what has arrived (`deliver`), then the turns that have seen a
 * whole poll go by. It is itself the grantor's clock; `holder` is the one that goes on while the machine sleeps.
 */
export class SimulatedClock implements Clock, Clocks {
  #now: Instant
  #sleptMs: Millis = 0
  #polls = 0
  #timers = new Set<Waiting>()
  #arrived: (() => void)[] = []
  #turns = new Set<{ readonly run: () => void; readonly afterPoll: number }>()
  readonly holder: Clock = {
    now: () => this.#now + this.#sleptMs,
    setTimer: (at, fire, options) => this.#wait(this.holder, at, fire, options),
    turn: (run) => this.turn(run),
  }

  constructor(startsAt: Instant = 0) {
    this.#now = startsAt
  }

  get grantor(): Clock {
    return this
  }

  now(): Instant {
    return this.#now
  }

  setTimer(at: Instant, fire: () => void, options?: TimerOptions): Timer {
    return this.#wait(this, at, fire, options)
  }

  turn(run: () => void): Timer {
    const turn = { run, afterPoll: this.#polls + 1 }
    this.#turns.add(turn)
    return { clear: () => this.#turns.delete(turn) }
  }

  /** A packet: `read` runs when the loop polls next. */
  deliver(read: () => void): void {
    this.#arrived.push(read)
  }

  /** How many timers and turns wait; 0 is what a part leaves behind that has been disposed of. */
  get pending(): number {
    return this.#timers.size + this.#turns.size
  }

  /** Whether anything that waits would keep a process alive. */
  get alive(): boolean {
    return this.#turns.size > 0 || [...this.#timers].some((timer) => timer.ref)
  }

  /** When the next timer is due, by the grantor's clock. */
  get nextAt(): Instant | undefined {
    let next: Instant | undefined
    for (const timer of this.#timers) {
      const at = this.#dueAt(timer)
      if (next === undefined || at < next) next = at
    }
    return next
  }

  /** Lets `ms` go by, running whatever comes due, each at its own instant. */
  advance(ms: Millis = 0): void {
    for (const _round of this.#rounds(this.#now + ms));
  }

  /** As `advance`, and lets what awaits something go on after each round of the loop. */
  async play(ms: Millis = 0): Promise<void> {
    for (const _round of this.#rounds(this.#now + ms)) await new Promise<void>((resume) => setImmediate(resume))
  }

  /** `ms` go by in which this process does not run: a blocked event loop or SIGSTOP. What came due meanwhile runs at the next `advance`. */
  stall(ms: Millis): void {
    this.#now += ms
  }

  /** The machine sleeps for `ms`: the monotonic clock stands still, only the holder's goes on. */
  suspend(ms: Millis): void {
    this.#sleptMs += ms
  }

  #wait(clock: Clock, at: Instant, fire: () => void, { ref = true }: TimerOptions = {}): Timer {
    invariant(!Number.isNaN(at), 'a timer has an instant')
    const timer: Waiting = { clock, at, fire, ref }
    this.#timers.add(timer)
    return { clear: () => this.#timers.delete(timer) }
  }

  #dueAt({ clock, at }: Waiting): Instant {
    if (clock === this) return at
    const due = at - this.#sleptMs
    // Of fractions of a millisecond the sum may come out a trifle below `at`, and a timer must not be early.
    return due + this.#sleptMs < at ? due + 1e-6 : due
  }

  #isBusy(): boolean {
    const next = this.nextAt
    return this.#arrived.length > 0 || this.#turns.size > 0 || (next !== undefined && next <= this.#now)
  }

  *#rounds(until: Instant): Generator<void> {
    for (let rounds = 0; ; rounds++) {
      invariant(rounds < STANDSTILL_ROUNDS, 'time moves on within so many rounds of the loop')
      if (this.#isBusy()) this.#round()
      else if (this.#now < until) {
        this.#now = Math.min(until, this.nextAt ?? until)
        rounds = 0
      } else return
      yield
    }
  }

  #round(): void {
    const due = [...this.#timers].filter((timer) => this.#dueAt(timer) <= this.#now)
    for (const timer of due.sort((a, b) => this.#dueAt(a) - this.#dueAt(b))) {
      if (this.#timers.delete(timer)) timer.fire()
    }
    this.#polls++
    for (const read of this.#arrived.splice(0)) read()
    for (const turn of [...this.#turns]) {
      if (turn.afterPoll <= this.#polls && this.#turns.delete(turn)) turn.run()
    }
  }
}
