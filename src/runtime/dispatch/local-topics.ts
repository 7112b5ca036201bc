import { Hub, type HubLimits, type HubView } from '../../core/dispatch/hub.ts'
import type {
  AskId,
  Given,
  HubEffect,
  HubInput,
  ListenerKey,
  PeerKey,
  ProducerKey,
  Registration,
  TopicView,
} from '../../core/dispatch/messages.ts'
import { invariant } from '../../core/machine.ts'
import { CaucusError } from '../../errors.ts'
import type { Clock } from '../../ports/clock.ts'
import type {
  AskPort,
  AskRequest,
  AskSink,
  ListenerPort,
  ListenerSink,
  ProduceRequest,
  ProducerListener,
  Serve,
} from '../../ports/topics.ts'
import { Driver } from '../driver.ts'
import { Delivery } from './delivery.ts'
import { Lingering } from './lingering.ts'
import { LocalProducer } from './producer.ts'
import { type Asker, Round, type RoundHome } from './round.ts'
import { Turn } from './turn.ts'

export interface LocalTopicsOptions {
  /** The monotonic one. */
  readonly clock: Clock
  readonly limits: HubLimits
  /** A fault of ours. Nothing runs any more. */
  onFault(error: unknown): void
}

/** How many calls from inside one turn of the machine may wait. None is made from there: handlers run outside. */
const INBOX_LIMIT = 10_000

/** Topics whose askers, producers and listeners are all in this process. Every connection to it sees the same ones. */
export class LocalTopics implements RoundHome {
  readonly clock: Clock
  readonly #hub: Hub
  readonly #machine: Lingering<HubInput, HubEffect, HubView>
  readonly #driver: Driver<HubInput, HubEffect>
  readonly #turn: Turn
  readonly #producers = new Map<ProducerKey, LocalProducer>()
  readonly #listeners = new Map<ListenerKey, { readonly peer: PeerKey; readonly sink: ListenerSink }>()
  #lastKey = 0

