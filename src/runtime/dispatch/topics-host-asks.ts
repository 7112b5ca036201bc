import type { Payload, Streamed, TopicsDown, TopicsUp, TraceContext } from '../../core/dispatch/link-messages.ts'
import type { Answer, AskId, Ending, Failure, ProducerKey, Seat, Summary } from '../../core/dispatch/messages.ts'
import type { Instant, Millis } from '../../core/time.ts'
import { CaucusError } from '../../errors.ts'
import type { AskPort, AskRequest, AskSink } from '../../ports/topics.ts'
import { handlerFailure } from './failure.ts'
import type { Copies } from './topics-host-copies.ts'
import { type IncomingStreams, Stream } from './topics-host-streams.ts'
import type { Watched } from './topics-host-upkeep.ts'

/** A link, as those know it who have to do with its producers. */
export interface ServingLink {
  deliver(message: TopicsDown): void
  /** Why a producer of it gets no more requests now; `undefined`: it does. */
  readonly refusal: string | undefined
  /** Hands a request to one of its producers. */
  request(producer: HostedProducer, ask: HostedAsk, seat: Seat, remainingMs: Millis, payload: Payload): HostedRequest
  /** Nobody waits for the answer any more. */
  cancel(request: HostedRequest, because: Ending): void
  /** A producer of it was taken off. */
  forget(producer: HostedProducer): void
}

/** A link, as its asks know it. */
export interface AskingLink extends Watched {
  readonly name: string
  readonly isSlow: boolean
  readonly incoming: IncomingStreams
  readonly copies: Copies
  deliver(message: TopicsDown, mayWait?: boolean): void
  /** An ask of its own is over. */
  ended(ask: LinkAsk): void
}

export type NewProducer = Pick<HostedProducer, 'topic' | 'id' | 'number' | 'link'>

/** A producer, as its link knows it, with the requests that it has not answered: whoever goes is looked for in no others. */
export class HostedProducer {
  readonly key: ProducerKey
  readonly topic: string
  readonly id: string
  /** The link's own number for it. */
  readonly number: number
  readonly link: ServingLink
  #first: HostedRequest | undefined

  constructor(key: ProducerKey, { topic, id, number, link }: NewProducer) {
    this.key = key
    this.topic = topic
    this.id = id
    this.number = number
    this.link = link
  }

