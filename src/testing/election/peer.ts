import { Election } from '../../core/election/election.ts'
import type { ElectionEffect, ElectionInput, ElectionOptions } from '../../core/election/io.ts'
import type { Moment } from '../../core/election/record.ts'
import type { Tick } from '../../core/machine.ts'
import { HolderClock, type Instant } from '../../core/time.ts'
import { TicketGate } from '../../runtime/tickets.ts'
import type { Agenda } from '../simulation/agenda.ts'
import type { MachineClock } from '../simulation/machine-clock.ts'
import { type Habits, Process } from '../simulation/process.ts'
import type { Disk } from './disk.ts'

/** How the address of a second process under one id ends. */
export const RIVAL = '!'

/** The id of whoever has this address. */
export const idOf = (address: string): string => (address.endsWith(RIVAL) ? address.slice(0, -1) : address)

/** What the world does for a peer. */
export interface PeerHost {
  /** A step begins, with what the peer may know and nothing decided yet. */
  steps(peer: Peer, input: ElectionInput | Tick, at: Moment): void
  /** The machine wants this, whether it may leave yet or not. */
  decided(peer: Peer, effect: ElectionEffect, input: ElectionInput | Tick, at: Moment): void
  /** It is done now. */
  perform(peer: Peer, effect: ElectionEffect): void
  stepped(peer: Peer, at: Moment): void
  peerStill(peer: Peer, still: boolean): void
}

/** One run of one voter, from when its process starts until it is killed. */
export class Peer extends Process<ElectionInput> {
  readonly id: string
  readonly bootId: string
  readonly address: string
  readonly disk: Disk | undefined
  readonly options: ElectionOptions
  readonly machine: Election
  readonly #holder: HolderClock
  readonly #gate = new TicketGate<ElectionEffect>(10_000)
  readonly #host: PeerHost

  constructor(
    options: ElectionOptions,
    around: {
      agenda: Agenda
      clock: MachineClock
      /** Of the machine, and not of the process: a new process begins with another reading. */
      habits: Habits
      host: PeerHost
      address: string
      disk: Disk | undefined
    },
  ) {
    super(around.agenda, around.clock, around.habits)
    this.id = options.id
    this.bootId = options.bootId
    this.address = around.address
    this.disk = around.disk
    this.options = options
    this.#host = around.host
    this.#holder = new HolderClock()
    this.machine = new Election(options)
  }

  start(): void {
    this.post({ type: 'started', record: this.disk?.durable })
  }

  read(): Instant {
    return this.clock.monotonicMs(this.agenda.now)
  }

  moment(): Moment {
    return { grantor: this.read(), holder: this.#holder.read(this.clock.reading(this.agenda.now)) }
  }

  protected wakeAt(): Instant | undefined {
    return this.machine.wakeAt()
  }

  protected stillness(still: boolean): void {
    this.#host.peerStill(this, still)
  }

  protected step(input: ElectionInput | Tick): void {
    const at = this.moment()
    this.#host.steps(this, input, at)
    if (input.type === 'persisted' || input.type === 'persistFailed') {
      const completion =
        input.type === 'persisted' ? input : { type: input.type, ticket: input.ticket, error: input.error }
      const released = this.#gate.complete(completion)
      if (input.type === 'persisted') for (const effect of released) this.#perform(effect)
    }
    for (const effect of this.machine.step(input, at)) {
      this.#host.decided(this, effect, input, at)
      if (this.#gate.admit(effect) === 'perform') this.#perform(effect)
    }
    if (this.alive) this.#host.stepped(this, at)
  }

  #perform(effect: ElectionEffect): void {
    if (this.alive) this.#host.perform(this, effect)
  }
}
