import { Deadlines, type Due } from '../../core/deadlines.ts'
import type { Instant } from '../../core/time.ts'
import type { Clock, Timer } from '../../ports/clock.ts'

/**
 * One timer for many that are due at some time and mostly end before. It stays set when nobody waits any more: whoever asks again and
 * again would else set and clear one each time, and a timer that fires too early costs one look.
 */
export class Alarm<Item extends Due> {
  readonly #deadlines = new Deadlines<Item>()
  readonly #clock: Clock
  readonly #onDue: (item: Item, now: Instant) => void
  #timer: Timer | undefined
  #armedAt: Instant = 0
  #turn: Timer | undefined

  /** `onDue` removes the item, or moves it on. */
  constructor(clock: Clock, onDue: (item: Item, now: Instant) => void) {
    this.#clock = clock
    this.#onDue = onDue
  }

  add(item: Item): void {
    this.#deadlines.add(item)
    this.#arm()
  }

  /** To be called when its `lookAt` has changed. */
  moved(item: Item): void {
    this.#deadlines.moved(item)
    this.#arm()
  }

  remove(item: Item): void {
    this.#deadlines.remove(item)
  }

  close(): void {
    this.#timer?.clear()
    this.#turn?.clear()
    this.#timer = undefined
    this.#turn = undefined
  }

  #arm(): void {
    const at = this.#deadlines.first?.lookAt
    if (at === undefined || this.#turn !== undefined || (this.#timer !== undefined && this.#armedAt <= at)) return
    this.#timer?.clear()
    this.#armedAt = at
    // A socket keeps the process alive while there is anything to wait for.
    this.#timer = this.#clock.setTimer(at, () => this.#fired(), { ref: false })
  }

  /** After a stall of our own, what arrived meanwhile is read first: it may be the answer. */
  #fired(): void {
    this.#timer = undefined
    const { first } = this.#deadlines
    if (first === undefined || first.lookAt > this.#clock.now()) this.#arm()
    else this.#turn = this.#clock.turn(() => this.#look())
  }

  #look(): void {
    this.#turn = undefined
    const now = this.#clock.now()
    for (let first = this.#deadlines.first; first !== undefined && first.lookAt <= now; first = this.#deadlines.first) {
      this.#onDue(first, now)
    }
    this.#arm()
  }
}
