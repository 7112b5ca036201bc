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
}

/** Somebody's handler. What it gives is the reply; what it throws is an `error` outcome. */
export type Serve = (payload: unknown, context: RequestContext) => unknown

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
  ended(error: CaucusError | undefined): void
}

/** Topics as one connection sees them. Everything that it began ends with it. */
export interface TopicsPort {
  produce(request: ProduceRequest, serve: Serve, listener: ProducerListener): ProducerPort
  ask(request: AskRequest, sink: AskSink): AskPort
  listen(topic: string, sink: ListenerSink): ListenerPort
  view(topic: string, options?: { signal?: AbortSignal | undefined }): Promise<TopicView | undefined>
}
