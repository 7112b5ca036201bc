import type { Payload, Streamed, TopicsDown } from '../../../core/dispatch/link-messages.ts'
import type { Answer, TopicView } from '../../../core/dispatch/messages.ts'
import { CaucusError, errorFromWire } from '../../../errors.ts'
import type { Clock } from '../../../ports/clock.ts'
import type { TopicsSink, TopicsWire } from '../../../ports/link.ts'
import type {
  AskPort,
  AskRequest,
  AskSink,
  ListenerPort,
  ListenerSink,
  ProduceRequest,
  ProducerListener,
  ProducerPort,
  Serve,
  TopicsPort,
} from '../../../ports/topics.ts'
import { handlerFailure } from '../../../runtime/dispatch/failure.ts'
import { connectionClosed } from '../../../runtime/dispatch/round.ts'
import { StreamIn } from '../../../runtime/dispatch/stream-in.ts'
import { Turn } from '../../../runtime/dispatch/turn.ts'
import { decodeDown } from '../../../wire/topics/down.ts'
import { fromPayload } from '../../../wire/topics/payload.ts'
import { Asks } from './asks.ts'
import { Listeners } from './listeners.ts'
import { Outbox } from './outbox.ts'
import { Producers } from './producers.ts'
import { StreamsIn } from './streams-in.ts'
import { StreamsOut } from './streams-out.ts'

export interface RemoteTopicsOptions {
  /** The monotonic one. */
  readonly clock: Clock
  /** Runs once this turn of the loop is over. */
  soon(run: () => void): void
  view(topic: string, signal: AbortSignal | undefined): Promise<TopicView | undefined>
}

/**
 * Topics over a link to a server, which knows who is there and keeps the asks. Producers and listeners register anew on each link; asks
 * and streams end with theirs.
 */
export class RemoteTopics implements TopicsPort, TopicsSink {
  readonly #view: RemoteTopicsOptions['view']
  readonly #outbox: Outbox
  readonly #asks: Asks
  readonly #producers: Producers
  readonly #listeners: Listeners
  readonly #streamsOut: StreamsOut
  readonly #streamsIn: StreamsIn
  /** Why the server that is there has no topics. */
  #refusal: CaucusError | undefined
  #isClosed = false

  constructor({ clock, soon, view }: RemoteTopicsOptions) {
    this.#view = view
    this.#outbox = new Outbox(clock, soon)
    const turn = new Turn(() => {})
    this.#streamsOut = new StreamsOut(this.#outbox, turn)
    this.#streamsIn = new StreamsIn(clock, this.#outbox)
    this.#producers = new Producers(clock, this.#outbox, turn, this.#streamsOut)
    this.#listeners = new Listeners(this.#outbox)
    this.#asks = new Asks(clock, this.#outbox, discard)
  }

