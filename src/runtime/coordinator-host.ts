import type { GroupSettings } from '../core/group/book.ts'
import {
  type CallerMessage,
  Coordinator,
  type CoordinatorEffect,
  type CoordinatorInput,
  type CoordinatorOptions,
  type CoordinatorView,
  configuredLeases,
} from '../core/group/coordinator.ts'
import { type Foundation, nextFoundation } from '../core/group/foundation.ts'
import type { CoordinatorMessage, MemberMessage, ShareKind } from '../core/group/messages.ts'
import type { Order } from '../core/group/orders.ts'
import type { GroupPast, PastQuery } from '../core/group/past.ts'
import type { PollSettings } from '../core/group/poll-group.ts'
import type { Roll } from '../core/group/roll-call.ts'
import type { GroupView } from '../core/group/view.ts'
import { groupOfService } from '../core/registry/services.ts'
import { type ServiceCount, servicesIn } from '../core/registry/view.ts'
import { CaucusError } from '../errors.ts'
import type { Clock } from '../ports/clock.ts'
import type { CoordinatorHosting, Guarantees, HostedLink, RecordedEvent } from '../ports/hosting.ts'
import type { ServiceView } from '../ports/registry.ts'
import type { FoundationStore } from '../ports/store.ts'
import type { Telemetry } from '../ports/telemetry.ts'
import { Driver, type Dropped } from './driver.ts'
import { EventLog, type EventLogQuery } from './event-log.ts'
import { FoundationWriter } from './foundation-writer.ts'
import type { StallGuard } from './stall-guard.ts'
import type { Completion } from './tickets.ts'

export interface CoordinatorHostOptions {
  /** The grantor's clock. */
  readonly clock: Clock
  /** Wall clock: the generation of a first start, and the time of events. */
  wallMs(): number
  /** Closed with the hosting, or when it cannot start. */
  readonly store: FoundationStore
  /** Servers with the same one may stand in for each other in a client's list. Default: the store's instance id, so none can. */
  readonly clusterId?: string | undefined
  readonly defaults: GroupSettings
  /** Groups with settings, or a share, of their own. */
  readonly groups?: ReadonlyMap<string, GroupSettings & { readonly share?: ShareKind }>
  /** The group of bloc's wire, where that is spoken. */
  readonly poll?: (PollSettings & { readonly group: string }) | undefined
  /** The operator's word that nobody holds anything from before. */
  readonly fresh: boolean
  readonly limits: { readonly groups: number; readonly membersPerGroup: number; readonly eventsPerGroup?: number }
  /** Default: the one that everybody on this clock shares. */
  readonly stallGuard?: StallGuard | undefined
  readonly telemetry?: Telemetry | undefined
  /** A broken invariant, or a store that was lost to somebody else. Nothing is granted or answered any more. */
  onFault(error: unknown): void
}

/** Where answers go that are read before the call returns. */
const CALLER = 0

interface Link {
  readonly address: number
  readonly deliver: (messages: readonly CoordinatorMessage[]) => void
  outbox: CoordinatorMessage[]
}

/**
 * Runs a coordinator of groups in this process. Resolves once the generation under which it grants is durable, where the
 * store is; rejects with what the store says.
 */
export const hostCoordinator = async (options: CoordinatorHostOptions): Promise<CoordinatorHosting> => {
  const { store, defaults, groups, poll, wallMs } = options
  try {
    const stored = await store.load()
    const leases = configuredLeases({ defaults, groups: groups ?? new Map(), ...(poll !== undefined && { poll }) })
    const foundation = nextFoundation(stored, leases, wallMs())
    if (foundation.generation <= (stored?.generation ?? 0)) {
      throw new CaucusError(
        'CAUCUS_BACKEND',
        'this store has used up all generations; start with a new data directory and another instance, once nobody holds anything',
      )
    }
    await store.save(foundation)
    return new CoordinatorHost(options, foundation, stored?.roll)
  } catch (error) {
    await store.close()
    throw error
  }
}

class CoordinatorHost implements CoordinatorHosting {
  readonly guarantees: Guarantees
  readonly #options: CoordinatorHostOptions
  readonly #coordinator: Coordinator
  readonly #driver: Driver<CoordinatorInput | Completion, CoordinatorEffect>
  readonly #log: EventLog
  readonly #links = new Map<number, Link>()
  /** Links with something in their outbox. */
  #unsent: Link[] = []
  /** More than 0 while a frame is being taken: answers wait for its last message. */
  #taking = 0
  #lastAddress = CALLER
  #answer: CoordinatorMessage | CallerMessage | undefined
  #answerTo = CALLER
  /** Those who wait for an order to be durable, by their address. */
  readonly #ordering = new Map<number, (answer: CallerMessage) => void>()
  readonly #writer: FoundationWriter
  #closed: Promise<void> | undefined
  /** The store is somebody else's by now, or the coordinator broke: what it says of the members is not to be trusted. */
  #lost = false
  readonly #counts = { polls: 0, calls: 0, frames: 0, received: 0, sent: 0 }

