import type { Machine, Tick } from '../../core/machine.ts'
import type { Instant } from '../../core/time.ts'
import type { Clock, Timer } from '../../ports/clock.ts'

/**
 * A machine whose timer stays set until the loop has come round, though nothing waits for it any more: whoever asks again and again would
 * else set and clear a timer each time. A timer that is set too early costs one look.
 */
export class Lingering<Input, Effect, View> implements Machine<Input, Effect, View>, Disposable {
  readonly #machine: Machine<Input, Effect, View>
  readonly #clock: Clock
  readonly #onDisarmed: () => void
  #latest: Instant | undefined
  #disarming: Timer | undefined

  /** `onDisarmed` makes the driver ask for `wakeAt()` again. */
  constructor(machine: Machine<Input, Effect, View>, clock: Clock, onDisarmed: () => void) {
    this.#machine = machine
    this.#clock = clock
    this.#onDisarmed = onDisarmed
  }

  step(input: Input | Tick, now: Instant): readonly Effect[] {
    return this.#machine.step(input, now)
  }

  wakeAt(): Instant | undefined {
    return this.#machine.wakeAt() ?? this.#latest
  }

  view(): View {
    return this.#machine.view()
  }

  /** To be called after each turn of the driver. */
  afterTurn(): void {
    const at = this.#machine.wakeAt()
    if (at !== undefined) this.#latest = at
    else if (this.#latest !== undefined) this.#disarming ??= this.#clock.turn(() => this.#disarm())
  }

  [Symbol.dispose](): void {
    this.#disarming?.clear()
  }

  #disarm(): void {
    this.#disarming = undefined
    if (this.#machine.wakeAt() !== undefined) return
    this.#latest = undefined
    this.#onDisarmed()
  }
}
