import type { Foundation } from '../core/group/foundation.ts'
import type { Millis } from '../core/time.ts'
import type { Clock, Timer } from '../ports/clock.ts'
import type { FoundationStore } from '../ports/store.ts'
import type { Telemetry } from '../ports/telemetry.ts'
import type { Completion } from './tickets.ts'

/** How long a store that failed is left alone before it is asked again. */
const RETRY_MS: Millis = 1_000

export interface FoundationWriterOptions {
  readonly clock: Clock
  readonly store: FoundationStore
  readonly telemetry: Telemetry | undefined
  /** Called before the write ends, for whoever must know first. */
  saved(foundation: Foundation): void
  ended(completion: Completion): void
}

/** Carries out a coordinator's writes and says how each ended; of a failure only after a while. */
export class FoundationWriter {
  readonly #options: FoundationWriterOptions
  readonly #delays = new Set<Timer>()
  #closed = false
  writes = 0
  failures = 0

  constructor(options: FoundationWriterOptions) {
    this.#options = options
  }

  write(ticket: number, foundation: Foundation): void {
    const { store, saved, ended } = this.#options
    this.writes++
    store.save(foundation).then(
      () => {
        saved(foundation)
        ended({ type: 'persisted', ticket })
      },
      (error: unknown) => this.#failed(ticket, error),
    )
  }

  /** A write that is under way is not heard of any more. */
  close(): void {
    this.#closed = true
    for (const delay of this.#delays) delay.clear()
    this.#delays.clear()
  }

  #failed(ticket: number, error: unknown): void {
    if (this.#closed) return
    const { clock, telemetry, ended } = this.#options
    this.failures++
    telemetry?.log('error', 'the store could not make the generation durable', { event: 'store.failed', error })
    // Not at once: the coordinator asks again as soon as it hears of the failure.
    const delay = clock.setTimer(
      clock.now() + RETRY_MS,
      () => {
        this.#delays.delete(delay)
        ended({ type: 'persistFailed', ticket, error })
      },
      { ref: false },
    )
    this.#delays.add(delay)
  }
}