  add(request: HostedRequest): void {
    request.after = this.#first
    if (this.#first !== undefined) this.#first.before = request
    this.#first = request
  }

  remove(request: HostedRequest): void {
    const { before, after } = request
    if (before === undefined) this.#first = after
    else before.after = after
    if (after !== undefined) after.before = before
    request.before = undefined
    request.after = undefined
  }

  open(): readonly HostedRequest[] {
    const requests: HostedRequest[] = []
    for (let request = this.#first; request !== undefined; request = request.after) requests.push(request)
    return requests
  }
}

/** One request that a producer has not answered. */
export interface HostedRequest {
  /** What its link knows it by. */
  readonly number: number
  readonly producer: HostedProducer
  readonly ask: HostedAsk
  readonly seat: Seat
  /** Its neighbours among those of its producer. */
  before: HostedRequest | undefined
  after: HostedRequest | undefined
}

/** One ask that is under way, and who is to hear of it. */
export abstract class HostedAsk {
  readonly id: AskId
  readonly trace: TraceContext | undefined
  readonly startedAt: Instant
  /** By seat, those that are outstanding. */
  requests: (HostedRequest | undefined)[] = NONE

  constructor(id: AskId, startedAt: Instant, trace: TraceContext | undefined) {
    this.id = id
    this.startedAt = startedAt
    this.trace = trace
  }

  /** Who asks. */
  abstract readonly name: string
  /** Of whoever asks. */
  abstract readonly copies: Copies
  /** The reply as it counts: what its asker cannot take is a failure, before anybody hears of it. */
  abstract accept(from: string, value: Payload | Stream): Answer
  /** Who is expected to answer. */
  abstract asked(expected: readonly { readonly id: string }[]): void
  abstract answered(answer: Answer): void
  abstract finished(summary: Summary): void
  abstract failed(error: CaucusError): void
}

const NONE: HostedRequest[] = []

/** One that came over a link. */
export class LinkAsk extends HostedAsk {
  readonly link: AskingLink
  readonly number: number
  readonly topic: string
  readonly #patient: boolean
  #named: boolean
  #over = false

  constructor(
    id: AskId,
    startedAt: Instant,
    link: AskingLink,
    { ask, topic, named, patient, trace }: Extract<TopicsUp, { type: 'ask' }>,
  ) {
    super(id, startedAt, trace)
    this.link = link
    this.number = ask
    this.topic = topic
    this.#named = named
    this.#patient = patient
  }

  get name(): string {
    return this.link.name
  }

  get copies(): Copies {
    return this.link.copies
  }

  accept(from: string, value: Payload | Stream): Answer {
    const { isSlow, incoming } = this.link
    const fault = isSlow ? SLOW : value instanceof Stream ? incoming.fault() : undefined
    return fault === undefined ? { type: 'reply', from, value } : failureOf(from, fault)
  }

  asked(expected: readonly { readonly id: string }[]): void {
    if (!this.#named) return
    this.#named = false
    this.link.deliver({ type: 'asked', ask: this.number, expected: expected.map(({ id }) => id) })
  }

  answered(answer: Answer): void {
    const { number: ask, link } = this
    const { from } = answer
    if (answer.type === 'error') {
      link.deliver({ type: 'failed', ask, from, outcome: answer.outcome, error: answer.error.toJSON() }, this.#patient)
      return
    }
    const { value } = answer
    const payload = value instanceof Stream ? value.openAt(link.incoming) : (value as Payload)
    // Whoever gets a stream has to make room for it.
    link.deliver({ type: 'answered', ask, from, payload }, this.#patient && payload.kind !== 'stream')
  }

  finished(summary: Summary): void {
    if (this.#over) return
    // Nobody was expected.
    this.asked([])
    this.link.ended(this)
    this.link.deliver({ type: 'finished', ask: this.number, summary })
  }

  /** It may not go on. Its producers are told to stop. */
  callOff(error: CaucusError, home: { abandon(ask: HostedAsk): void }): void {
    this.#over = true
    home.abandon(this)
    this.failed(error)
  }

  failed(error: CaucusError): void {
    this.link.ended(this)
    this.link.deliver({ type: 'denied', what: 'ask', key: this.number, error: error.toJSON() })
  }
}

export interface DirectHome {
  /** Of all of these: who is behind one is not known here. */
  readonly copies: Copies
  ended(ask: DirectAsk): void
  abandon(ask: DirectAsk): void
}

/** One without a link, as it comes over HTTP. */
export class DirectAsk extends HostedAsk implements AskPort {
  readonly name: string
  readonly #sink: AskSink
  readonly #accept: AskRequest['accept']
  readonly #home: DirectHome
  #over = false

  constructor(
    id: AskId,
    startedAt: Instant,
    name: string,
    sink: AskSink,
    { accept, trace }: Pick<AskRequest, 'accept' | 'trace'>,
    home: DirectHome,
  ) {
    super(id, startedAt, trace)
    this.name = name
    this.#sink = sink
    this.#accept = accept
    this.#home = home
  }

  get copies(): Copies {
    return this.#home.copies
  }

  accept(from: string, value: Payload | Stream): Answer {
    if (this.#accept === undefined) return { type: 'reply', from, value }
    try {
      return { type: 'reply', from, value: this.#accept(value instanceof Stream ? UNREAD : value) }
    } catch (error) {
      return { type: 'error', outcome: 'error', from, error: handlerFailure(error) }
    }
  }

  asked(): void {
    // Its summary names who is missing.
  }

  answered(answer: Answer): void {
    if (this.#over) return
    const isStream = answer.type === 'reply' && answer.value instanceof Stream
    this.#sink.answered(isStream ? { ...answer, value: UNREAD } : answer)
  }

  finished(summary: Summary): void {
    if (!this.#end()) return
    this.#sink.finished(summary, { late: 0 })
  }

  failed(error: CaucusError): void {
    if (this.#end()) this.#sink.failed(error)
  }

  abandon(): void {
    if (this.#end()) this.#home.abandon(this)
  }

  #end(): boolean {
    if (this.#over) return false
    this.#over = true
    this.#home.ended(this)
    return true
  }
}

/** What an asker is told that does not read. */
export const SLOW =
  'too much waits for the asker to read it already: ask less at once, have large replies streamed, or read them sooner'

/** A stream without a link is read by nobody. */
const UNREAD: Streamed = { kind: 'stream', stream: 0 }

/** What a producer gave, and its asker cannot have. */
export const failureOf = (from: string, why: string): Failure => ({
  type: 'error',
  outcome: 'error',
  from,
  error: new CaucusError('CAUCUS_OVERLOADED', why),
})
