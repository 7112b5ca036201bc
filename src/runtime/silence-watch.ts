import type { Instant, Millis } from '../core/time.ts'
import type { Clock, Timer } from '../ports/clock.ts'

/** After so many times the quiet that is allowed, the other side is taken for gone. */
const SILENT_QUIETS = 2.5

export interface SilenceWatchOptions {
  /** The grantor's. */
  readonly clock: Clock
  /** How long nothing may be heard before the other side is asked; after two and a half times that it is taken for gone. */
  readonly quietMs: Millis
  /** Makes the other side give a sign of life. */
  ask(): void
  /** It has given none for so long; nothing is watched any more. */
  silent(forMs: Millis): void
}

/** Watches one connection: a half-open one says nothing, not even that it is dead. */
export class SilenceWatch {
  readonly #options: SilenceWatchOptions
  #heardAt: Instant = 0
  /** When the other side was asked first, since it was heard last. */
  #askedAt: Instant | undefined
  #timer: Timer | undefined

  constructor(options: SilenceWatchOptions) {
    this.#options = options
  }

  heard(): void {
    this.#heardAt = this.#options.clock.now()
    this.#askedAt = undefined
  }

  start(): void {
    const { clock, quietMs } = this.#options
    this.#timer?.clear()
    this.#timer = clock.setTimer(
      clock.now() + quietMs,
      // After a stall of our own, what arrived meanwhile is read first.
      () => {
        this.#timer = clock.turn(() => this.#judge())
      },
      { ref: false },
    )
  }

  stop(): void {
    this.#timer?.clear()
  }

  #judge(): void {
    const { clock, quietMs, ask, silent } = this.#options
    const now = clock.now()
    const silentMs = now - this.#heardAt
    // Nobody is gone who was not asked: after a stall of our own the other side has only waited for us.
    if (this.#askedAt !== undefined && now - this.#askedAt >= (SILENT_QUIETS - 1) * quietMs) return silent(silentMs)
    if (silentMs >= quietMs) {
      this.#askedAt ??= now
      ask()
    }
    this.start()
  }
}
