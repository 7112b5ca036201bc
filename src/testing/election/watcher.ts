import {
  Observer,
  type ObserverEffect,
  type ObserverInput,
  type ObserverOptions,
} from '../../core/election/observer.ts'
import type { Tick } from '../../core/machine.ts'
import { HolderClock, type Instant } from '../../core/time.ts'
import type { Agenda } from '../simulation/agenda.ts'
import type { MachineClock } from '../simulation/machine-clock.ts'
import { type Habits, Process } from '../simulation/process.ts'

/** One run of a peer without a vote. */
export class WatcherPeer extends Process<ObserverInput> {
  readonly id: string
  readonly machine: Observer
  readonly #holder = new HolderClock()
  readonly #perform: (effect: ObserverEffect) => void

  constructor(
    options: ObserverOptions,
    around: { agenda: Agenda; clock: MachineClock; habits: Habits; perform(effect: ObserverEffect): void },
  ) {
    super(around.agenda, around.clock, around.habits)
    this.id = options.id
    this.machine = new Observer(options)
    this.#perform = around.perform
  }

  read(): Instant {
    return this.clock.monotonicMs(this.agenda.now)
  }

  protected wakeAt(): Instant | undefined {
    return this.machine.wakeAt()
  }

  protected stillness(): void {}

  protected step(input: ObserverInput | Tick): void {
    const at = { grantor: this.read(), holder: this.#holder.read(this.clock.reading(this.agenda.now)) }
    for (const effect of this.machine.step(input, at)) this.#perform(effect)
  }
}
