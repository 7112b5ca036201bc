import type { Payload } from '../../../core/dispatch/link-messages.ts'
import type { Answer, Ending } from '../../../core/dispatch/messages.ts'
import { Table } from '../../../core/dispatch/table.ts'
import { CaucusError } from '../../../errors.ts'
import type { Clock } from '../../../ports/clock.ts'
import type { ProduceRequest, ProducerListener, ProducerPort, Serve } from '../../../ports/topics.ts'
import { Alarm } from '../../../runtime/dispatch/alarm.ts'
import type { Delivery } from '../../../runtime/dispatch/delivery.ts'
import { handlerFailure } from '../../../runtime/dispatch/failure.ts'
import { LocalProducer } from '../../../runtime/dispatch/producer.ts'
import { ReceivedAsk } from '../../../runtime/dispatch/received.ts'
import { dropSource, isSource } from '../../../runtime/dispatch/source.ts'
import type { Turn } from '../../../runtime/dispatch/turn.ts'
import { fromPayload, toPayload } from '../../../wire/topics/payload.ts'
import type { Outbox } from './outbox.ts'
import { type RequestMessage, ServedRequest } from './served.ts'
import type { StreamsOut } from './streams-out.ts'

const FAILED = 'CAUCUS_HANDLER_FAILED'
const NOTHING: Payload = Object.freeze({ kind: 'none' })

/** The producers of this process, and the requests that they have in hand. */
export class Producers {
  readonly #clock: Clock
  readonly #outbox: Outbox
  readonly #streams: StreamsOut
  readonly #producers = new Map<number, LocalProducer>()
  /** Those that the server on this link knows of. */
  readonly #registered = new Set<number>()
  /** By the server's numbers, which mean nothing on the next link. */
  readonly #requests = new Table<ServedRequest>()
  readonly #alarm: Alarm<ServedRequest>
  readonly #turn: Turn
  readonly #now = () => this.#clock.now()
  #last = 0

  constructor(clock: Clock, outbox: Outbox, turn: Turn, streams: StreamsOut) {
    this.#clock = clock
    this.#outbox = outbox
    this.#turn = turn
    this.#streams = streams
    this.#alarm = new Alarm(clock, (request) => this.#expired(request))
  }

  produce(request: ProduceRequest, serve: Serve, listener: ProducerListener): ProducerPort {
    const key = ++this.#last
    const producer: LocalProducer = new LocalProducer(key, request, serve, listener, {
      turn: this.#turn,
      peer: 0,
      answer: (delivery, answer) => this.#answer(delivery, answer, producer),
      withdraw: () => {
        if (this.#registered.has(key)) this.#outbox.say({ type: 'withdraw', producer: key })
      },
      left: () => {
        const isKnown = this.#registered.has(key)
        this.#gone(key)
        if (isKnown) this.#outbox.say({ type: 'leave', producer: key })
      },
    })
    this.#producers.set(key, producer)
    this.#register(key, request)
    return producer
  }

  /** There is a link again. Those who are about to leave are not missed. */
  opened(): void {
    for (const [key, producer] of this.#producers) if (producer.isServing) this.#register(key, producer.request)
  }

  /** What they work on is for nobody any more. */
  lost(): void {
    this.#registered.clear()
    for (const request of this.#requests.all()) {
      this.#forget(request)
      request.over()
    }
    for (const producer of [...this.#producers.values()]) producer.lost()
  }

  registered(key: number): void {
    this.#producers.get(key)?.ready()
  }

  /** By another one with its id, or because it is not let in. */
  ended(key: number, because: 'closed' | 'fenced', error: CaucusError | undefined): void {
    const producer = this.#producers.get(key)
    if (producer === undefined) return
    this.#gone(key)
    producer.end(because, error ?? fenced(producer.request))
  }

  take(message: RequestMessage): void {
    const { request: ask, from: name, trace, remainingMs: withinMs } = message
    const producer = this.#producers.get(message.producer)
    // One that has just left: the server hears of it by now, and says so to the asker.
    if (producer === undefined) return
    let payload: unknown
    try {
      payload = fromPayload(message.payload)
    } catch (error) {
      return this.#fail(ask, 'error', handlerFailure(error))
    }
    const { topic } = producer.request
    const asked = new ReceivedAsk({ ask, name, trace, topic, payload, withinMs }, this.#now)
    const request = new ServedRequest(this.#outbox.link, asked, producer)
    this.#requests.set(ask, request)
    this.#alarm.add(request)
    producer.take(request)
  }

  cancel(number: number, because: Ending): void {
    const request = this.#requests.get(number)
    if (request === undefined) return
    this.#forget(request)
    request.over()
    request.producer.cancel(request, because)
  }

  /** The work is called off. A reply is still sent: whether it is late is for the server's clock to say. */
  #expired(request: ServedRequest): void {
    this.#alarm.remove(request)
    request.over()
    request.producer.cancel(request, 'timeout')
  }

  endAll(error: CaucusError | undefined): void {
    for (const [key, producer] of [...this.#producers]) {
      this.#gone(key)
      producer.end('closed', error)
    }
    this.#alarm.close()
  }

  #register(producer: number, { topic, id, concurrency, queue, metadata }: ProduceRequest): void {
    if (!this.#outbox.isOpen) return
    this.#registered.add(producer)
    this.#outbox.say({ type: 'produce', producer, topic, id, concurrency, queue, metadata })
  }

  /** Its requests are over, since the server hears that it left. */
  #gone(key: number): void {
    const producer = this.#producers.get(key)
    this.#producers.delete(key)
    this.#registered.delete(key)
    for (const request of this.#requests.all()) if (request.producer === producer) this.#forget(request)
    if (producer !== undefined) this.#streams.closeOf(producer)
  }

  #forget(request: ServedRequest): void {
    this.#requests.delete(request.round.ask)
    this.#alarm.remove(request)
  }

  #answer(delivery: Delivery, answer: Answer, producer: LocalProducer): void {
    const request = delivery.round.ask
    const served = this.#requests.get(request)
    if (served !== delivery) return this.#late(delivery)
    this.#forget(served)
    if (answer.type === 'error') return this.#fail(request, answer.outcome, answer.error)
    try {
      if (this.#outbox.isFull) throw overloaded()
      if (!isSource(answer.value)) {
        this.#outbox.say({ type: 'reply', request, payload: toPayload(answer.value, 'the reply', FAILED) })
      } else if (served.isRevoked) throw tooLate()
      else this.#streams.begin(request, answer.value, producer, delivery)
    } catch (error) {
      dropSource(answer)
      this.#fail(request, 'error', handlerFailure(error))
    }
  }

  /** The server counts it, and needs no more of it. On another link it would know nothing of it. */
  #late(delivery: Delivery): void {
    if (!(delivery instanceof ServedRequest) || delivery.link !== this.#outbox.link) return
    this.#outbox.say({ type: 'reply', request: delivery.round.ask, payload: NOTHING })
  }

  #fail(request: number, outcome: 'error' | 'refused', error: CaucusError): void {
    this.#outbox.say({ type: 'fail', request, outcome, error: error.toJSON() })
  }
}

const fenced = ({ id, topic }: ProduceRequest): CaucusError =>
  new CaucusError('CAUCUS_FENCED', `another producer has taken the id ${id} on ${topic}; give each an id of its own`)

const tooLate = (): CaucusError =>
  new CaucusError('CAUCUS_TIMEOUT', 'the stream came after the time limit, by the clock of its producer')

const overloaded = (): CaucusError =>
  new CaucusError('CAUCUS_OVERLOADED', 'the link of this producer does not take what is sent to it')
