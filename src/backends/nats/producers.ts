import type { Answer, Ending } from '../../core/dispatch/messages.ts'
import type { Millis } from '../../core/time.ts'
import { CaucusError } from '../../errors.ts'
import type { Clock } from '../../ports/clock.ts'
import type { ProduceRequest, ProducerListener, ProducerPort, Serve } from '../../ports/topics.ts'
import { Alarm } from '../../runtime/dispatch/alarm.ts'
import type { Delivery } from '../../runtime/dispatch/delivery.ts'
import { handlerFailure } from '../../runtime/dispatch/failure.ts'
import { LocalProducer } from '../../runtime/dispatch/producer.ts'
import { ReceivedAsk } from '../../runtime/dispatch/received.ts'
import { dropSource, isSource } from '../../runtime/dispatch/source.ts'
import type { Turn } from '../../runtime/dispatch/turn.ts'
import { MAX_PAYLOAD_BYTES } from '../../wire/limits.ts'
import { fromPayload, toPayload } from '../../wire/topics/payload.ts'
import type { Announced, Asking, NatsMessage } from './messages.ts'
import { type Neighbour, ServedRequest } from './neighbour.ts'
import type { Outbox } from './outbox.ts'
import type { Presence } from './presence.ts'
import type { StreamsOut } from './streams.ts'

/** An asker that does not know our producers, but asks them, is told of them no more often than this. */
const NAMED_MS: Millis = 1_000
const NOTHING = Object.freeze({ kind: 'none' as const })

type Of<Type extends NatsMessage['type']> = Extract<NatsMessage, { type: Type }>

export interface ProducersOptions {
  readonly clock: Clock
  readonly outbox: Outbox
  readonly turn: Turn
  readonly streams: StreamsOut
  readonly presence: Presence
  /** There is something to wait for. */
  busy(): void
}

/** The producers of this connection, and the requests that they have in hand. */
export class Producers {
  readonly #options: ProducersOptions
  readonly #producers = new Map<number, LocalProducer>()
  readonly #byTopic = new Map<string, Set<LocalProducer>>()
  /** By topic: who expects answers of which of them. */
  readonly #knownTo = new Map<string, Map<Neighbour, LocalProducer[]>>()
  readonly #alarm: Alarm<ServedRequest>
  readonly #now: () => number
  #inHand = 0
  #last = 0

  constructor(options: ProducersOptions) {
    this.#options = options
    const { clock } = options
    this.#now = () => clock.now()
    this.#alarm = new Alarm(clock, (request) => this.#expired(request))
  }

  /** How many requests are in hand. */
  get inHand(): number {
    return this.#inHand
  }

