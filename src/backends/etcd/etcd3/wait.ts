import type { Instant, Millis } from '../../../core/time.ts'
import type { Clock } from '../../../ports/clock.ts'

/** As `promise`, or rejects with what `late` gives when that takes until then. */
export const byThen = <T>(clock: Clock, until: Instant, promise: Promise<T>, late: () => Error): Promise<T> =>
  new Promise((resolve, reject) => {
    const timer = clock.setTimer(until, () => clock.turn(() => reject(late())))
    promise.then(resolve, reject).finally(() => timer.clear())
  })

/** Resolves after so long, or as soon as the signal is aborted. */
export const pause = (clock: Clock, ms: Millis, signal: AbortSignal): Promise<void> =>
  new Promise((resolve) => {
    if (signal.aborted) return resolve()
    const end = () => {
      timer.clear()
      signal.removeEventListener('abort', end)
      resolve()
    }
    const timer = clock.setTimer(clock.now() + ms, end)
    signal.addEventListener('abort', end)
  })
