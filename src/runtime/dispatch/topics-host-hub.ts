import { Hub, type HubView } from '../../core/dispatch/hub.ts'
import type { Payload, Streamed, TopicsUp } from '../../core/dispatch/link-messages.ts'
import type {
  Given,
  HubEffect,
  HubInput,
  ListenerKey,
  PeerKey,
  Registration,
  Reply,
  Summary,
} from '../../core/dispatch/messages.ts'
import { Table } from '../../core/dispatch/table.ts'
import { invariant } from '../../core/machine.ts'
import type { Instant } from '../../core/time.ts'
import { CaucusError } from '../../errors.ts'
import type { Clock } from '../../ports/clock.ts'
import type { AskRequest } from '../../ports/topics.ts'
import { Driver } from '../driver.ts'
import { Lingering } from './lingering.ts'
import { HostedAsk, HostedProducer, LinkAsk, type NewProducer } from './topics-host-asks.ts'
import { MAX_NAMES_BYTES, type TopicsLimits } from './topics-host-limits.ts'
import type { HostedListener, LinkHome, LinkTopics } from './topics-host-link.ts'
import { Stream } from './topics-host-streams.ts'
import { Upkeep, type Watched } from './topics-host-upkeep.ts'

export interface HostedHubOptions {
  /** The monotonic one. */
  readonly clock: Clock
  readonly limits: TopicsLimits
  /** What was delivered to all links and has not gone out. */
  bufferedBytes(): number
  /** An ask has ended. */
  finished(summary: Summary, durationMs: number): void
  /** A fault of ours. Nothing runs any more. */
  onFault(error: unknown): void
}

/** What is posted from inside a turn of the machine: one list of answers for those who could not be asked. */
const INBOX_LIMIT = 10_000

/** A hub whose producers, listeners and asks are at the other ends of links, under one key each. */
export class HostedHub implements LinkHome {
  readonly limits: TopicsLimits
  late = 0
  foreign = 0
  readonly #options: HostedHubOptions
  readonly #hub: Hub
  readonly #machine: Lingering<HubInput, HubEffect, HubView>
  readonly #driver: Driver<HubInput, HubEffect>
  readonly #producers = new Table<HostedProducer>()
  readonly #listeners = new Map<ListenerKey, HostedListener>()
  /** By topic and id: who has it is told when another one takes it. */
  readonly #byName = new Map<string, HostedProducer>()
  /** By topic, of the names of its producers. */
  readonly #nameBytes = new Map<string, number>()
  readonly #upkeep: Upkeep
  #lastKey = 0
  /** Why what was posted last was not taken. */
  #refusal: string | undefined

