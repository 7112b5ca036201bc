import type { Instant, Millis } from '../../core/time.ts'
import type { Clock, Timer } from '../../ports/clock.ts'

/** A link with something that waits for room, or must not last for ever. */
export interface Watched {
  readonly isClosed: boolean
  /** Looks after it. True: something waits for room; `undefined`: nothing has to be looked after any more. */
  look(now: Instant): boolean | undefined
}

/** Nobody says when a link has room again. */
const ROOM_EVERY_MS: Millis = 25

/** Looks after the links that need it, with one timer for all, and none when nobody does. */
export class Upkeep {
  readonly #clock: Clock
  readonly #idleMs: Millis
  readonly #watched = new Set<Watched>()
  #timer: Timer | undefined
  #at: Instant = 0

  constructor(clock: Clock, { streamIdleMs }: { readonly streamIdleMs: Millis }) {
    this.#clock = clock
    this.#idleMs = streamIdleMs / 4
  }

  watch(link: Watched): void {
    this.#watched.add(link)
    this.#arm(this.#clock.now() + ROOM_EVERY_MS)
  }

  close(): void {
    this.#timer?.clear()
    this.#watched.clear()
  }

  #arm(at: Instant): void {
    if (this.#timer !== undefined && this.#at <= at) return
    this.#timer?.clear()
    this.#at = at
    this.#timer = this.#clock.setTimer(at, () => this.#look(), { ref: false })
  }

  #look(): void {
    this.#timer = undefined
    const now = this.#clock.now()
    let soon = false
    for (const link of this.#watched) {
      const waits = link.isClosed ? undefined : link.look(now)
      if (waits === undefined) this.#watched.delete(link)
      else soon ||= waits
    }
    if (this.#watched.size > 0) this.#arm(now + (soon ? ROOM_EVERY_MS : this.#idleMs))
  }
}
