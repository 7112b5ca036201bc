import type { TraceContext } from '../core/dispatch/link-messages.ts'
import type { Answer, Reply, Summary, Target, TopicView, Until } from '../core/dispatch/messages.ts'
import type { Millis } from '../core/time.ts'
import type { CaucusError } from '../errors.ts'

/** What a handler is told besides the request. */
export interface RequestContext {
  /** Aborts when nobody waits for the reply any more: the ask has ended, or this producer was closed. */
  readonly signal: AbortSignal
  /** Who asks: the name of its connection. */
  readonly from: string
  readonly topic: string
  /** How much of the asker's limit is left, at every read; never below 0. */
  readonly remainingMs: Millis
  /** What the work for this request belongs to, where somebody traces it. For passing on to where tracing does not reach by itself. */
  readonly trace?: TraceContext | undefined
}

/** What whoever serves a request is told besides what a handler sees. */
export interface ServeContext extends RequestContext {
  /** True when nobody waits for the reply any more. Unlike the signal, which is made when it is read, this costs nothing. */
  readonly isCalledOff: boolean
}

/**
 * A reply that comes in pieces: what a handler gives as an async iterable of bytes (a generator, a `Readable`, a web stream), its asker
 * reads as one. It can be read once; leaving the loop stops its source.
 */
export type ReplyStream = AsyncIterable<Uint8Array>

/** Somebody's handler. What it gives is the reply; what it throws is an `error` outcome. */
export type Serve = (payload: unknown, context: ServeContext) => unknown

export interface ProduceRequest {
  readonly topic: string
  readonly id: string
  /** JSON, and nobody changes it any more. */
  readonly metadata?: unknown
  readonly queue?: string | undefined
  readonly concurrency: number
  /** How many requests may wait; one more is refused. */
  readonly queueLimit: number
}

export interface ProducerPort {
  readonly running: number
  readonly queued: number
  /** Takes no more requests, finishes those that it has and leaves. Resolves once it has left. */
  drain(): Promise<void>
  /** Leaves at once: the signals of what runs are aborted, and what was not answered completes as `left`. */
  close(): void
}

export interface ProducerListener {
  /** It is on the roster. */
  ready(): void
  /** It is off the roster, since the way there is lost. `ready` follows when it is on it again. */
  lost?(): void
  /** The last word; without an error it left by itself. */
  ended(error: CaucusError | undefined): void
}

export interface AskRequest {
  readonly topic: string
  readonly payload: unknown
  readonly until: Until
  readonly to?: Target | undefined
  readonly withinMs: Millis
  /** Gives the reply as the asker takes it, or throws why it cannot. It is asked before the reply counts. */
  readonly accept?: ((value: unknown) => unknown) | undefined
  /** Nothing is looked at before the end: answers may come with it. */
  readonly patient?: boolean | undefined
  /** What the producers' spans belong to, when the asker traces. Nobody on the way looks into it. */
  readonly trace?: TraceContext | undefined
}

/** What an asker hears, in order. None of them throws; nothing follows `finished` or `failed`. */
export interface AskSink {
  answered(answer: Answer): void
  /** `tally.late` goes on counting the replies that come too late. */
  finished(summary: Summary, tally: { readonly late: number }): void
  /** Not sent, or called off by the connection's end. */
  failed(error: CaucusError): void
}

export interface AskPort {
  /** Aborts the producers; nothing is heard any more. */
  abandon(): void
}

export interface ListenerPort {
  close(): void
}

export interface ListenerSink {
  heard(reply: Reply): void
  /** So many replies are missing here; `undefined`: nobody knows how many, since the way to them was lost. */
  missed?(dropped: number | undefined): void
  ended(error: CaucusError | undefined): void
}

/** Topics as one connection sees them. Everything that it began ends with it. */
export interface TopicsPort {
  produce(request: ProduceRequest, serve: Serve, listener: ProducerListener): ProducerPort
  ask(request: AskRequest, sink: AskSink): AskPort
  listen(topic: string, sink: ListenerSink): ListenerPort
  view(topic: string, options?: { signal?: AbortSignal | undefined }): Promise<TopicView | undefined>
}
