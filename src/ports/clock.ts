import type { Instant } from '../core/time.ts'

/** Something that is going to run once, unless it is cleared first. */
export interface Timer {
  /** It does not run any more. Clearing twice, or after it ran, does nothing. */
  clear(): void
}

export interface TimerOptions {
  /** Whether waiting for it keeps the process alive, as in `timers/promises`. Default `true`. */
  readonly ref?: boolean
}

/**
 * The only way in which a running part reads time or waits for it; a simulated clock takes its place in tests.
 *
 * Never mix the instants of two clocks. Which one to take (semantics, "Clocks: holders and grantors"): whoever *gave* something and
 * waits before giving it to somebody else takes `Clocks.grantor`, whoever *holds* something takes `Clocks.holder`.
 */
export interface Clock {
  /** This reading; never less than an earlier one. */
  now(): Instant
  /** Runs `fire` once, never in this call and never while `now() < at`; as soon after `at` as the loop allows. Any distance will do. */
  setTimer(at: Instant, fire: () => void, options?: TimerOptions): Timer
  /** Runs `run` after one whole poll of the event loop, so after what had arrived by now has been read. First come, first run. */
  turn(run: () => void): Timer
}

/** The two clocks of one process. */
export interface Clocks {
  /** Monotonic: a wall clock that is stepped forward must not expire anybody. */
  readonly grantor: Clock
  /** Pessimistic: it also counts the time during which the machine slept. It never gains less than the grantor's. */
  readonly holder: Clock
}
