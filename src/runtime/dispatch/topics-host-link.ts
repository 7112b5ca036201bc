import type { Payload, Streamed, TopicsDown, TopicsUp } from '../../core/dispatch/link-messages.ts'
import type { Ending, ListenerKey, PeerKey } from '../../core/dispatch/messages.ts'
import { Table } from '../../core/dispatch/table.ts'
import { CaucusError } from '../../errors.ts'
import type { HostedTopics, TopicsLink } from '../../ports/topics-hosting.ts'
import {
  type AskingLink,
  type HostedAsk,
  type HostedProducer,
  type HostedRequest,
  type LinkAsk,
  type NewProducer,
  type ServingLink,
  SLOW,
} from './topics-host-asks.ts'
import { Copies } from './topics-host-copies.ts'
import type { TopicsLimits } from './topics-host-limits.ts'
import { type AnswersHome, LinkRequests } from './topics-host-requests.ts'
import { IncomingStreams, OutgoingStreams } from './topics-host-streams.ts'

/** What a link asks of the host: everybody else. */
export interface LinkHome extends AnswersHome {
  readonly limits: TopicsLimits
  now(): number
  /** Each gives what the hub made of it, or why it did not. */
  produce(
    producer: NewProducer,
    message: Extract<TopicsUp, { type: 'produce' }>,
    peer: PeerKey,
  ): HostedProducer | string
  listen(listener: HostedListener, topic: string, peer: PeerKey): ListenerKey | string
  ask(link: LinkTopics, message: Extract<TopicsUp, { type: 'ask' }>): void
  withdraw(producer: HostedProducer): void
  leave(producer: HostedProducer): void
  unlisten(listener: ListenerKey): void
  abandon(ask: HostedAsk): void
}

/** Somebody who hears the replies on a topic, as its link knows it. */
export interface HostedListener {
  readonly number: number
  readonly link: LinkTopics
  readonly topic: string
  /** How many replies it was not told of. */
  dropped: number
}

/** What one link has begun, under the numbers that its process gave, and what was asked of it. */
export class LinkTopics implements HostedTopics, ServingLink, AskingLink {
  readonly peer: PeerKey
  readonly name: string
  readonly incoming: IncomingStreams
  readonly outgoing: OutgoingStreams
  readonly copies = new Copies()
  readonly #link: TopicsLink
  readonly #home: LinkHome
  readonly #producers = new Map<number, HostedProducer>()
  readonly #listeners = new Map<number, { readonly key: ListenerKey; readonly listener: HostedListener }>()
  readonly #asks = new Table<LinkAsk>()
  readonly #requests: LinkRequests
  #lastProducer = -1
  #lastListener = -1
  #lastAsk = -1
  #closed = false

  constructor(peer: PeerKey, link: TopicsLink, home: LinkHome) {
    this.peer = peer
    this.name = link.name
    this.#link = link
    this.#home = home
    this.incoming = new IncomingStreams(this, home.limits)
    this.outgoing = new OutgoingStreams(this, home.limits)
    this.#requests = new LinkRequests(this, home)
  }

  get isClosed(): boolean {
    return this.#closed
  }

  get bufferedBytes(): number {
    return this.#link.bufferedBytes
  }

  /** It does not read what it was told. */
  get isSlow(): boolean {
    return this.#link.bufferedBytes > this.#home.limits.linkBytes
  }

  get requests(): number {
    return this.#requests.size
  }

  get streams(): number {
    return this.incoming.size
  }

  now(): number {
    return this.#home.now()
  }

