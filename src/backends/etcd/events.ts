import { CaucusError, isCaucusError } from '../../errors.ts'
import type { Clock } from '../../ports/clock.ts'
import type { RecordedEvent } from '../../ports/hosting.ts'
import { BackOff } from '../../runtime/back-off.ts'
import { Reader } from '../../runtime/reader.ts'
import type { Engine } from './engine.ts'
import { KeyWatch } from './key-watch.ts'
import { eventsOf } from './parsed.ts'
import type { EventsRecord } from './records.ts'

export type Told = RecordedEvent | { readonly type: 'gap'; readonly dropped: number | undefined }

/** A revision of before the first event. */
export const BEFORE_ALL = '1-0'

export interface EventsReaderOptions {
  readonly engine: Engine
  /** Where the group's events lie. */
  readonly key: string
  readonly after: string | undefined
  /** The grantor's. */
  readonly clock: Clock
  random(): number
  readonly reconnectMaxMs: number
  readonly signal: AbortSignal | undefined
}

/** How often the key is read while its watch tells nothing: a watch may be stuck. */
const LOOK_MS = 10_000
/** How many events wait for a slow loop. */
const MAX_WAITING = 4_096

/**
 * The events of a group from `after` on, or from now on, by a watch of the key that has the last ones. What was overwritten before it was
 * seen is a `gap`: a reader goes on with what is still there.
 */
export const eventsAt = (options: EventsReaderOptions): Reader<Told> => {
  if (options.after !== undefined && !/^\d{1,10}-\d{1,15}$/.test(options.after)) {
    throw new CaucusError(
      'CAUCUS_INVALID_ARGUMENT',
      'a revision is "generation-number", as events carry it; give one of those, or none to begin now',
    )
  }
  const tail = new Tail(options)
  return new Reader<Told>({
    signal: options.signal,
    take: () => tail.take(),
    begin: (reader) => tail.begin(reader),
    end: () => tail.end(),
  })
}

class Tail {
  readonly #options: EventsReaderOptions
  readonly #watch: KeyWatch
  readonly #backOff: BackOff
  /** Of the last event that is waiting or was told; `undefined`: none, and what is there first is the past. */
  #last: string | undefined
  /** Of the key, as it was seen last. */
  #seen = 0
  #waiting: Told[] = []
  #reader: Reader<Told> | undefined
  #timer: { clear(): void } | undefined

  constructor(options: EventsReaderOptions) {
    this.#options = options
    this.#last = options.after
    this.#backOff = new BackOff(options.random, options.reconnectMaxMs)
    this.#watch = new KeyWatch(options.engine, options.key, (entry) => {
      if (entry !== undefined) this.#take(eventsOf(entry.value), entry.modRevision)
    })
  }

  begin(reader: Reader<Told>): void {
    this.#reader = reader
    void this.#look()
  }

  end(): void {
    this.#reader = undefined
    this.#waiting = []
    this.#timer?.clear()
    this.#watch.close()
  }

  take(): { readonly value: Told } | undefined {
    const value = this.#waiting.shift()
    return value === undefined ? undefined : { value }
  }

  async #look(): Promise<void> {
    const { engine, key, clock } = this.#options
    let pauseMs = LOOK_MS
    try {
      const { found, revision } = await engine.transact({ then: [{ type: 'get', key }] })
      if (this.#reader === undefined) return
      this.#backOff.reset()
      const [entry] = found
      const record = entry === undefined ? undefined : eventsOf(entry.value)
      this.#last ??= record?.events.at(-1)?.revision ?? BEFORE_ALL
      if (entry !== undefined) this.#take(record, entry.modRevision)
      this.#watch.from(revision + 1)
    } catch (error) {
      if (isCaucusError(error) && error.code === 'CAUCUS_CLOSED') return this.#reader?.finish()
      if (!isCaucusError(error) || !error.retriable) return this.#reader?.fail(error)
      pauseMs = this.#backOff.nextPauseMs()
    }
    if (this.#reader === undefined) return
    this.#timer = clock.setTimer(clock.now() + pauseMs, () => void this.#look(), { ref: false })
  }

  #take(record: EventsRecord | undefined, revision: number): void {
    if (record === undefined || revision <= this.#seen) return
    const isFirst = this.#seen === 0
    this.#seen = revision
    const { events } = record
    const place = events.findIndex((event) => event.revision === this.#last)
    const isBeginning = isFirst && this.#last === BEFORE_ALL && numberOf(events[0]) === 1
    if (place < 0 && !isBeginning && events.length > 0) this.#waiting.push({ type: 'gap', dropped: undefined })
    for (const event of events.slice(place + 1)) this.#waiting.push(event)
    this.#last = events.at(-1)?.revision ?? this.#last
    if (this.#waiting.length > MAX_WAITING) {
      const dropped = this.#waiting.length - MAX_WAITING
      this.#waiting = [{ type: 'gap', dropped }, ...this.#waiting.slice(dropped)]
    }
    this.#reader?.wake()
  }
}

const numberOf = (event: RecordedEvent | undefined): number | undefined =>
  event === undefined ? undefined : Number(event.revision.split('-')[1])
