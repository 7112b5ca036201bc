import type { Instant, Millis } from '../time.ts'
import type { Ending, TopicRates } from './messages.ts'

/** What an ask has come to by its end. */
export interface EndedAsk {
  readonly startedAt: Instant
  readonly replied: number
  readonly errors: number
  readonly refused: number
}

const WINDOW_MS: Millis = 5_000
/** Of a topic that is younger, two asks are not many a second. */
const LEAST_MS: Millis = 1_000

/** What was counted in one window of time. */
class Counts {
  asks = 0
  replies = 0
  errors = 0
  refused = 0
  timeouts = 0
  /** By bucket, of asks that ended; there once one has. */
  durations: Uint32Array | undefined

  clear(): void {
    this.asks = 0
    this.replies = 0
    this.errors = 0
    this.refused = 0
    this.timeouts = 0
    this.durations?.fill(0)
  }
}

/** How much happens on one topic. It counts into two windows that take turns, so that an ask costs a few additions, and an idle topic nothing. */
export class Rates {
  readonly #since: Instant
  #beganAt: Instant
  #current = new Counts()
  #before = new Counts()

  constructor(now: Instant) {
    this.#since = now
    this.#beganAt = now
  }

  /** Everything is counted here, at the end of an ask: once, however many have answered. */
  ended({ startedAt, replied, errors, refused }: EndedAsk, ending: Ending, now: Instant): void {
    if (now - this.#beganAt >= WINDOW_MS) this.#turn(now)
    const current = this.#current
    current.asks++
    current.replies += replied
    if (errors > 0) {
      current.errors += errors
      current.refused += refused
    }
    if (ending === 'timeout') current.timeouts++
    // How long the others took says nothing about the topic.
    else if (ending === 'nobody' || ending === 'abandoned') return
    current.durations ??= new Uint32Array(BUCKETS)
    const bucket = bucketOf(now - startedAt)
    current.durations[bucket] = (current.durations[bucket] as number) + 1
  }

  view(now: Instant): TopicRates {
    if (now - this.#beganAt >= WINDOW_MS) this.#turn(now)
    const ageMs = now - this.#since
    // Of the window before, what is not older than one window, if it came evenly.
    const share = ageMs < WINDOW_MS ? 0 : 1 - (now - this.#beganAt) / WINDOW_MS
    const seconds = Math.min(WINDOW_MS, Math.max(LEAST_MS, ageMs)) / 1_000
    const rate = (name: 'asks' | 'replies' | 'errors' | 'refused' | 'timeouts') =>
      Math.round(((this.#before[name] * share + this.#current[name]) / seconds) * 100) / 100
    return {
      asksPerSecond: rate('asks'),
      repliesPerSecond: rate('replies'),
      errorsPerSecond: rate('errors'),
      refusedPerSecond: rate('refused'),
      timeoutsPerSecond: rate('timeouts'),
      ...quantiles(this.#before.durations, this.#current.durations),
    }
  }

  #turn(now: Instant): void {
    const windows = Math.floor((now - this.#beganAt) / WINDOW_MS)
    this.#beganAt += windows * WINDOW_MS
    const oldest = this.#before
    this.#before = this.#current
    this.#current = oldest
    oldest.clear()
    if (windows > 1) this.#before.clear()
  }
}

/*
 * Buckets that grow with what they hold: eight of one width, then eight of twice that width, and so on. What falls into one is within a
 * sixteenth of its middle, at any length.
 */
const UNITS_PER_MS = 64
const MOST_UNITS = 2 ** 30
const BUCKETS = 8 * 29

const bucketOf = (ms: Millis): number => {
  const units = Math.min(MOST_UNITS, Math.max(0, ms * UNITS_PER_MS)) | 0
  if (units < 8) return units
  const octave = 31 - Math.clz32(units)
  return (octave - 2) * 8 + ((units >>> (octave - 3)) & 7)
}

const middleOf = (bucket: number): Millis => {
  if (bucket < 8) return (bucket + 0.5) / UNITS_PER_MS
  const width = 2 ** ((bucket >>> 3) - 1)
  return ((8 + (bucket & 7)) * width + width / 2) / UNITS_PER_MS
}

const quantiles = (one?: Uint32Array, other?: Uint32Array): Pick<TopicRates, 'p50Ms' | 'p99Ms'> => {
  const counts = Array.from({ length: BUCKETS }, (_, bucket) => (one?.[bucket] ?? 0) + (other?.[bucket] ?? 0))
  const total = counts.reduce((sum, count) => sum + count, 0)
  if (total === 0) return {}
  const at = (share: number): Millis => {
    let left = Math.ceil(total * share)
    const bucket = counts.findIndex((count) => {
      left -= count
      return left <= 0
    })
    return Number(middleOf(bucket).toPrecision(2))
  }
  return { p50Ms: at(0.5), p99Ms: at(0.99) }
}
