import type { Tick } from '../core/machine.ts'
import type { Instant, Millis } from '../core/time.ts'
import type { Clock, Timer } from '../ports/clock.ts'

export type Stalled = Extract<Tick, { type: 'stalled' }>

export interface StallGuardOptions {
  /** How often the clock is looked at. */
  readonly periodMs?: Millis
  /** How much later than planned a look may be before that counts as a stall. */
  readonly thresholdMs?: Millis
}

const shared = new WeakMap<Clock, StallGuard>()

/**
 * Notices that this process stood still: a blocked event loop, SIGSTOP, on a holder's clock also a machine that slept.
 *
 * It looks at the clock every `periodMs`. Each stall is how late that look came, counted from the reading before it and not from a
 * sum of periods, so that no error adds up; what is reported is never more than the real stall, and at most one period less.
 */
export class StallGuard {
  readonly #clock: Clock
  readonly #periodMs: Millis
  readonly #thresholdMs: Millis
  readonly #subscribers = new Set<(stalled: Stalled) => void>()
  #dueAt: Instant = 0
  #unreportedMs: Millis = 0
  #timer: Timer | undefined
  #turn: Timer | undefined

  constructor(clock: Clock, { periodMs = 50, thresholdMs = 100 }: StallGuardOptions = {}) {
    this.#clock = clock
    this.#periodMs = periodMs
    this.#thresholdMs = thresholdMs
  }

  /** The one guard of this clock, which everybody in the process shares. */
  static of(clock: Clock): StallGuard {
    const guard = shared.get(clock) ?? new StallGuard(clock)
    shared.set(clock, guard)
    return guard
  }

  /** Calls `listener` after each stall, until the returned function is called. The timer runs only while somebody listens. */
  subscribe(listener: (stalled: Stalled) => void): () => void {
    // A function of its own for each subscription, so that the same listener may come twice.
    const subscriber = (stalled: Stalled) => listener(stalled)
    if (this.#subscribers.size === 0) this.#schedule()
    this.#subscribers.add(subscriber)
    return () => {
      if (this.#subscribers.delete(subscriber) && this.#subscribers.size === 0) this.#stop()
    }
  }

  /**
   * Looks now. True while a stall has been noticed and not yet reported: judge nobody before it is.
   * It is reported by itself after one turn of the loop, so that what arrived during the stall is read first.
   */
  look(): boolean {
    if (this.#subscribers.size === 0) return false
    const lateMs = this.#clock.now() - this.#dueAt
    if (lateMs > this.#thresholdMs) {
      this.#unreportedMs += lateMs
      this.#turn ??= this.#clock.turn(() => this.report())
      this.#schedule()
    }
    return this.#unreportedMs > 0
  }

  /** Tells every subscriber what has been noticed so far, without waiting for the turn. */
  report(): void {
    this.#turn?.clear()
    this.#turn = undefined
    const forMs = this.#unreportedMs
    if (forMs === 0) return
    this.#unreportedMs = 0
    for (const subscriber of [...this.#subscribers]) {
      if (this.#subscribers.has(subscriber)) subscriber({ type: 'stalled', forMs })
    }
  }

  #schedule(): void {
    this.#timer?.clear()
    this.#dueAt = this.#clock.now() + this.#periodMs
    this.#timer = this.#clock.setTimer(
      this.#dueAt,
      () => {
        this.look()
        this.#schedule()
      },
      { ref: false },
    )
  }

  #stop(): void {
    this.#timer?.clear()
    this.#turn?.clear()
    this.#timer = undefined
    this.#turn = undefined
    this.#unreportedMs = 0
  }
}
