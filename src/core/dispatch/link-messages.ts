import type { ErrorBody } from '../../errors.ts'
import type { Millis } from '../time.ts'
import type { Ending, Summary, Target, Until } from './messages.ts'

/**
 * What a process and its server tell each other about topics, over the link that also carries its memberships. Each side names what it
 * began: numbers of producers, listeners and asks are the process's own, rise, and are never used again on one link; those of requests
 * and streams are the server's. Nothing here is said again when a link is lost: the process registers anew on the next one, and asks that
 * were under way have failed.
 */

/** What is carried without being looked into. `none` is `undefined`: a handler that gives nothing. */
export type Payload =
  | { readonly kind: 'none' }
  /** JSON as UTF-8. Whoever sends it answers for its being sound; the server checks it. */
  | { readonly kind: 'json'; readonly bytes: Uint8Array }
  | { readonly kind: 'bytes'; readonly bytes: Uint8Array }

/** A reply that comes in pieces, as its reader makes room for them. It names the stream on this link. */
export interface Streamed {
  readonly kind: 'stream'
  readonly stream: number
}

/** W3C trace context, as the asker has it. Nobody on the way looks into it. */
export interface TraceContext {
  readonly traceparent: string
  readonly tracestate?: string
}

/** What flows with a stream, in the direction of its bytes. */
export type StreamPiece =
  | { readonly type: 'chunk'; readonly stream: number; readonly bytes: Uint8Array }
  /** The last word of a stream; with an error it is not whole. */
  | { readonly type: 'end'; readonly stream: number; readonly error?: ErrorBody }

/** What flows against a stream. */
export type StreamDemand =
  /** So many bytes more may be sent. Before the first of these nothing may. */
  | { readonly type: 'credit'; readonly stream: number; readonly bytes: number }
  /** Nobody reads it any more. */
  | { readonly type: 'stop'; readonly stream: number }

/** From a process to its server. */
export type TopicsUp =
  | {
      readonly type: 'produce'
      readonly producer: number
      readonly topic: string
      readonly id: string
      readonly concurrency: number
      readonly queue?: string | undefined
      readonly metadata?: unknown
    }
  /** Gets no more requests; answers to those that it has are still taken. */
  | { readonly type: 'withdraw'; readonly producer: number }
  | { readonly type: 'leave'; readonly producer: number }
  | { readonly type: 'listen'; readonly listener: number; readonly topic: string }
  | { readonly type: 'unlisten'; readonly listener: number }
  | {
      readonly type: 'ask'
      readonly ask: number
      readonly topic: string
      readonly until: Until
      readonly to?: Target | undefined
      /** What is left of the limit when it is sent. */
      readonly withinMs: Millis
      /** The asker judges replies itself, so it has to know by name who is expected: `asked` comes first. */
      readonly named: boolean
      /** The asker looks at nothing before the end: replies may wait for it. */
      readonly patient: boolean
      readonly trace?: TraceContext | undefined
      readonly payload: Payload
    }
  | { readonly type: 'abandon'; readonly ask: number }
  /** `stream` of a streamed reply is the number of the request. */
  | { readonly type: 'reply'; readonly request: number; readonly payload: Payload | Streamed }
  | {
      readonly type: 'fail'
      readonly request: number
      readonly outcome: 'error' | 'refused'
      readonly error: ErrorBody
    }
  /** Of streams that this process sends. */
  | StreamPiece
  /** Of streams that it reads. */
  | StreamDemand

/** From a server to a process. */
export type TopicsDown =
  /** It is on the roster. */
  | { readonly type: 'produced'; readonly producer: number }
  /** Another one took its id. */
  | { readonly type: 'fenced'; readonly producer: number }
  | {
      readonly type: 'denied'
      readonly what: 'producer' | 'ask' | 'listener'
      readonly key: number
      readonly error: ErrorBody
    }
  | {
      readonly type: 'request'
      readonly request: number
      readonly producer: number
      /** The asker's name. */
      readonly from: string
      readonly remainingMs: Millis
      readonly trace?: TraceContext | undefined
      readonly payload: Payload
    }
  | { readonly type: 'cancel'; readonly request: number; readonly because: Ending }
  | { readonly type: 'asked'; readonly ask: number; readonly expected: readonly string[] }
  | { readonly type: 'answered'; readonly ask: number; readonly from: string; readonly payload: Payload | Streamed }
  | {
      readonly type: 'failed'
      readonly ask: number
      readonly from: string
      readonly outcome: 'error' | 'refused'
      readonly error: ErrorBody
    }
  | { readonly type: 'finished'; readonly ask: number; readonly summary: Summary }
  | { readonly type: 'heard'; readonly listener: number; readonly from: string; readonly payload: Payload | Streamed }
  /** So many replies were not told: their listener did not read. */
  | { readonly type: 'gap'; readonly listener: number; readonly dropped: number }
  /** Of streams that the process reads. */
  | StreamPiece
  /** Of streams that it sends. */
  | StreamDemand