  constructor(options: CoordinatorHostOptions, foundation: Foundation, roll: Roll | undefined) {
    const { clock, store, telemetry } = options
    this.#options = options
    const { durable } = store
    this.guarantees = {
      exclusion: durable ? 'fenced' : 'leased',
      survivesRestart: durable,
      survivesPartition: false,
    }
    this.#log = new EventLog({
      generation: foundation.generation,
      wallMs: () => options.wallMs(),
      ...(options.limits.eventsPerGroup !== undefined && { perGroup: options.limits.eventsPerGroup }),
    })
    this.#writer = new FoundationWriter({
      clock,
      store,
      telemetry,
      saved: ({ generation }) => {
        this.#log.generation = generation
      },
      ended: (completion) => void this.#driver.post(completion),
    })
    this.#coordinator = new Coordinator({ ...coordinatorOptions(options, foundation), roll })
    this.#driver = new Driver(this.#coordinator, {
      clock,
      perform: (effect) => this.#perform(effect),
      afterTurn: () => this.#flush(),
      onFault: (error) => {
        this.#lost = true
        options.onFault(error)
      },
      onDropped: ({ cause }: Dropped<CoordinatorInput | Completion, CoordinatorEffect>) =>
        telemetry?.count('inbox_dropped', 1, { cause }),
      // A coordinator by itself keeps no process alive: whoever listens for its members does.
      ref: false,
      ...(options.stallGuard !== undefined && { guard: options.stallGuard }),
    })
    void store.lost?.then((reason) => this.#lose(reason))
  }

  #lose(reason: CaucusError): void {
    if (this.#closed !== undefined) return
    this.#lost = true
    this.#driver.close()
    this.#options.onFault(reason)
  }

  attach(deliver: (messages: readonly CoordinatorMessage[]) => void): HostedLink {
    this.#assertOpen()
    const address = ++this.#lastAddress
    this.#links.set(address, { address, deliver, outbox: [] })
    this.#driver.post({ type: 'linked', from: address })
    return {
      receive: (messages) => this.#receive(address, messages),
      close: () => void this.#links.delete(address),
    }
  }

  #receive(address: number, messages: readonly MemberMessage[]): boolean {
    let taken = true
    this.#taking++
    this.#counts.frames++
    try {
      for (const message of messages) {
        this.#counts.received++
        taken = this.#driver.post({ type: 'received', from: address, message }) && taken
      }
    } finally {
      // Also when that throws: nobody else would be answered any more.
      this.#taking--
    }
    this.#flush()
    return taken
  }

  async call(message: MemberMessage): Promise<CoordinatorMessage | undefined> {
    this.#counts.calls++
    // An address of its own: what is pushed to this member later goes nowhere, and its next call gets it.
    const from = ++this.#lastAddress
    const answer = this.#ask({ type: 'received', from, message }, from)
    return answer === undefined || isForCaller(answer) ? undefined : answer
  }

  poll(member: string): CallerMessage {
    this.#counts.polls++
    return this.#askAsCaller({ type: 'polled', from: CALLER, member })
  }

  pollerLeft(member: string): CallerMessage {
    return this.#askAsCaller({ type: 'pollerLeft', from: CALLER, member })
  }

  evict(group: string, member: string): boolean {
    const answer = this.#askAsCaller({ type: 'evicted', from: CALLER, group, member })
    return answer.type === 'removed' && answer.found
  }

  async order(group: string, order: Order): Promise<void> {
    this.#assertOpen()
    // An address of its own: the answer comes once the store has said so.
    const from = ++this.#lastAddress
    return new Promise((resolve, reject) => {
      this.#ordering.set(from, (answer) => {
        this.#ordering.delete(from)
        if (answer.type === 'failed') reject(new CaucusError(answer.code, answer.message))
        else resolve()
      })
      if (this.#driver.post({ type: 'ordered', from, group, order })) return
      this.#ordering.delete(from)
      reject(new CaucusError('CAUCUS_OVERLOADED', 'too much waits to be told to the coordinator; give the order again'))
    })
  }

  #askAsCaller(input: CoordinatorInput): CallerMessage {
    if (input.type === 'polled' && this.#options.poll === undefined) {
      throw new CaucusError('CAUCUS_INVALID_CONFIG', 'no group for the wire of bloc is configured on this coordinator')
    }
    const answer = this.#ask(input, CALLER)
    if (answer !== undefined && isForCaller(answer)) return answer
    throw new CaucusError('CAUCUS_UNAVAILABLE', 'the coordinator did not answer; it has failed or is busy with itself')
  }

  /** The driver runs to completion, so the answer is there when `post` returns. */
  #ask(input: CoordinatorInput, to: number): CoordinatorMessage | CallerMessage | undefined {
    this.#assertOpen()
    this.#answer = undefined
    this.#answerTo = to
    this.#driver.post(input)
    this.#answerTo = CALLER
    return this.#answer
  }

  #perform(effect: CoordinatorEffect): void {
    switch (effect.type) {
      case 'send':
        return this.#send(effect.to, effect.message)
      case 'emit':
        this.#log.record(effect.group, effect.event)
        this.#options.telemetry?.event(effect.event)
        return
      case 'persist':
        return this.#writer.write(effect.ticket, effect.foundation)
    }
  }

  #send(to: string | number, message: CoordinatorMessage | CallerMessage): void {
    if (to === this.#answerTo) {
      this.#answer ??= message
      return
    }
    if (isForCaller(message)) {
      this.#ordering.get(to as number)?.(message)
      return
    }
    const link = this.#links.get(to as number)
    if (link === undefined) return
    if (link.outbox.push(message) === 1) this.#unsent.push(link)
  }

  #flush(): void {
    if (this.#taking > 0 || this.#unsent.length === 0) return
    const links = this.#unsent
    this.#unsent = []
    for (const link of links) {
      const messages = link.outbox
      link.outbox = []
      this.#counts.sent += messages.length
      this.#deliver(link, messages)
    }
  }

  #deliver(link: Link, messages: readonly CoordinatorMessage[]): void {
    try {
      link.deliver(messages)
    } catch (error) {
      // One broken link must not take the coordinator of all others with it. Its members come back on another one, or expire.
      this.#links.delete(link.address)
      this.#options.telemetry?.log('error', 'a link failed while it was written to, and was dropped', { error })
    }
  }

  view(): CoordinatorView {
    return this.#coordinator.view()
  }

  viewOf(group: string): GroupView | undefined {
    return this.#coordinator.viewOf(group)
  }

  services(): readonly ServiceCount[] {
    return servicesIn(this.#coordinator.view().groups)
  }

  service(name: string): ServiceView {
    const picture = this.#coordinator.service(name, this.#options.clock.now())
    return { name, revision: this.#log.revisionOf(groupOfService(name)), ...picture }
  }

  events(query: EventLogQuery) {
    return this.#log.events(query)
  }

  history(query: PastQuery): GroupPast<RecordedEvent> {
    return this.#log.history(query)
  }

  counters(): Readonly<Record<string, number>> {
    return {
      ...this.#counts,
      writes: this.#writer.writes,
      write_failures: this.#writer.failures,
      links: this.#links.size,
      events: this.#log.recorded,
      inbox_dropped: this.#driver.dropped,
      generation: this.#coordinator.generation,
    }
  }

  close(): Promise<void> {
    this.#closed ??= this.#close()
    return this.#closed
  }

  async #close(): Promise<void> {
    this.#driver.close()
    this.#writer.close()
    this.#links.clear()
    this.#unsent = []
    this.#log.close()
    const closed: CallerMessage = {
      type: 'failed',
      code: 'CAUCUS_UNAVAILABLE',
      message: 'the coordinator is stopping; whether the order is durable shows after its next start',
    }
    for (const answer of [...this.#ordering.values()]) answer(closed)
    await this.#bequeath()
    await this.#options.store.close()
  }

  /** From here on nothing is granted, so the next start can know who holds something. Unsaid, it waits for the longest lease instead. */
  async #bequeath(): Promise<void> {
    const { clock, store, telemetry } = this.#options
    if (!store.durable || this.#lost) return
    try {
      await store.save(this.#coordinator.testament(clock.now()))
    } catch (error) {
      telemetry?.log(
        'warn',
        'the store did not take the roll of this stop; the next start waits for the longest lease',
        {
          error,
        },
      )
    }
  }

  #assertOpen(): void {
    if (this.#closed !== undefined) throw new CaucusError('CAUCUS_CLOSED', 'this coordinator has been closed')
  }
}

const isForCaller = (message: CoordinatorMessage | CallerMessage): message is CallerMessage =>
  message.type === 'polled' || message.type === 'removed' || message.type === 'ordered' || message.type === 'failed'

const coordinatorOptions = (options: CoordinatorHostOptions, foundation: Foundation): CoordinatorOptions => {
  const { clock, store, clusterId, defaults, groups, poll, fresh, limits } = options
  return {
    clusterId: clusterId ?? store.instanceId,
    instanceId: store.instanceId,
    foundation,
    startedAt: clock.now(),
    fresh,
    defaults,
    groups: groups ?? new Map(),
    limits,
    ...(poll !== undefined && { poll }),
  }
}