  produce(request: ProduceRequest, serve: Serve, listener: ProducerListener): ProducerPort {
    const { turn, presence } = this.#options
    const key = ++this.#last
    const producer: LocalProducer = new LocalProducer(key, request, serve, listener, {
      turn,
      peer: 0,
      answer: (delivery, answer) => this.#answer(delivery, answer, producer),
      withdraw: () => presence.withdraw(key, request),
      left: () => {
        this.#gone(producer)
        presence.leave(key, request)
      },
    })
    const { topic, id } = request
    // Who asks has one of the two at most, and the older one knows it at once.
    for (const older of [...(this.#byTopic.get(topic) ?? [])]) if (older.request.id === id) this.#fenced(older)
    this.#producers.set(key, producer)
    this.#byTopic.set(topic, (this.#byTopic.get(topic) ?? new Set()).add(producer))
    this.#enter(producer)
    return producer
  }

  /** There is a server again. Those who are about to leave are not missed. */
  opened(): void {
    for (const producer of this.#producers.values()) if (producer.isServing) this.#enter(producer)
  }

  /** What they work on is for nobody any more. */
  lost(askers: Iterable<Neighbour>): void {
    this.#knownTo.clear()
    for (const asker of askers) {
      for (const requests of asker.requests.all()) {
        for (const request of [...requests]) {
          this.#forget(request)
          request.over()
        }
      }
    }
    for (const producer of [...this.#producers.values()]) producer.lost()
  }

  /** Those that take requests, as they are announced. */
  *announced(topic: string): Iterable<Announced> {
    for (const producer of this.#byTopic.get(topic) ?? []) if (producer.isServing) yield announcementOf(producer)
  }

  /** An asker expects answers of these from now on. */
  known(asker: Neighbour, { topic, producers, name }: Of<'known'>): void {
    asker.name = name
    const askers = this.#knownTo.get(topic) ?? new Map<Neighbour, LocalProducer[]>()
    const known = askers.get(asker) ?? []
    for (const key of producers) {
      const producer = this.#producers.get(key)
      if (producer?.request.topic === topic && !known.includes(producer)) known.push(producer)
    }
    if (known.length === 0) return
    this.#knownTo.set(topic, askers.set(asker, known))
  }

  /** An asker expects nothing of these any more. */
  unknown(asker: Neighbour, producers: readonly number[]): void {
    for (const key of producers) {
      const producer = this.#producers.get(key)
      if (producer === undefined) continue
      const { topic } = producer.request
      const askers = this.#knownTo.get(topic)
      const left = askers?.get(asker)?.filter((each) => each !== producer)
      if (left !== undefined && left.length > 0) askers?.set(asker, left)
      else if (askers?.delete(asker) && askers.size === 0) this.#knownTo.delete(topic)
      for (const request of [...asker.requests.all()].flat()) {
        if (request.local === producer) this.#callOff(request, 'abandoned')
      }
    }
  }

  /** To everybody. */
  ask(asker: Neighbour, topic: string, asking: Asking): void {
    const known = this.#knownTo.get(topic)?.get(asker)
    if (known === undefined) return this.#name(asker, topic)
    for (const producer of known) this.#take(asker, producer, asking)
  }

  /** To some. */
  request(asker: Neighbour, asking: Of<'request'>): void {
    for (const key of asking.producers) {
      const producer = this.#producers.get(key)
      if (producer === undefined) continue
      const known = this.#knownTo.get(producer.request.topic)?.get(asker)
      if (known?.includes(producer)) this.#take(asker, producer, asking)
    }
  }

  cancel(asker: Neighbour, ask: number, because: Ending): void {
    for (const request of [...(asker.requests.get(ask) ?? [])]) this.#callOff(request, because)
  }

  /** Nobody is there any more who would wait for an answer; or it stands still, and hears when it goes on that it has to say again whom it expects. */
  askerGone(asker: Neighbour, because: 'ended' | 'silent'): void {
    for (const requests of asker.requests.all()) {
      const ask = requests[0]?.round.ask
      if (ask !== undefined) this.cancel(asker, ask, 'abandoned')
    }
    for (const [topic, askers] of this.#knownTo) {
      if (because === 'silent') this.#enterAgain(asker, askers.get(asker))
      if (askers.delete(asker) && askers.size === 0) this.#knownTo.delete(topic)
    }
  }

  /** Another connection has taken an id of ours. */
  fenced(key: number): void {
    const producer = this.#producers.get(key)
    if (producer !== undefined) this.#fenced(producer)
  }

  endAll(error: CaucusError | undefined): void {
    for (const producer of [...this.#producers.values()]) {
      this.#gone(producer)
      this.#options.presence.leave(producer.key, producer.request)
      producer.end('closed', error)
    }
    this.#alarm.close()
  }

  #enter(producer: LocalProducer): void {
    const { presence } = this.#options
    presence.enter(announcementOf(producer), () => {
      if (this.#producers.get(producer.key) === producer && producer.isServing) producer.ready()
    })
  }

  #fenced(producer: LocalProducer): void {
    const { id, topic } = producer.request
    this.#gone(producer)
    this.#options.presence.leave(producer.key, producer.request)
    const why = `another producer has taken the id ${id} on ${topic}; give each an id of its own`
    producer.end('fenced', new CaucusError('CAUCUS_FENCED', why))
  }

  /** An asker that has been forgotten here: it hears who is there, and says that it knows. */
  #name(asker: Neighbour, topic: string): void {
    if (!this.#byTopic.has(topic)) return
    const now = this.#now()
    if (now - (asker.namedAt.get(topic) ?? Number.NEGATIVE_INFINITY) < NAMED_MS) return
    asker.namedAt.set(topic, now)
    for (const announced of this.announced(topic)) asker.lane.say({ type: 'producer', census: 0, ...announced })
  }

  #take(asker: Neighbour, producer: LocalProducer, asking: Asking): void {
    // What is on its way to one that takes no more completes as `left`, when it has left.
    if (!producer.isServing) return
    const { ask, trace, withinMs } = asking
    const others = asker.requests.get(ask)
    // It is a request of before, or somebody else's word.
    if (others?.some(({ local }) => local === producer)) return
    let payload: unknown
    try {
      payload = fromPayload(asking.payload)
    } catch (error) {
      return this.#fail(asker, ask, producer, 'error', handlerFailure(error))
    }
    const { topic } = producer.request
    const asked = new ReceivedAsk({ ask, name: asker.name, trace, topic, payload, withinMs }, this.#now)
    const request = new ServedRequest(asker, asked, producer)
    if (others === undefined) asker.requests.set(ask, [request])
    else others.push(request)
    this.#inHand++
    this.#alarm.add(request)
    this.#options.busy()
    producer.take(request)
  }

  /** The work is called off. A reply is still sent: whether it is late is for the asker's clock to say. */
  #expired(request: ServedRequest): void {
    this.#alarm.remove(request)
    request.over()
    request.local.cancel(request, 'timeout')
  }

  /** For whoever expects them and asks before it has read more: they have left, and are there anew. */
  #enterAgain({ lane }: Neighbour, known: readonly LocalProducer[] = []): void {
    for (const producer of known) {
      lane.say({ type: 'leave', topic: producer.request.topic, producer: producer.key })
      if (producer.isServing) lane.say({ type: 'producer', census: 0, ...announcementOf(producer) })
    }
  }

  #callOff(request: ServedRequest, because: Ending): void {
    this.#forget(request)
    request.over()
    request.local.cancel(request, because)
  }

  #forget(request: ServedRequest): void {
    const { asker, round } = request
    const requests = asker.requests.get(round.ask)
    const at = requests?.indexOf(request) ?? -1
    if (requests === undefined || at < 0) return
    this.#inHand--
    if (requests.length === 1) asker.requests.delete(round.ask)
    else requests.splice(at, 1)
    this.#alarm.remove(request)
  }

  #gone(producer: LocalProducer): void {
    const { topic } = producer.request
    this.#producers.delete(producer.key)
    const others = this.#byTopic.get(topic)
    if (others?.delete(producer) && others.size === 0) this.#byTopic.delete(topic)
    const askers = this.#knownTo.get(topic)
    for (const [asker, known] of askers ?? []) {
      for (const requests of asker.requests.all()) {
        for (const request of [...requests]) if (request.local === producer) this.#forget(request)
      }
      const left = known.filter((each) => each !== producer)
      if (left.length > 0) askers?.set(asker, left)
      else askers?.delete(asker)
    }
    if (askers?.size === 0) this.#knownTo.delete(topic)
    this.#options.streams.closeOf(producer)
  }

  #answer(delivery: Delivery, answer: Answer, producer: LocalProducer): void {
    if (!(delivery instanceof ServedRequest)) return
    const { asker, round } = delivery
    const { outbox, streams } = this.#options
    const { ask } = round
    const { key } = producer
    // The asker counts it, and needs no more of it.
    if (!asker.requests.get(ask)?.includes(delivery))
      return asker.lane.say({ type: 'reply', ask, producer: key, payload: NOTHING })
    this.#forget(delivery)
    if (answer.type === 'error') return this.#fail(asker, ask, producer, answer.outcome, answer.error)
    try {
      if (outbox.isFull) throw overloaded()
      if (!isSource(answer.value)) {
        const limit = Math.min(MAX_PAYLOAD_BYTES, outbox.roomBytes)
        const payload = toPayload(answer.value, 'the reply', 'CAUCUS_HANDLER_FAILED', limit)
        asker.lane.say({ type: 'reply', ask, producer: key, payload })
      } else if (delivery.isRevoked) throw tooLate()
      else {
        const stream = streams.begin(asker, answer.value, producer, delivery)
        asker.lane.say({ type: 'reply', ask, producer: key, payload: { kind: 'stream', stream } })
      }
    } catch (error) {
      dropSource(answer)
      this.#fail(asker, ask, producer, 'error', handlerFailure(error))
    }
  }

  #fail(asker: Neighbour, ask: number, { key }: LocalProducer, outcome: 'error' | 'refused', error: CaucusError): void {
    asker.lane.say({ type: 'fail', ask, producer: key, outcome, error: error.toJSON() })
  }
}

const announcementOf = ({ key, request, queued }: LocalProducer): Announced => {
  const { topic, id, concurrency, queue, metadata } = request
  return { topic, producer: key, id, concurrency, queued, queue, metadata }
}

const tooLate = (): CaucusError =>
  new CaucusError('CAUCUS_TIMEOUT', 'the stream came after the time limit, by the clock of its producer')

const overloaded = (): CaucusError =>
  new CaucusError('CAUCUS_OVERLOADED', 'the connection of this producer to NATS does not take what is sent to it')
