import {
  type CallerMessage,
  Coordinator,
  type CoordinatorEffect,
  type CoordinatorInput,
  type CoordinatorView,
  configuredLeases,
} from '../core/group/coordinator.ts'
import { type Foundation, nextFoundation } from '../core/group/foundation.ts'
import type { CoordinatorMessage, MemberMessage } from '../core/group/messages.ts'
import type { Order } from '../core/group/orders.ts'
import type { GroupPast, PastQuery } from '../core/group/past.ts'
import type { Roll } from '../core/group/roll-call.ts'
import type { GroupHead, GroupView } from '../core/group/view.ts'
import type { Machine } from '../core/machine.ts'
import { groupOfService } from '../core/registry/services.ts'
import { type ServiceCount, servicesIn } from '../core/registry/view.ts'
import type { Instant } from '../core/time.ts'
import { CaucusError } from '../errors.ts'
import type { CoordinatorHosting, Deliver, Guarantees, HostedLink, RecordedEvent } from '../ports/hosting.ts'
import type { ServiceView } from '../ports/registry.ts'
import { type CoordinatorHostOptions, coordinatorOptions } from './coordinator-host-options.ts'
import { OrdersUnderWay } from './coordinator-host-orders.ts'
import { Driver, type Dropped } from './driver.ts'
import { EventLog, type EventLogQuery } from './event-log.ts'
import { FoundationWriter } from './foundation-writer.ts'
import type { Completion } from './tickets.ts'

export type { CoordinatorHostOptions }

/** Where answers go that are read before the call returns. */
const CALLER = 0

interface Link {
  readonly address: number
  readonly deliver: Deliver
  outbox: CoordinatorMessage[]
  /** When the first of them was decided. */
  since: Instant
}

/**
 * Runs a coordinator of groups in this process. Resolves once the generation under which it grants is durable, where the
 * store is; rejects with what the store says.
 */
