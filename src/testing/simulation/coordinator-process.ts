import {
  Coordinator,
  type CoordinatorEffect,
  type CoordinatorInput,
  type CoordinatorOptions,
} from '../../core/group/coordinator.ts'
import type { Tick } from '../../core/machine.ts'
import type { Instant } from '../../core/time.ts'
import type { Agenda } from './agenda.ts'
import type { MachineClock } from './machine-clock.ts'
import { type Habits, Process } from './process.ts'

/** What the world does for a coordinator. */
export interface CoordinatorHost {
  perform(coordinator: CoordinatorProcess, effect: CoordinatorEffect): void
  coordinatorStill(still: boolean): void
  coordinatorStepped(coordinator: CoordinatorProcess, input: CoordinatorInput | Tick): void
}

/** One run of the coordinator, from when it listens until it is killed. It reads the monotonic clock alone. */
export class CoordinatorProcess extends Process<CoordinatorInput> {
  readonly run: number
  /** Of the store that it began with: what was sent to one server never comes to another, whatever they call themselves. */
  readonly server: string
  readonly machine: Coordinator
  readonly options: CoordinatorOptions
  readonly #host: CoordinatorHost

  constructor(
    run: number,
    options: Omit<CoordinatorOptions, 'startedAt'>,
    around: { agenda: Agenda; clock: MachineClock; habits: Habits; host: CoordinatorHost; server: string },
  ) {
    super(around.agenda, around.clock, around.habits)
    this.run = run
    this.server = around.server
    this.options = { ...options, startedAt: this.read() }
    this.machine = new Coordinator(this.options)
    this.#host = around.host
    this.arm()
  }

  /** It reads the wall clock as it takes the message, and not when that came. */
  #dated(input: CoordinatorInput | Tick): CoordinatorInput | Tick {
    return input.type === 'received' ? { ...input, wallMs: this.clock.wallMs(this.agenda.now) } : input
  }

  read(): Instant {
    return this.clock.monotonicMs(this.agenda.now)
  }

  protected wakeAt(): Instant | undefined {
    return this.machine.wakeAt()
  }

  protected stillness(still: boolean): void {
    this.#host.coordinatorStill(still)
  }

  protected step(input: CoordinatorInput | Tick): void {
    this.#host.coordinatorStepped(this, input)
    for (const effect of this.machine.step(this.#dated(input), this.read())) this.#host.perform(this, effect)
  }
}
