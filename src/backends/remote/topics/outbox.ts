import type { TopicsUp } from '../../../core/dispatch/link-messages.ts'
import type { Millis } from '../../../core/time.ts'
import type { Clock, Timer } from '../../../ports/clock.ts'
import type { TopicsWire } from '../../../ports/link.ts'
import { UpWriter } from '../../../wire/topics/up.ts'

/** What may wait to be sent before something is refused. */
const MAX_UNSENT_BYTES = 16 * 2 ** 20
/** What the socket is given at a time: it ends when far more than this is not taken. */
const SOCKET_BYTES = 2 * 2 ** 20
/** How soon a socket is looked at again that was full. */
const LOOK_AGAIN_MS: Millis = 5

/**
 * What is to be said to the server about topics, gathered until the turn of the loop is over: one frame of many messages costs both sides
 * little more than one of few.
 */
export class Outbox {
  readonly #clock: Clock
  readonly #soon: (run: () => void) => void
  readonly #writer = new UpWriter()
  #wire: TopicsWire | undefined
  /** Counts the links. */
  #link = 0
  #isFlushing = false
  #again: Timer | undefined

  /** `soon` runs once this turn of the loop is over. */
  constructor(clock: Clock, soon: (run: () => void) => void) {
    this.#clock = clock
    this.#soon = soon
  }

  /** Names the link that there is, or was last. */
  get link(): number {
    return this.#link
  }

  /** Whether there is a link that takes what is said. Without one it is dropped. */
  get isOpen(): boolean {
    return this.#wire !== undefined
  }

  /** Too much waits already: what can be refused is to be refused. */
  get isFull(): boolean {
    return this.#writer.bytes > MAX_UNSENT_BYTES
  }

  opened(wire: TopicsWire): void {
    this.#wire = wire
    this.#link++
  }

  /** Forgets what waits. */
  lost(): void {
    this.#wire = undefined
    this.#writer.clear()
    this.#again?.clear()
    this.#again = undefined
  }

  /** What the message holds is copied. */
  say(message: TopicsUp): void {
    if (this.#wire === undefined) return
    this.#writer.append(message)
    if (this.#isFlushing) return
    this.#isFlushing = true
    this.#soon(this.#flush)
  }

  /** Resolves once this turn of the loop is over, with a link or without. */
  turn(): Promise<void> {
    return new Promise((resolve) => this.#soon(resolve))
  }

  /** Sends what waits, as far as the socket takes it. */
  readonly #flush = (): void => {
    this.#isFlushing = false
    this.flush()
  }

  flush(all = false): void {
    const wire = this.#wire
    while (wire !== undefined && this.#writer.bytes > 0) {
      if (!all && wire.bufferedBytes > SOCKET_BYTES) return this.#lookAgain()
      const frame = this.#writer.take()
      if (frame === undefined) return
      wire.sendBytes(frame)
      // The socket may have ended in that call.
      if (this.#wire !== wire) return
    }
  }

  #lookAgain(): void {
    this.#again ??= this.#clock.setTimer(
      this.#clock.now() + LOOK_AGAIN_MS,
      () => {
        this.#again = undefined
        this.flush()
      },
      { ref: false },
    )
  }
}