  produce(request: ProduceRequest, serve: Serve, listener: ProducerListener): ProducerPort {
    this.#checkOpen()
    const producer = this.#producers.produce(request, serve, listener)
    if (this.#refusal !== undefined) this.#producers.endAll(this.#refusal)
    return producer
  }

  ask(request: AskRequest, sink: AskSink): AskPort {
    this.#checkOpen()
    if (this.#refusal === undefined) return this.#asks.begin(request, sink)
    sink.failed(this.#refusal)
    return { abandon: () => {} }
  }

  listen(topic: string, sink: ListenerSink): ListenerPort {
    this.#checkOpen()
    const port = this.#listeners.listen(topic, sink)
    if (this.#refusal !== undefined) this.#listeners.endAll(this.#refusal)
    return port
  }

  async view(topic: string, { signal }: { signal?: AbortSignal | undefined } = {}): Promise<TopicView | undefined> {
    signal?.throwIfAborted()
    this.#checkOpen()
    return this.#view(topic, signal)
  }

  opened(wire: TopicsWire): void {
    if (this.#isClosed) return
    this.#refusal = wire.hasTopics ? undefined : tooOld(wire.url)
    if (this.#refusal === undefined) {
      this.#outbox.opened(wire)
      this.#producers.opened()
      return this.#listeners.opened()
    }
    this.#producers.endAll(this.#refusal)
    this.#listeners.endAll(this.#refusal)
  }

  taken(frame: Uint8Array): string | undefined {
    if (this.#refusal !== undefined) return 'a frame about topics, of which it has none'
    const messages = decodeDown(frame)
    if (typeof messages === 'string') return messages
    for (const message of messages) this.#take(message)
    return undefined
  }

  lost(reason: string): void {
    this.#outbox.lost()
    this.#refusal = undefined
    this.#asks.failAll(() => connectionLost(reason, 'this ask was under way: some may have worked on it'))
    this.#streamsIn.failAll(() => connectionLost(reason, 'this stream was under way: it is not whole'))
    this.#streamsOut.lost()
    this.#producers.lost()
    this.#listeners.lost()
  }

  /** Ends everything that was begun here. What has been said still goes out. Closing twice is closing once. */
  close(): void {
    if (this.#isClosed) return
    this.#isClosed = true
    this.#producers.endAll(undefined)
    this.#listeners.endAll(undefined)
    this.#asks.failAll(connectionClosed)
    this.#streamsIn.failAll(connectionClosed)
    this.#asks.close()
    this.#outbox.flush(true)
    this.#outbox.lost()
  }

  #checkOpen(): void {
    if (this.#isClosed) throw connectionClosed()
  }

  #take(message: TopicsDown): void {
    switch (message.type) {
      case 'request':
        return this.#producers.take(message)
      case 'cancel':
        return this.#producers.cancel(message.request, message.because)
      case 'produced':
        return this.#producers.registered(message.producer)
      case 'fenced':
        return this.#producers.ended(message.producer, 'fenced', undefined)
      case 'answered':
        return this.#answered(message)
      case 'failed': {
        const { ask, outcome, from, error } = message
        return this.#asks.get(ask)?.answered({ type: 'error', outcome, from, error: errorFromWire(error) })
      }
      case 'asked':
        return this.#asks.get(message.ask)?.asked(message.expected)
      case 'finished':
        return this.#asks.get(message.ask)?.finished(message.summary)
      case 'denied':
        return this.#denied(message)
      case 'heard':
        return this.#listeners.heard(message)
      case 'gap':
        return this.#listeners.missed(message.listener, message.dropped)
      case 'chunk':
        return this.#streamsIn.get(message.stream)?.chunk(message.bytes)
      case 'end': {
        const stream = this.#streamsIn.get(message.stream)
        return message.error === undefined ? stream?.finish() : stream?.broken(errorFromWire(message.error))
      }
      case 'credit':
        return this.#streamsOut.credit(message.stream, message.bytes)
      case 'stop':
        return this.#streamsOut.stop(message.stream)
    }
  }

  #answered({ ask: number, from, payload }: Extract<TopicsDown, { type: 'answered' }>): void {
    const ask = this.#asks.get(number)
    if (ask !== undefined) return ask.answered(this.#answer(from, payload))
    if (payload.kind === 'stream') this.#streamsIn.stop(payload.stream)
  }

  #answer(from: string, payload: Payload | Streamed): Answer {
    if (payload.kind === 'stream') return { type: 'reply', from, value: this.#streamsIn.open(payload.stream) }
    try {
      return { type: 'reply', from, value: fromPayload(payload) }
    } catch (error) {
      return { type: 'error', outcome: 'error', from, error: handlerFailure(error) }
    }
  }

  #denied({ what, key, error }: Extract<TopicsDown, { type: 'denied' }>): void {
    const denied = errorFromWire(error)
    if (what === 'producer') this.#producers.ended(key, 'closed', denied)
    else if (what === 'listener') this.#listeners.ended(key, denied)
    else this.#asks.get(key)?.fail(denied)
  }
}

/** Its asker does not want it: a stream is not to wait for being read. */
const discard = (answer: Answer): void => {
  if (answer.type === 'reply' && answer.value instanceof StreamIn) void answer.value.return()
}

const tooOld = (url: string): CaucusError =>
  new CaucusError('CAUCUS_PROTOCOL', `${url} is of a version that has no topics; upgrade caucus on the server`)

const connectionLost = (reason: string, what: string): CaucusError =>
  new CaucusError(
    'CAUCUS_CONNECTION_LOST',
    `the link was lost (${reason}) while ${what}; ask again if that does no harm`,
  )
