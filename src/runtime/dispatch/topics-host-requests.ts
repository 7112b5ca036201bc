import type { Payload, Streamed, TopicsDown, TopicsUp } from '../../core/dispatch/link-messages.ts'
import type { Answer, Given, ProducerKey } from '../../core/dispatch/messages.ts'
import { Table } from '../../core/dispatch/table.ts'
import { errorFromWire } from '../../errors.ts'
import { failureOf, type HostedAsk, type HostedProducer, type HostedRequest, LinkAsk } from './topics-host-asks.ts'
import { MAX_CALLED_OFF, MAX_UNASKED } from './topics-host-limits.ts'
import { type OutgoingStreams, Stream } from './topics-host-streams.ts'
import type { Watched } from './topics-host-upkeep.ts'

/** So the hub counts an answer as late, of its topic too. */
const NO_ASK = 0
const TOO_LATE: Answer = Object.freeze({ type: 'reply', from: '', value: undefined })

export interface AnswersHome {
  /** In order of arrival. */
  answers(answers: readonly Given[]): void
  /** How many answers nobody waited for any more, and how many nobody ever did. */
  late: number
  foreign: number
  /** Something has to be looked after until it is over. */
  watch(link: Watched): void
}

/** What the producers of one link were asked and have not answered. Whatever the link answers has to be one of these. */
export class LinkRequests {
  readonly #link: { readonly outgoing: OutgoingStreams; deliver(message: TopicsDown): void }
  readonly #home: AnswersHome
  readonly #requests = new Table<HostedRequest>()
  #answers: Given[] = []
  #last = 0
  /** How many were called off, and may still be answered. */
  #calledOff = 0
  /** Whose the latest of these were: a topic shows how many answers came too late. Those forgotten are counted for the server alone. */
  #whose = new Table<ProducerKey>()
  #unasked = 0

  constructor(link: { readonly outgoing: OutgoingStreams; deliver(message: TopicsDown): void }, home: AnswersHome) {
    this.#link = link
    this.#home = home
  }

  get size(): number {
    return this.#requests.size
  }

  add(producer: HostedProducer, ask: HostedAsk, seat: number): HostedRequest {
    const request = { number: ++this.#last, producer, ask, seat, before: undefined, after: undefined }
    this.#requests.set(request.number, request)
    producer.add(request)
    return request
  }

  /** Says so of a request that there never was. */
  faultOf(request: number): string | undefined {
    return request > this.#last || request === 0 ? `there was no request ${request}` : undefined
  }

  /** Nobody waits for it any more, though an answer may be on its way. False: there is none any more. */
  callOff(request: HostedRequest): boolean {
    if (!this.#requests.delete(request.number)) return false
    request.producer.remove(request)
    this.#calledOff++
    if (this.#whose.size === MAX_CALLED_OFF) this.#whose = new Table()
    this.#whose.set(request.number, request.producer.key)
    return true
  }

  /** Each says what is wrong with it, or gives `undefined`. */
  reply(number: number, payload: Payload | Streamed): string | undefined {
    const request = this.#requests.get(number)
    if (request === undefined) return this.#isUnasked(number, payload.kind === 'stream')
    if (payload.kind === 'stream') this.#stream(request)
    else this.#answer(request, request.ask.accept(request.producer.id, payload))
    return undefined
  }

  #stream(request: HostedRequest): void {
    const { ask, producer, number } = request
    this.flush()
    // What was answered before may have ended the ask.
    if (this.#requests.get(number) === undefined) return void this.#isUnasked(number, true)
    const { id: from, topic } = producer
    const fault = this.#link.outgoing.fault()
    const stream = new Stream(topic, this.#link.outgoing, number)
    this.#answer(request, fault === undefined ? ask.accept(from, stream) : failureOf(from, fault))
    this.flush()
    if (stream.isOpen && ask instanceof LinkAsk) this.#home.watch(ask.link)
    else stream.refuse()
  }

  fail({ request: number, outcome, error }: Extract<TopicsUp, { type: 'fail' }>): string | undefined {
    const request = this.#requests.get(number)
    if (request === undefined) return this.#isUnasked(number, false)
    const { id: from } = request.producer
    this.#answer(request, { type: 'error', outcome, from, error: errorFromWire(error) })
    return undefined
  }

  #answer(request: HostedRequest, answer: Answer): void {
    const { number, producer, ask, seat } = request
    this.#requests.delete(number)
    producer.remove(request)
    this.#answers.push({ ask: ask.id, seat, producer: producer.key, answer })
  }

  /** Nobody waits for it any more, or nobody ever did. */
  #isUnasked(request: number, isStream: boolean): string | undefined {
    const fault = this.faultOf(request)
    if (fault !== undefined) return fault
    if (isStream) this.#link.deliver({ type: 'stop', stream: request })
    if (this.#calledOff > 0) {
      this.#calledOff--
      this.#late(request)
      return undefined
    }
    this.#home.foreign++
    return ++this.#unasked > MAX_UNASKED ? 'it has answered more often than it was asked' : undefined
  }

  #late(request: number): void {
    const producer = this.#whose.get(request)
    if (producer === undefined) {
      this.#home.late++
      return
    }
    this.#whose.delete(request)
    this.#home.answers([{ ask: NO_ASK, seat: 0, producer, answer: TOO_LATE }])
  }

  /** Hands over what has been answered so far. */
  flush(): void {
    if (this.#answers.length === 0) return
    const answers = this.#answers
    this.#answers = []
    this.#home.answers(answers)
  }
}