export const hostCoordinator = async (options: CoordinatorHostOptions): Promise<CoordinatorHosting> => {
  const { store, defaults, groups, poll, leastGeneration } = options
  try {
    const stored = await store.load()
    const leases = configuredLeases({ defaults, groups: groups ?? new Map(), ...(poll !== undefined && { poll }) })
    // A first generation is the seconds of the wall clock, unless somebody has another number.
    const wallMs = leastGeneration === undefined ? options.wallMs() : leastGeneration * 1_000
    const foundation = nextFoundation(stored, leases, wallMs)
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
  readonly #ordering: OrdersUnderWay
  readonly #writer: FoundationWriter
  #closed: Promise<void> | undefined
  /** The store is somebody else's by now, or the coordinator broke: what it says of the members is not to be trusted. */
  #lost = false
  /** Somebody else grants now, or nobody knows that nobody does. */
  #deposed = false
  readonly #counts = { polls: 0, calls: 0, frames: 0, received: 0, sent: 0 }

  constructor(options: CoordinatorHostOptions, foundation: Foundation, roll: Roll | undefined) {
    const { clock, store, telemetry } = options
    this.#options = options
    this.#ordering = new OrdersUnderWay(clock)
    const { durable } = store
    this.guarantees = options.guarantees ?? {
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
    this.#driver = new Driver(this.#underAuthority(this.#coordinator), {
      clock,
      perform: (effect, now) => this.#perform(effect, now),
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

  /**
   * The driver reads the clock, and only then is it asked whether there is authority. So whoever takes over did not yet do so at the step's
   * `now`: who was heard by then was heard before, and whose lease had run out by then held nothing then, however long this process stands
   * still between the reading and the answer, or after it. Asked first and read later, a lease could run out here that the next coordinator has
   * renewed. What is said after a pause harms nobody: a grant counts from the send of a renewal that was heard before `now`.
   */
  #underAuthority(
    coordinator: Coordinator,
  ): Machine<CoordinatorInput | Completion, CoordinatorEffect, CoordinatorView> {
    return {
      step: (input, now) => (this.#hasAuthority() ? coordinator.step(input, now) : []),
      wakeAt: () => coordinator.wakeAt(),
      view: () => coordinator.view(),
    }
  }

  #hasAuthority(): boolean {
    if (this.#deposed) return false
    const { authority, onAuthorityLost } = this.#options
    if (authority === undefined || authority()) return true
    this.#deposed = true
    this.#lost = true
    this.#driver.close()
    this.#ordering.fail('this peer does not lead any more; whether the order is in force shows at the one that does')
    onAuthorityLost?.()
    return false
  }

  attach(deliver: Deliver): HostedLink {
    this.#assertOpen()
    const address = ++this.#lastAddress
    this.#links.set(address, { address, deliver, outbox: [], since: 0 })
    this.#driver.post({ type: 'linked', from: address })
    return {
      receive: (messages, { present } = {}) => this.#receive(address, messages, present),
      gone: (seat) => this.#driver.post({ type: 'gone', from: address, ...seat }),
      close: () => void this.#links.delete(address),
    }
  }

  #receive(address: number, messages: readonly MemberMessage[], present: true | undefined): boolean {
    let taken = true
    this.#taking++
    this.#counts.frames++
    try {
      for (const message of messages) {
        this.#counts.received++
        taken = this.#driver.post({ ...this.#received(address, message), ...(present && { present }) }) && taken
      }
    } finally {
      // Also when that throws: nobody else would be answered any more.
      this.#taking--
    }
    this.#flush()
    return taken
  }

  #received(from: number, message: MemberMessage): CoordinatorInput {
    return { type: 'received', from, message, wallMs: this.#options.wallMs() }
  }

  async call(message: MemberMessage): Promise<CoordinatorMessage | undefined> {
    this.#counts.calls++
    // An address of its own: what is pushed to this member later goes nowhere, and its next call gets it.
    const from = ++this.#lastAddress
    const answer = this.#ask(this.#received(from, message), from)
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
    return this.#ordering.wait(from, () => {
      if (this.#driver.post({ type: 'ordered', from, group, order })) return undefined
      if (this.#deposed) return notLeading()
      return new CaucusError('CAUCUS_OVERLOADED', 'too much waits to be told to the coordinator; give the order again')
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
    if (this.#deposed) throw notLeading()
    return this.#answer
  }

  #perform(effect: CoordinatorEffect, now: Instant): void {
    switch (effect.type) {
      case 'send':
        return this.#send(effect.to, effect.message, now)
      case 'emit':
        this.#recorded(this.#log.record(effect.group, effect.event))
        this.#options.telemetry?.event(effect.event)
        return
      case 'persist':
        return this.#writer.write(effect.ticket, effect.foundation)
    }
  }

  #recorded(recorded: RecordedEvent | undefined): void {
    if (recorded !== undefined) this.#options.onRecorded?.(recorded)
  }

  #send(to: string | number, message: CoordinatorMessage | CallerMessage, now: Instant): void {
    if (to === this.#answerTo) {
      this.#answer ??= message
      return
    }
    if (isForCaller(message)) {
      this.#ordering.answer(to as number, message)
      return
    }
    const link = this.#links.get(to as number)
    if (link === undefined) return
    if (link.outbox.push(message) > 1) return
    link.since = now
    this.#unsent.push(link)
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
      link.deliver(messages, link.since)
    } catch (error) {
      // One broken link must not take the coordinator of all others with it. Its members come back on another one, or expire.
      this.#links.delete(link.address)
      this.#options.telemetry?.log('error', 'a link failed while it was written to, and was dropped', {
        event: 'link.dropped',
        error,
      })
    }
  }

  view(): CoordinatorView {
    return this.#coordinator.view()
  }

  brief() {
    return this.#coordinator.brief()
  }

  viewOf(group: string): GroupView | undefined {
    return this.#coordinator.viewOf(group)
  }

  headOf(group: string): GroupHead | undefined {
    return this.#coordinator.headOf(group)
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
    this.#ordering.fail('the coordinator is stopping; whether the order is durable shows after its next start')
    await this.#bequeath()
    await this.#options.store.close()
  }

  /** From here on nothing is granted, so the next start can know who holds something. Unsaid, it waits for the longest lease instead. */
  async #bequeath(): Promise<void> {
    const { clock, store, telemetry, authority } = this.#options
    if (!store.durable || this.#lost || authority?.() === false) return
    try {
      await store.save(this.#coordinator.testament(clock.now()))
    } catch (error) {
      telemetry?.log(
        'warn',
        'the store did not take the roll of this stop; the next start waits for the longest lease',
        { event: 'store.failed', error },
      )
    }
  }

  #assertOpen(): void {
    if (this.#deposed) throw notLeading()
    if (this.#closed !== undefined) throw new CaucusError('CAUCUS_CLOSED', 'this coordinator has been closed')
  }
}

const notLeading = (): CaucusError =>
  new CaucusError('CAUCUS_NOT_LEADER', 'this peer does not lead any more; ask whoever does')

const isForCaller = (message: CoordinatorMessage | CallerMessage): message is CallerMessage =>
  message.type === 'polled' || message.type === 'removed' || message.type === 'ordered' || message.type === 'failed'
