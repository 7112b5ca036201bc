import type { Instant, Millis } from '../time.ts'
import type { Ending, Until } from './messages.ts'

/** What a policy is told of an ask. */
export interface Standing {
  readonly expected: number
  readonly replied: number
  readonly outstanding: number
  readonly limitAt: Instant
  /** When the latest reply came. */
  readonly repliedAt: Instant | undefined
}

/**
 * How an ask that stands like this has ended by now; `undefined`: it goes on. The limit is not looked at before `expiry`: whatever was
 * read before the wake counts, since it may have waited in our own queue.
 */
export const endingOf = (until: Until, { expected, replied, outstanding }: Standing): Ending | undefined => {
  if (expected === 0) return 'nobody'
  if (replied >= wanted(until, expected)) return 'met'
  if (outstanding > 0) return undefined
  // Whoever waits for quiet takes what there is.
  return typeof until === 'object' && replied > 0 ? 'met' : 'exhausted'
}

/** When time alone would end it. */
export const dueAt = (until: Until, { limitAt, repliedAt }: Standing): Instant =>
  typeof until === 'object' && repliedAt !== undefined ? Math.min(limitAt, repliedAt + until.quiet) : limitAt

/** How it ended, when its time has come. */
export const expiry = (until: Until, standing: Standing): Ending =>
  dueAt(until, standing) < standing.limitAt ? 'met' : 'timeout'

/** How many replies end it. */
export const wanted = (until: Until, expected: number): number => {
  if (until === 'first') return 1
  return typeof until === 'number' ? until : expected
}

/** The longest time that a timer can wait. */
export const MAX_WITHIN_MS: Millis = 2 ** 31 - 1
/** The most that an ask may want, or be for. */
export const MAX_REPLIES = 1_000_000

/** Says what is wrong with a policy, or `undefined`. */
export const untilFault = (until: unknown): string | undefined => {
  const rule = `give 'all', 'first', a whole number from 1 to ${MAX_REPLIES}, or { quiet: ms }`
  if (until === 'all' || until === 'first') return undefined
  if (typeof until === 'number') return isCount(until) ? undefined : `until is ${until}; ${rule}`
  if (typeof until !== 'object' || until === null || Object.keys(until).join() !== 'quiet')
    return `until is none; ${rule}`
  return withinFault((until as { quiet: unknown }).quiet, 'until.quiet')
}

/** Says what is wrong with a limit in time, or `undefined`. Zero is no limit that anybody could keep. */
export const withinFault = (ms: unknown, name: string): string | undefined =>
  typeof ms === 'number' && ms > 0 && ms <= MAX_WITHIN_MS
    ? undefined
    : `${name} is ${typeof ms === 'number' ? ms : `no number`}; give milliseconds above 0 and up to ${MAX_WITHIN_MS}`

export const isCount = (value: unknown): value is number =>
  Number.isSafeInteger(value) && (value as number) >= 1 && (value as number) <= MAX_REPLIES
