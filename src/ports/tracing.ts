import type { TraceContext } from '../core/dispatch/link-messages.ts'
import type { Answer, Summary, Until } from '../core/dispatch/messages.ts'
import type { Millis } from '../core/time.ts'
import type { ErrorCode } from '../errors.ts'

/** What a span of an ask may say. Never what is asked. */
export interface TracedAsk {
  readonly topic: string
  readonly until: Until
  readonly withinMs: Millis
}

/** One ask, from the call that sent it. */
export interface AskTrace {
  /** What the producers' spans belong to; `undefined`: nothing is carried. */
  readonly carried: TraceContext | undefined
  /** `code` where there was no reply. */
  answered(from: string, outcome: 'reply' | Exclude<Answer, { type: 'reply' }>['outcome'], code?: ErrorCode): void
  finished(summary: Summary): void
  /** It was not sent, or the connection ended. */
  failed(error: unknown): void
  /** The asker called it off. */
  abandoned(): void
}

/** One request in the hands of one producer. */
export interface TracedRequest {
  readonly topic: string
  /** The producer's id. */
  readonly producer: string
  readonly queue: string | undefined
  /** The asker's. */
  readonly trace?: TraceContext | undefined
  /** Nobody waits for the reply any more. Looked at when the handler has settled. */
  readonly isCalledOff: boolean
}

/**
 * Follows asks from the asker to its producers, whatever lies between them. Nothing in here throws, and without it nothing is done for
 * it. Of `finished`, `failed` and `abandoned` each ask hears one, last.
 */
export interface Tracing {
  /** Called where the ask is made, so that what is active there is what it belongs to. */
  beginAsk(asked: TracedAsk): AskTrace
  /** Calls `run` with what its own callees belong to, gives what it gives, at once or as a promise, and throws what it throws. */
  serve(request: TracedRequest, run: (carried: TraceContext | undefined) => unknown): unknown
}
