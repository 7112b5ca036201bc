import type { Millis } from '../core/time.ts'
import { CaucusError } from '../errors.ts'

/** Node fires a timer at once that is set farther ahead than this, so nothing longer is a length of time here. */
export const MAX_DURATION_MS: Millis = 2 ** 31 - 1

const UNITS: Readonly<Record<string, Millis>> = { ms: 1, s: 1_000, m: 60_000, h: 3_600_000 }

export interface DurationRange {
  /** Default 1 ms: nothing that takes no time makes sense in most places. */
  readonly minMs?: Millis
  /** Default `MAX_DURATION_MS`. */
  readonly maxMs?: Millis
}

/**
 * Whole milliseconds of `300ms`, `4s`, `2m`, `1h` or bare seconds (`4`, `0.5`).
 *
 * Throws `CAUCUS_INVALID_ARGUMENT` with the forms and the range that are accepted; `what` names the value in its message.
 */
export const parseDuration = (text: string, what: string, range: DurationRange = {}): Millis => {
  const { minMs = 1, maxMs = MAX_DURATION_MS } = range
  const [, digits, unit = 's'] = /^(\d+(?:\.\d+)?|\.\d+)(ms|s|m|h)?$/.exec(text.trim()) ?? []
  const ms = digits === undefined ? Number.NaN : Math.round(Number(digits) * (UNITS[unit] as number))
  if (ms >= minMs && ms <= maxMs) return ms
  const hint = durationHint(range)
  throw new CaucusError(
    'CAUCUS_INVALID_ARGUMENT',
    `${what} is ${JSON.stringify(text.slice(0, 40))}; ${hint.charAt(0).toLowerCase()}${hint.slice(1)}`,
    { details: { minMs, maxMs } },
  )
}

/** `MAX_DURATION_MS` for people: about 24 days. */
export const MAX_DURATION = `${Math.floor(MAX_DURATION_MS / 3_600_000)}h`

/** The forms and the range that are accepted. */
export const durationHint = ({ minMs = 1, maxMs = MAX_DURATION_MS }: DurationRange): string =>
  `Give a length of time from ${formatDuration(minMs)} to ${maxMs === MAX_DURATION_MS ? MAX_DURATION : formatDuration(maxMs)}, such as 300ms, 4s, 2m or bare seconds (0.5)`

/** The shortest exact form: `300ms`, `4s`, `1.5s`; what is not a whole tenth of a second is said in milliseconds. */
export const formatDuration = (ms: Millis): string => {
  if (ms < 1_000 || ms % 100 !== 0) return `${Math.round(ms)}ms`
  return `${ms / 1_000}s`
}