  /** Tells its process, if that is still there. */
  deliver(message: TopicsDown, mayWait?: boolean): void {
    if (!this.#closed) this.#link.deliver(message, mayWait)
  }

  receive(messages: readonly TopicsUp[]): void {
    for (const message of messages) {
      if (this.#closed) return
      const fault = this.#take(message)
      if (fault !== undefined) {
        this.#requests.flush()
        return this.#link.fault(fault)
      }
    }
    this.#requests.flush()
  }

  close(): void {
    if (this.#closed) return
    this.#requests.flush()
    this.#closed = true
    this.outgoing.close()
    this.incoming.close()
    // One by one: to look for what is this link's own among everything that is under way would take the longer, the busier the others are.
    for (const ask of this.#asks.all()) this.#home.abandon(ask)
    for (const { key } of this.#listeners.values()) this.#home.unlisten(key)
    for (const producer of this.#producers.values()) this.#home.leave(producer)
    this.#producers.clear()
    this.#listeners.clear()
  }

  review(faultOf: (what: 'ask' | 'producer' | 'listener', topic: string) => CaucusError | undefined): void {
    for (const producer of [...this.#producers.values()]) {
      const fault = faultOf('producer', producer.topic)
      if (fault === undefined) continue
      this.#home.leave(producer)
      this.#deny('producer', producer.number, fault)
    }
    for (const [number, { key, listener }] of [...this.#listeners]) {
      const fault = faultOf('listener', listener.topic)
      if (fault === undefined) continue
      this.#listeners.delete(number)
      this.#home.unlisten(key)
      this.#deny('listener', number, fault)
    }
    for (const ask of this.#asks.all()) {
      const fault = faultOf('ask', ask.topic)
      if (fault !== undefined) ask.callOff(fault, this.#home)
    }
    for (const stream of this.outgoing.all()) stream.breakOff(faultOf('producer', stream.topic))
    for (const stream of this.incoming.all()) stream.breakOff(faultOf('ask', stream.topic))
  }

  /** An ask of its own is over. */
  ended(ask: LinkAsk): void {
    this.#asks.delete(ask.number)
  }

  /** Why a producer of it gets no more requests now; `undefined`: it does. */
  get refusal(): string | undefined {
    const { requestsPerLink, linkBytes } = this.#home.limits
    if (this.#requests.size >= requestsPerLink) return `its process has not answered ${requestsPerLink} requests`
    return this.isSlow ? `its process has not read ${linkBytes} bytes of what it was sent` : undefined
  }

  /** Hands a request to a producer of this link. */
  request(
    producer: HostedProducer,
    ask: HostedAsk,
    seat: number,
    remainingMs: number,
    payload: Payload,
  ): HostedRequest {
    const { trace, name: from } = ask
    const hosted = this.#requests.add(producer, ask, seat)
    const { number: request } = hosted
    this.deliver({ type: 'request', request, producer: producer.number, from, remainingMs, trace, payload })
    return hosted
  }

  cancel(request: HostedRequest, because: Ending): void {
    if (this.#requests.callOff(request)) this.deliver({ type: 'cancel', request: request.number, because })
  }

  /** A producer of it was taken off. */
  forget(producer: HostedProducer): void {
    if (this.#producers.get(producer.number) === producer) this.#producers.delete(producer.number)
    for (const request of producer.open()) this.#requests.callOff(request)
  }

  hear(listener: HostedListener, from: string, payload: Payload | Streamed): void {
    // One stream has one reader.
    if (payload.kind === 'stream' || this.isSlow) return this.miss(listener)
    this.#tellGap(listener)
    this.deliver({ type: 'heard', listener: listener.number, from, payload })
  }

  /** It is not told of a reply. */
  miss(listener: HostedListener): void {
    listener.dropped++
    this.#home.watch(this)
  }

  /** Looks after what waits for room or time. True when it has to be looked after again soon, undefined: not at all. */
  look(now: number): boolean | undefined {
    this.incoming.look(now)
    let waits = this.incoming.isWaiting
    for (const { listener } of this.#listeners.values()) {
      if (listener.dropped > 0 && this.isSlow) waits = true
      else this.#tellGap(listener)
    }
    return waits || this.incoming.size > 0 ? waits : undefined
  }

  #tellGap(listener: HostedListener): void {
    const { dropped, number } = listener
    if (dropped === 0) return
    listener.dropped = 0
    this.deliver({ type: 'gap', listener: number, dropped })
  }

  /** Says what is wrong with it, or `undefined`. */
  #take(message: TopicsUp): string | undefined {
    if (message.type === 'reply') return this.#requests.reply(message.request, message.payload)
    // What was answered before was answered in time.
    if (message.type !== 'fail') this.#requests.flush()
    switch (message.type) {
      case 'fail':
        return this.#requests.fail(message)
      case 'ask':
        return this.#ask(message)
      case 'produce':
        return this.#produce(message)
      case 'listen':
        return this.#listen(message)
      case 'abandon': {
        const ask = this.#asks.get(message.ask)
        if (ask !== undefined) this.#home.abandon(ask)
        return undefined
      }
      case 'withdraw':
      case 'leave':
        this.#dismiss(message)
        return undefined
      case 'unlisten': {
        const known = this.#listeners.get(message.listener)
        this.#listeners.delete(message.listener)
        if (known !== undefined) this.#home.unlisten(known.key)
        return undefined
      }
      case 'chunk':
      case 'end':
        return this.#requests.faultOf(message.stream) ?? this.outgoing.receive(message)
      case 'credit':
      case 'stop': {
        const fault = this.incoming.receive(message)
        // Who waits for room is looked after until there is some: nobody says when.
        if (this.incoming.isWaiting) this.#home.watch(this)
        return fault
      }
    }
  }

  #ask(message: Extract<TopicsUp, { type: 'ask' }>): string | undefined {
    const { ask } = message
    if (ask <= this.#lastAsk) return used('ask', ask)
    this.#lastAsk = ask
    const { asksPerLink } = this.#home.limits
    if (this.#asks.size >= asksPerLink) {
      this.#deny('ask', ask, overloaded(`${asksPerLink} asks of this process are under way already`))
      return undefined
    }
    if (this.isSlow) {
      this.#deny('ask', ask, overloaded(SLOW))
      return undefined
    }
    this.#home.ask(this, message)
    return undefined
  }

  /** It is under way. */
  began(ask: LinkAsk): void {
    this.#asks.set(ask.number, ask)
  }

  #produce(message: Extract<TopicsUp, { type: 'produce' }>): string | undefined {
    const { producer: number, topic, id } = message
    if (number <= this.#lastProducer) return used('producer', number)
    this.#lastProducer = number
    const { producersPerLink } = this.#home.limits
    if (this.#producers.size >= producersPerLink) {
      this.#deny('producer', number, overloaded(`this process has ${producersPerLink} producers already`))
      return undefined
    }
    const producer = this.#home.produce({ topic, id, number, link: this }, message, this.peer)
    if (typeof producer === 'string') this.#deny('producer', number, overloaded(producer))
    else {
      this.#producers.set(number, producer)
      this.deliver({ type: 'produced', producer: number })
    }
    return undefined
  }

  /** What was never begun, or not let begin, is over already. */
  #dismiss({ type, producer: number }: Extract<TopicsUp, { type: 'withdraw' | 'leave' }>): void {
    const producer = this.#producers.get(number)
    if (producer === undefined) return
    if (type === 'withdraw') this.#home.withdraw(producer)
    else this.#home.leave(producer)
  }

  #listen({ listener: number, topic }: Extract<TopicsUp, { type: 'listen' }>): string | undefined {
    if (number <= this.#lastListener) return used('listener', number)
    this.#lastListener = number
    const { listenersPerLink } = this.#home.limits
    if (this.#listeners.size >= listenersPerLink) {
      this.#deny('listener', number, overloaded(`this process has ${listenersPerLink} listeners already`))
      return undefined
    }
    const listener = { number, link: this, topic, dropped: 0 }
    const key = this.#home.listen(listener, topic, this.peer)
    if (typeof key === 'string') this.#deny('listener', number, overloaded(key))
    else this.#listeners.set(number, { key, listener })
    return undefined
  }

  #deny(what: 'producer' | 'ask' | 'listener', key: number, error: CaucusError): void {
    this.deliver({ type: 'denied', what, key, error: error.toJSON() })
  }
}

const overloaded = (why: string): CaucusError => new CaucusError('CAUCUS_OVERLOADED', why)

const used = (what: string, number: number): string =>
  `the number ${number} of an ${what} was used before; give rising ones`
