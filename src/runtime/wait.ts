import type { Millis } from '../core/time.ts'
import { CaucusError } from '../errors.ts'
import type { Clock } from '../ports/clock.ts'
import type { Latest } from './latest.ts'

export interface UntilOptions {
  readonly clock: Clock
  /** How long to wait at most; without it, for as long as it takes. */
  readonly timeoutMs?: Millis | undefined
  readonly signal?: AbortSignal | undefined
  /** What is waited for, for the messages of its errors. */
  readonly what?: string | undefined
}

/**
 * Resolves with the first value seen for which `matches` is true; the current one counts. It sees states and not history: one that was
 * replaced before the loop came round is not seen.
 *
 * Rejects with `CAUCUS_TIMEOUT`, with `CAUCUS_CLOSED` if no value can come any more, or with the signal's reason. However it ends, no
 * listener, timer or reaction on a long-lived promise is left (hence neither `Promise.race` nor `AbortSignal.any`).
 */
export async function until<T, Match extends T>(
  latest: Latest<T>,
  matches: (value: T) => value is Match,
  options: UntilOptions,
): Promise<Match>
export async function until<T>(latest: Latest<T>, matches: (value: T) => boolean, options: UntilOptions): Promise<T>
export async function until<T>(
  latest: Latest<T>,
  matches: (value: T) => boolean,
  { clock, timeoutMs, signal, what = 'a state' }: UntilOptions,
): Promise<T> {
  const reader = latest.watch({ signal })
  const timeOut = () => reader.fail(new CaucusError('CAUCUS_TIMEOUT', `waited ${timeoutMs} ms for ${what}`))
  const timer = timeoutMs === undefined ? undefined : clock.setTimer(clock.now() + timeoutMs, timeOut)
  try {
    for await (const value of reader) if (matches(value)) return value
    throw new CaucusError('CAUCUS_CLOSED', `closed while ${what} was waited for`)
  } finally {
    timer?.clear()
  }
}

export interface SleepOptions {
  readonly signal?: AbortSignal | undefined
  /** Whether sleeping keeps the process alive. Default `true`. */
  readonly ref?: boolean
}

/** Resolves after `ms` of this clock; rejects with the signal's reason. Leaves neither timer nor listener. */
export const sleep = (clock: Clock, ms: Millis, { signal, ref = true }: SleepOptions = {}): Promise<void> =>
  new Promise((resolve, reject) => {
    if (signal?.aborted) {
      reject(signal.reason)
      return
    }
    const wake = () => {
      signal?.removeEventListener('abort', abort)
      resolve()
    }
    const abort = () => {
      timer.clear()
      reject(signal?.reason)
    }
    const timer = clock.setTimer(clock.now() + ms, wake, { ref })
    signal?.addEventListener('abort', abort, { once: true })
  })

/**
 * Resolves or rejects as `begin` does, unless the signal comes first: then with its reason. What was begun ends by itself, and what comes of it
 * after that goes to `late`. Leaves no listener.
 */
export const orAborted = <T>(
  signal: AbortSignal | undefined,
  begin: () => Promise<T>,
  late: (value: T) => void = () => {},
): Promise<T> => {
  if (signal === undefined) return begin()
  return new Promise<T>((resolve, reject) => {
    if (signal.aborted) return reject(signal.reason)
    const abort = () => reject(signal.reason)
    signal.addEventListener('abort', abort, { once: true })
    begin()
      .then((value) => (signal.aborted ? late(value) : resolve(value)), reject)
      .finally(() => signal.removeEventListener('abort', abort))
  })
}
