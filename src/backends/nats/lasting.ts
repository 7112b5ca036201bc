import type { Machine, Tick } from '../../core/machine.ts'
import type { Instant } from '../../core/time.ts'

/**
 * A machine whose timer stays set when nothing waits for it any more: whoever asks again and again would else set and clear one each time,
 * and a timer that fires too early costs one look. It must not keep the process alive.
 */
export class Lasting<Input extends { readonly type: string }, Effect, View> implements Machine<Input, Effect, View> {
  readonly #machine: Machine<Input, Effect, View>
  #latest: Instant | undefined

  constructor(machine: Machine<Input, Effect, View>) {
    this.#machine = machine
  }

  step(input: Input | Tick, now: Instant): readonly Effect[] {
    const effects = this.#machine.step(input, now)
    const at = this.#machine.wakeAt()
    if (at !== undefined) this.#latest = at
    else if (input.type === 'woke') this.#latest = undefined
    return effects
  }

  wakeAt(): Instant | undefined {
    return this.#machine.wakeAt() ?? this.#latest
  }

  view(): View {
    return this.#machine.view()
  }
}