  constructor({ clock, limits, onFault }: LocalTopicsOptions) {
    this.clock = clock
    this.#hub = new Hub(limits)
    const post = (answers: readonly Given[]) => this.#driver.post({ type: 'answers', answers })
    this.#turn = new Turn(post)
    this.#machine = new Lingering(this.#hub, clock, () => post([]))
    this.#driver = new Driver<HubInput, HubEffect>(this.#machine, {
      clock,
      limit: INBOX_LIMIT,
      perform: (effect) => this.#perform(effect),
      afterTurn: () => this.#machine.afterTurn(),
      onFault,
      onDropped: ({ cause }) => onFault(new Error(`dispatch dropped something: ${cause}`)),
    })
  }

  /** What is there, which is nothing once everybody has gone. */
  view(): HubView {
    return this.#hub.view()
  }

  /** A name for one more connection; nobody else gets it. */
  newPeer(): PeerKey {
    return ++this.#lastKey
  }

  topic(name: string): TopicView | undefined {
    return this.#hub.topic(name, this.clock.now())
  }

  produce(peer: PeerKey, request: ProduceRequest, serve: Serve, listener: ProducerListener): LocalProducer {
    const key = ++this.#lastKey
    const producer = new LocalProducer(key, request, serve, listener, {
      turn: this.#turn,
      peer,
      answer: ({ round, seat }, answer) => {
        if (answer.type === 'reply' && !round.isOver && round instanceof Round) round.given++
        this.#turn.answer({ ask: round.ask, seat, producer: key, answer }, --round.awaited === 0)
      },
      withdraw: () => this.#driver.post({ type: 'withdraw', producer: key }),
      left: () => {
        this.#producers.delete(key)
        this.#turn.flush()
        this.#driver.post({ type: 'left', producer: key })
      },
    })
    this.#producers.set(key, producer)
    const { topic, id, metadata, queue, concurrency } = request
    this.#driver.post({ type: 'produce', producer: key, peer, topic, id, metadata, queue, concurrency })
    if (this.#producers.has(key)) producer.ready()
    return producer
  }

  ask(peer: PeerKey, from: Asker, request: AskRequest, sink: AskSink): AskPort {
    const ask = ++this.#lastKey
    const asker = new Round(ask, from, request, sink, this)
    const { topic, payload, until, to, withinMs } = request
    this.#driver.post({ type: 'ask', ask, peer, asker, topic, payload, until, to, withinMs })
    return asker
  }

  abandoned(ask: AskId): void {
    this.#turn.flush()
    this.#driver.post({ type: 'abandon', ask })
  }

  listen(peer: PeerKey, topic: string, sink: ListenerSink): ListenerPort {
    const listener = ++this.#lastKey
    this.#listeners.set(listener, { peer, sink })
    this.#driver.post({ type: 'listen', listener, peer, topic })
    return {
      close: () => {
        if (this.#listeners.delete(listener)) this.#driver.post({ type: 'unlisten', listener })
      },
    }
  }

  /** Ends whatever this peer has begun. */
  disconnect(peer: PeerKey): void {
    this.#turn.flush()
    this.#driver.post({ type: 'unlinked', peer })
    for (const [key, producer] of this.#producers) {
      if (producer.peer !== peer) continue
      this.#producers.delete(key)
      producer.end('closed')
    }
    for (const [key, { peer: whose, sink }] of this.#listeners) {
      if (whose !== peer) continue
      this.#listeners.delete(key)
      sink.ended(undefined)
    }
  }

  /** To be called once everybody has disconnected. */
  close(): void {
    this.#machine[Symbol.dispose]()
    this.#driver.close()
  }

  #perform(effect: HubEffect): void {
    switch (effect.type) {
      case 'answered':
        return roundOf(effect).answered(effect.answer)
      case 'request':
        return this.#request(effect)
      case 'finished':
        return roundOf(effect).finished(effect.summary)
      case 'cancel':
        for (const seat of effect.seats) {
          const delivery = roundOf(effect).deliveries[seat]
          delivery?.producer.cancel(delivery, effect.ending)
        }
        return
      case 'heard':
        for (const key of effect.listeners) this.#listeners.get(key)?.sink.heard(effect.reply)
        return
      case 'fenced': {
        const producer = this.#producers.get(effect.producer)
        this.#producers.delete(effect.producer)
        return producer?.end('fenced', fenced(producer.request))
      }
      case 'refused':
        return this.#refused(effect)
    }
  }

  #request(effect: Extract<HubEffect, { type: 'request' }>): void {
    const { deadline, expected } = effect
    const round = roundOf(effect)
    round.begin(deadline, expected.length)
    for (let seat = 0; seat < expected.length; seat++) {
      const producer = this.#producers.get((expected[seat] as Registration).producer)
      // One that has just gone is about to be taken off the roster, and completes as `left`.
      if (producer === undefined) continue
      const delivery = new Delivery(round, seat, producer)
      round.deliveries[seat] = delivery
      producer.take(delivery)
    }
  }

  #refused(effect: Extract<HubEffect, { type: 'refused' }>): void {
    const { what, key, message } = effect
    const error = new CaucusError('CAUCUS_OVERLOADED', message)
    if (what === 'ask') roundOf(effect).failed(error)
    else if (what === 'producer') {
      const producer = this.#producers.get(key)
      this.#producers.delete(key)
      producer?.end('closed', error)
    } else {
      const listener = this.#listeners.get(key)
      this.#listeners.delete(key)
      listener?.sink.ended(error)
    }
  }
}

/** Every ask here has its round for an asker. */
const roundOf = ({ asker }: { readonly asker?: unknown }): Round => {
  invariant(asker instanceof Round, 'an ask of this process has a round')
  return asker
}

const fenced = ({ id, topic }: ProduceRequest): CaucusError =>
  new CaucusError('CAUCUS_FENCED', `another producer has taken the id ${id} on ${topic}; give each an id of its own`)
