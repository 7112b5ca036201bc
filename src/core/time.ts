declare const unit: unique symbol

/** A reading of one process's clock in milliseconds. Only differences mean anything, and only within that process. */
export type Instant = number & { readonly [unit]?: 'Instant' }
/** A length of time in milliseconds. */
export type Millis = number

/** ε: every clock is taken to run at a rate within 1 ± ε of real time (docs/guarantees.md). */
export const DEFAULT_DRIFT = 0.01

/** One reading of the machine's clocks. `uptimeMs` is a function because it is slow: it is called only when needed. */
export interface ClockReading {
  readonly monotonicMs: number
  readonly wallMs: number
  uptimeMs(): number
}

/** How far wall and monotonic clock may come apart before the boot clock is asked. */
const APART_MS = 5
/** One unit of `os.uptime()`'s resolution, which is a hundredth of a second at best. */
const UPTIME_RESOLUTION_MS = 10

/**
 * The clock of somebody who holds a lease: never behind real time, as far as this machine can tell.
 *
 * A holder must take the pessimistic reading, because the monotonic clock stands still while a machine sleeps: elapsed is the
 * largest of the monotonic clock, the forward steps of the wall clock and the time since boot (nodejs/node#47724).
 * A grantor uses the monotonic clock alone: a wall clock stepped forward by an hour must not expire anybody.
 */
export class HolderClock {
  #anchor: { monotonicMs: number; wallMs: number; uptimeMs: number; now: number } | undefined

  /** The holder's now: never falls from one reading to the next. */
  read(reading: ClockReading): Instant {
    const anchor = this.#anchor
    if (anchor === undefined) {
      this.#anchor = { ...pick(reading), uptimeMs: reading.uptimeMs(), now: reading.monotonicMs }
      return reading.monotonicMs
    }
    const monotonicMs = reading.monotonicMs - anchor.monotonicMs
    const wallMs = reading.wallMs - anchor.wallMs
    if (Math.abs(wallMs - monotonicMs) <= APART_MS) return anchor.now + monotonicMs
    const uptime = reading.uptimeMs()
    const sinceBootMs = uptime - anchor.uptimeMs - UPTIME_RESOLUTION_MS
    const now = anchor.now + Math.max(monotonicMs, wallMs, sinceBootMs)
    this.#anchor = { ...pick(reading), uptimeMs: uptime, now }
    return now
  }
}

const pick = ({ monotonicMs, wallMs }: ClockReading) => ({ monotonicMs, wallMs })

/** The first of several instants; `undefined` when it never comes. */
export const earliest = (...instants: readonly (Instant | undefined)[]): Instant | undefined => {
  let first = Number.POSITIVE_INFINITY
  for (const instant of instants) if (instant !== undefined && instant < first) first = instant
  return first === Number.POSITIVE_INFINITY ? undefined : first
}
