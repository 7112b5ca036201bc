import { uptime } from 'node:os'
import { performance } from 'node:perf_hooks'
import { clearImmediate, clearTimeout, setImmediate, setTimeout } from 'node:timers'
import { invariant } from '../core/machine.ts'
import { HolderClock, type Instant, type Millis } from '../core/time.ts'
import type { Clock, Clocks, Timer, TimerOptions } from '../ports/clock.ts'

/** Node fires at once what is set farther ahead than this. */
const MAX_INTERVAL_MS = 2 ** 31 - 1
/** Node's timers do not see that the machine slept: a holder's timer looks at its clock at least this often. */
const HOLDER_LOOKS_EVERY_MS = 250

/** What this file needs of an event loop, so that a test can stand in for it. Each call gives the function that cancels it. */
export interface Loop {
  after(ms: Millis, run: () => void, ref: boolean): () => void
  /** After the present poll of the loop, or the next one when it is not polling. */
  soon(run: () => void): () => void
}

const nodeLoop: Loop = {
  after: (ms, run, ref) => {
    const timeout = setTimeout(run, ms)
    if (!ref) timeout.unref()
    return () => clearTimeout(timeout)
  },
  soon: (run) => {
    const immediate = setImmediate(run)
    return () => clearImmediate(immediate)
  },
}

/** A clock over a reading of time and the timers of an event loop. */
export class LoopClock implements Clock {
  readonly #read: () => Instant
  readonly #longestMs: Millis
  readonly #loop: Loop
  #latest: Instant = Number.NEGATIVE_INFINITY

  /** No timer sleeps longer than `longestMs` without looking at the reading again. */
  constructor(read: () => Instant, longestMs: Millis = MAX_INTERVAL_MS, loop: Loop = nodeLoop) {
    this.#read = read
    this.#longestMs = Math.min(longestMs, MAX_INTERVAL_MS)
    this.#loop = loop
  }

  now(): Instant {
    const reading = this.#read()
    if (reading > this.#latest) this.#latest = reading
    return this.#latest
  }

  setTimer(at: Instant, fire: () => void, { ref = true }: TimerOptions = {}): Timer {
    invariant(!Number.isNaN(at), 'a timer has an instant')
    let cancel: () => void
    const sleep = () => {
      // Node may fire a fraction of a millisecond early: round up, and look again on waking.
      cancel = this.#loop.after(Math.max(1, Math.min(Math.ceil(at - this.now()), this.#longestMs)), look, ref)
    }
    const look = () => (this.now() < at ? sleep() : fire())
    sleep()
    return { clear: () => cancel() }
  }

  turn(run: () => void): Timer {
    // Asked for while the loop polls, the first of the two comes within that same poll; the second never does.
    let cancel = this.#loop.soon(() => {
      cancel = this.#loop.soon(run)
    })
    return { clear: () => cancel() }
  }
}

const monotonicMs = () => performance.now()

const pessimisticMs = () => {
  const holder = new HolderClock()
  return () => holder.read({ monotonicMs: monotonicMs(), wallMs: Date.now(), uptimeMs: () => uptime() * 1000 })
}

/** This process's clocks. One pair, because whatever is shared per process (the stall guard) is shared per clock. */
export const systemClocks: Clocks = {
  grantor: new LoopClock(monotonicMs),
  holder: new LoopClock(pessimisticMs(), HOLDER_LOOKS_EVERY_MS),
}
