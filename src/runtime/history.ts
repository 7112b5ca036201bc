import { CaucusError } from '../errors.ts'
import { Reader } from './reader.ts'

/** Stands where events are missing because the loop was too slow for its buffer. */
export interface Gap {
  readonly type: 'gap'
  readonly dropped: number
}

export interface EventsOptions {
  /** How many events wait for a slow loop before the oldest of them are dropped. */
  readonly buffer?: number | undefined
  /** Ends the loop by rejecting it with the signal's reason. */
  readonly signal?: AbortSignal | undefined
}

/** Everything that happens from now on, in order, for whoever listens; what a slow loop misses is counted and said. */
export class History<Event> {
  #closed = false
  readonly #listeners = new Map<Reader<Event | Gap>, (event: Event) => void>()

  /** How many loops are listening. */
  get listeners(): number {
    return this.#listeners.size
  }

  /** Hands `event` to everybody who listens. Runs nobody's code. */
  record(event: Event): void {
    if (this.#closed) return
    for (const keep of this.#listeners.values()) keep(event)
  }

  /**
   * Yields what is recorded after this call, a `gap` where the loop was too slow.
   * It listens from this call on, not from its first step: loop over it, `return()` it, or give it a signal.
   */
  events({ buffer = 1024, signal }: EventsOptions = {}): Reader<Event | Gap> {
    if (!Number.isSafeInteger(buffer) || buffer < 1) {
      throw new CaucusError(
        'CAUCUS_INVALID_ARGUMENT',
        `events({ buffer }) is ${buffer}; give a whole number of at least 1`,
      )
    }
    const kept: Event[] = []
    let dropped = 0
    return new Reader<Event | Gap>({
      signal,
      take: () => {
        if (dropped > 0) {
          const gap: Gap = { type: 'gap', dropped }
          dropped = 0
          return { value: gap }
        }
        return kept.length > 0 ? { value: kept.shift() as Event } : undefined
      },
      begin: (reader) => {
        this.#listeners.set(reader, (event) => {
          // The oldest go: who comes back late wants to know how things are, and the gap says that something is missing.
          if (kept.push(event) > buffer) {
            kept.shift()
            dropped++
          }
          reader.wake()
        })
        if (this.#closed) reader.finish()
      },
      end: (reader) => {
        this.#listeners.delete(reader)
        kept.length = 0
      },
    }).open()
  }

  /** Nothing more is recorded: each loop reads what it has and ends. */
  close(): void {
    this.#closed = true
    for (const reader of [...this.#listeners.keys()]) reader.finish()
  }
}