  constructor(options: HostedHubOptions) {
    const { clock, limits, onFault } = options
    this.#options = options
    this.limits = limits
    this.#hub = new Hub(limits)
    this.#upkeep = new Upkeep(clock, limits)
    this.#machine = new Lingering(this.#hub, clock, () => this.answers([]))
    this.#driver = new Driver<HubInput, HubEffect>(this.#machine, {
      clock,
      limit: INBOX_LIMIT,
      perform: (effect, now) => this.#perform(effect, now),
      afterTurn: () => this.#machine.afterTurn(),
      onFault,
      onDropped: ({ cause }) => onFault(new Error(`dispatch dropped something: ${cause}`)),
    })
  }

  get hub(): Pick<Hub, 'cost' | 'topic' | 'topics' | 'use' | 'view' | 'watched'> {
    return this.#hub
  }

  now(): Instant {
    return this.#options.clock.now()
  }

  newKey(): number {
    return ++this.#lastKey
  }

  produce(producer: NewProducer, message: Extract<TopicsUp, { type: 'produce' }>, peer: PeerKey) {
    const { topic, id } = producer
    const { concurrency, queue, metadata } = message
    const name = `${topic}\n${id}`
    const before = this.#byName.get(name)
    if (before !== undefined) this.#fence(before)
    const bytes = (this.#nameBytes.get(topic) ?? 0) + nameBytes(id)
    if (bytes > MAX_NAMES_BYTES) return `the producers of this topic have names of ${MAX_NAMES_BYTES} bytes together`
    const key = this.newKey()
    const hosted = new HostedProducer(key, producer)
    this.#byName.set(name, hosted)
    this.#nameBytes.set(topic, bytes)
    this.#producers.set(key, hosted)
    const refusal = this.#begun({ type: 'produce', producer: key, peer, topic, id, concurrency, queue, metadata })
    if (refusal === undefined) return hosted
    this.#forget(hosted)
    return refusal
  }

  /** Whether the asks of a topic are noted. */
  watchAsks(topic: string, isWatched: boolean): void {
    this.#driver.post({ type: isWatched ? 'watch' : 'unwatch', topic })
  }

  withdraw(producer: HostedProducer): void {
    const name = `${producer.topic}\n${producer.id}`
    // It is off the roster, and finishes what it has: whoever takes its id takes nothing from it.
    if (this.#byName.get(name) === producer) this.#byName.delete(name)
    this.#driver.post({ type: 'withdraw', producer: producer.key })
  }

  leave(producer: HostedProducer): void {
    const requests = producer.open().map(({ ask: { id: ask }, seat }) => ({ ask, seat }))
    this.#forget(producer)
    this.#driver.post({ type: 'left', producer: producer.key, requests })
  }

  listen(listener: HostedListener, topic: string, peer: PeerKey): ListenerKey | string {
    const key = this.newKey()
    this.#listeners.set(key, listener)
    const refusal = this.#begun({ type: 'listen', listener: key, peer, topic })
    if (refusal === undefined) return key
    this.#listeners.delete(key)
    return refusal
  }

  unlisten(key: ListenerKey): void {
    if (this.#listeners.delete(key)) this.#driver.post({ type: 'unlisten', listener: key })
  }

  ask(link: LinkTopics, message: Extract<TopicsUp, { type: 'ask' }>): void {
    const ask = new LinkAsk(this.newKey(), this.now(), link, message)
    link.began(ask)
    this.begin(ask, message, link.peer)
  }

  /** Sends an ask, whoever it is of. */
  begin(asker: HostedAsk, { topic, payload, until, to, withinMs }: Omit<AskRequest, 'accept'>, peer: PeerKey): void {
    this.#driver.post({ type: 'ask', ask: asker.id, peer, asker, topic, payload, until, to, withinMs })
  }

  abandon({ id }: HostedAsk): void {
    this.#driver.post({ type: 'abandon', ask: id })
  }

  answers(answers: readonly Given[]): void {
    this.#driver.post({ type: 'answers', answers })
  }

  watch(link: Watched): void {
    this.#upkeep.watch(link)
  }

  close(): void {
    this.#upkeep.close()
    this.#machine[Symbol.dispose]()
    this.#driver.close()
  }

  /** Posts what may be refused, from outside of any turn, and gives why it was. */
  #begun(input: HubInput): string | undefined {
    this.#refusal = undefined
    this.#driver.post(input)
    return this.#refusal
  }

  #perform(effect: HubEffect, now: Instant): void {
    switch (effect.type) {
      case 'answered':
        return askOf(effect).answered(effect.answer)
      case 'request':
        return this.#request(effect, now)
      case 'finished': {
        const ask = askOf(effect)
        ask.finished(effect.summary)
        return this.#options.finished(effect.summary, now - ask.startedAt)
      }
      case 'cancel': {
        const { requests } = askOf(effect)
        for (const seat of effect.seats) {
          const request = requests[seat]
          request?.producer.link.cancel(request, effect.ending)
        }
        return
      }
      case 'heard':
        return this.#heard(effect)
      case 'fenced': {
        const producer = this.#producers.get(effect.producer)
        if (producer !== undefined) this.#fence(producer)
        return
      }
      case 'refused':
        if (effect.what === 'ask') askOf(effect).failed(overloaded(effect.message))
        else this.#refusal = effect.message
    }
  }

  #request(effect: Extract<HubEffect, { type: 'request' }>, now: Instant): void {
    const { expected, deadline } = effect
    const ask = askOf(effect)
    const payload = effect.payload as Payload
    const bytes = bytesOf(payload)
    ask.asked(expected)
    ask.requests = new Array(expected.length)
    let refused: Given[] | undefined
    let refusal: CaucusError | undefined
    const copies = bytes * expected.length
    let left = this.#roomFor(ask.copies.lately(now) + copies)
    if (left > 0) ask.copies.add(copies)
    for (let seat = 0; seat < expected.length; seat++) {
      const { producer: key } = expected[seat] as Registration
      const producer = this.#producers.get(key)
      // It is about to be taken off the roster, and completes as `left`.
      if (producer === undefined) continue
      left -= bytes
      const why = left < 0 ? TOO_LARGE : producer.link.refusal
      if (why === undefined) {
        ask.requests[seat] = producer.link.request(producer, ask, seat, deadline - now, payload)
      } else {
        refused ??= []
        // Often many for one reason, and to make an error takes longer than all the rest.
        if (refusal?.message !== why) refusal = overloaded(why)
        const answer = { type: 'error', outcome: 'refused', from: producer.id, error: refusal } as const
        refused.push({ ask: ask.id, seat, producer: key, answer })
      }
    }
    if (refused !== undefined) this.answers(refused)
  }

  #heard({ reply, listeners }: Extract<HubEffect, { type: 'heard' }>): void {
    const { from, value } = reply as Reply<Payload | Stream>
    const payload = value instanceof Stream ? STREAM : value
    const bytes = bytesOf(payload)
    let left = this.#roomFor(bytes * listeners.length)
    for (const key of listeners) {
      left -= bytes
      const listener = this.#listeners.get(key)
      if (listener === undefined) continue
      if (left < 0) listener.link.miss(listener)
      else listener.link.hear(listener, from, payload)
    }
  }

  /** How much something may become, of which there are `copies` bytes. To look at all links takes less time than many copies do. */
  #roomFor(copies: number): number {
    const isCrowded = copies > LARGE_BYTES && this.#options.bufferedBytes() > this.limits.waitingBytes
    return isCrowded ? 0 : this.limits.fanOutBytes
  }

  /** Another one takes its id. */
  #fence(producer: HostedProducer): void {
    producer.link.deliver({ type: 'fenced', producer: producer.number })
    this.leave(producer)
  }

  #forget(producer: HostedProducer): void {
    if (!this.#producers.delete(producer.key)) return
    const { topic, id } = producer
    const name = `${topic}\n${id}`
    if (this.#byName.get(name) === producer) this.#byName.delete(name)
    const bytes = (this.#nameBytes.get(topic) ?? 0) - nameBytes(id)
    if (bytes > 0) this.#nameBytes.set(topic, bytes)
    else this.#nameBytes.delete(topic)
    producer.link.forget(producer)
  }
}

/** From here on it counts what a request becomes when it is copied. */
const LARGE_BYTES = 2 ** 20
const TOO_LARGE = 'too much waits to be sent for a request of this size to so many; ask fewer, or later'

const overloaded = (why: string): CaucusError => new CaucusError('CAUCUS_OVERLOADED', why)

const bytesOf = (payload: Payload | Streamed): number =>
  payload.kind === 'json' || payload.kind === 'bytes' ? payload.bytes.length : 0

/** A listener only learns that there is one. */
const STREAM: Streamed = { kind: 'stream', stream: 0 }

/** As many as it takes at most. */
const nameBytes = (id: string): number => 3 * id.length + 2

/** Every ask here is of this host's making. */
const askOf = ({ asker }: { readonly asker?: unknown }): HostedAsk => {
  invariant(asker instanceof HostedAsk, 'an ask over a link is hosted')
  return asker
}
