import type { Tick } from '../../core/machine.ts'
import type { ReplicaEffect, ReplicaInput, ReplicaOptions } from '../../core/replication/io.ts'
import type { ReplicaRecord } from '../../core/replication/messages.ts'
import { Replica } from '../../core/replication/replica.ts'
import type { Instant } from '../../core/time.ts'
import { TicketGate } from '../../runtime/tickets.ts'
import type { Disk } from '../election/disk.ts'
import type { Agenda } from '../simulation/agenda.ts'
import type { MachineClock } from '../simulation/machine-clock.ts'
import { type Habits, Process } from '../simulation/process.ts'

/** What the world does for a voter. */
export interface VoterHost {
  /** A step begins, with what the voter may know and nothing decided yet. */
  steps(voter: ReplicaProcess, input: ReplicaInput | Tick): void
  /** The machine wants this, whether it may leave yet or not. */
  decided(voter: ReplicaProcess, effect: ReplicaEffect, input: ReplicaInput | Tick): void
  /** It is done now. */
  perform(voter: ReplicaProcess, effect: ReplicaEffect): void
  voterStill(voter: ReplicaProcess, still: boolean): void
}

/** One run of one voter, from when its process starts until it is killed. */
export class ReplicaProcess extends Process<ReplicaInput> {
  readonly id: string
  readonly bootId: string
  readonly machine: Replica
  readonly disk: Disk<ReplicaRecord> | undefined
  readonly #gate = new TicketGate<ReplicaEffect>(10_000)
  readonly #host: VoterHost

  constructor(
    options: ReplicaOptions,
    around: {
      agenda: Agenda
      clock: MachineClock
      habits: Habits
      host: VoterHost
      disk: Disk<ReplicaRecord> | undefined
    },
  ) {
    super(around.agenda, around.clock, around.habits)
    this.id = options.id
    this.bootId = options.bootId
    this.disk = around.disk
    this.#host = around.host
    this.machine = new Replica(options)
  }

  read(): Instant {
    return this.clock.monotonicMs(this.agenda.now)
  }

  protected wakeAt(): Instant | undefined {
    return this.machine.wakeAt()
  }

  protected stillness(still: boolean): void {
    this.#host.voterStill(this, still)
  }

  protected step(input: ReplicaInput | Tick): void {
    this.#host.steps(this, input)
    if (input.type === 'persisted' || input.type === 'persistFailed') {
      const { ticket } = input
      const released = this.#gate.complete(
        input.type === 'persisted' ? { type: 'persisted', ticket } : { type: 'persistFailed', ticket, error: 'full' },
      )
      if (input.type === 'persisted') for (const effect of released) this.#perform(effect)
    }
    for (const effect of this.machine.step(input, this.read())) {
      this.#host.decided(this, effect, input)
      if (this.#gate.admit(effect) === 'perform') this.#perform(effect)
    }
  }

  #perform(effect: ReplicaEffect): void {
    if (this.alive) this.#host.perform(this, effect)
  }
}
