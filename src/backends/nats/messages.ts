import type { Payload, StreamDemand, Streamed, StreamPiece, TraceContext } from '../../core/dispatch/link-messages.ts'
import type { Ending } from '../../core/dispatch/messages.ts'
import type { Millis } from '../../core/time.ts'
import type { ErrorBody } from '../../errors.ts'

/** A producer as its own connection announces it. `producer` is that connection's number for it. */
export interface Announced {
  readonly topic: string
  readonly producer: number
  readonly id: string
  readonly concurrency: number
  /** How many requests wait there, as far as it is told; for whoever looks. */
  readonly queued: number
  readonly queue?: string | undefined
  readonly metadata?: unknown
}

/** What one request is. */
export interface Asking {
  /** The asker's number for it. */
  readonly ask: number
  /** What is left of the limit when it is sent. */
  readonly withinMs: Millis
  readonly trace?: TraceContext | undefined
  readonly payload: Payload
}

/**
 * What connections tell each other. Every frame says whose it is; numbers are those of the connection that began what they name. A
 * connection gets another number each time it has reached a server, so that nothing of before can be taken for something of now.
 */
export type NatsMessage =
  /** To everybody on a topic: each producer that this asker has said it knows takes it, and nobody else. */
  | ({ readonly type: 'ask' } & Asking)
  /** The same to some producers of one connection. */
  | ({ readonly type: 'request'; readonly producers: readonly number[] } & Asking)
  | { readonly type: 'cancel'; readonly ask: number; readonly because: Ending }
  /** The stream of a streamed reply has a number of the producer's connection. */
  | {
      readonly type: 'reply'
      readonly ask: number
      readonly producer: number
      readonly payload: Payload | Streamed
    }
  | {
      readonly type: 'fail'
      readonly ask: number
      readonly producer: number
      readonly outcome: 'error' | 'refused'
      readonly error: ErrorBody
    }
  /** It takes requests, or did so already. `census`: this answers that question; 0: nobody asked. */
  | ({ readonly type: 'producer'; readonly census: number } & Announced)
  /** Takes no more requests; answers to those that it has still come. */
  | { readonly type: 'withdraw'; readonly topic: string; readonly producer: number }
  | { readonly type: 'leave'; readonly topic: string; readonly producer: number }
  /** How many listeners a connection has on a topic. */
  | { readonly type: 'listeners'; readonly topic: string; readonly count: number; readonly census: number }
  /** From an asker: it expects answers from these producers from now on. `name` is what their handlers know it by. */
  | { readonly type: 'known'; readonly topic: string; readonly producers: readonly number[]; readonly name: string }
  /** From an asker: it expects nothing of these any more, of what it has asked before either. */
  | { readonly type: 'unknown'; readonly producers: readonly number[] }
  | { readonly type: 'who'; readonly topic: string; readonly census: number }
  /** The last word to a `who` of one connection. */
  | { readonly type: 'told'; readonly topic: string; readonly census: number }
  /** It takes the id of its subject. Of two that do so at the same time the higher rank has it. */
  | { readonly type: 'claim'; readonly producer: number; readonly rank: number }
  | { readonly type: 'heard'; readonly from: string; readonly payload: Payload | Streamed }
  | { readonly type: 'ping' }
  | { readonly type: 'pong' }
  | StreamPiece
  | StreamDemand

export interface NatsFrame {
  /** The connection that sent it. */
  readonly from: number
  readonly messages: readonly NatsMessage[]
}

/** A message to one connection names so many of its producers. */
const PRODUCERS_AT_A_TIME = 100

/** For a message each. */
export const inParts = (producers: readonly number[]): readonly (readonly number[])[] => {
  const parts: (readonly number[])[] = []
  for (let i = 0; i < producers.length; i += PRODUCERS_AT_A_TIME) {
    parts.push(producers.slice(i, i + PRODUCERS_AT_A_TIME))
  }
  return parts
}
