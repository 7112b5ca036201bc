import type { CaucusError, ErrorCode } from '../../errors.ts'
import type { Instant, Millis } from '../time.ts'

/** Names one ask. A hub never uses it again. */
export type AskId = number
/** Names whoever is at the other end of one link, or one connection in this process. What it began ends with it. */
export type PeerKey = number
/** Names one registration of a producer. A hub never uses it again, so that an answer of an earlier one cannot pass for a later one's. */
export type ProducerKey = number
export type ListenerKey = number
/** The place of a producer among those who are expected to answer one ask, from 0. Small, and checked in constant time. */
export type Seat = number

/** When an ask has what it wants: every reply, the first, that many, or what there is once none came for `quiet` ms after another. */
export type Until = 'all' | 'first' | number | { readonly quiet: Millis }

/** Whom an ask is for, of those on the topic. Without any of it: everybody, and one of each queue. */
export interface Target {
  /** These producers, as far as they are there. */
  readonly id?: string | readonly string[]
  /** Producers whose metadata has these members with these values. */
  readonly metadata?: Readonly<Record<string, unknown>>
  /** So many of them at most: the least busy, in turn. `1` is one of N. */
  readonly pick?: number
}

/** What a producer gave. */
export interface Reply<Value = unknown> {
  readonly type: 'reply'
  /** The producer's id. */
  readonly from: string
  readonly value: Value
}

/** A producer that lives on has no reply: its handler failed, gave what does not fit (`error`), or it has too much waiting (`refused`). */
export interface Failure {
  readonly type: 'error'
  readonly outcome: 'error' | 'refused'
  /** The producer's id. */
  readonly from: string
  readonly error: CaucusError
}

/** What one producer said to an ask: a reply, or why there is none. */
export type Answer = Reply | Failure

/**
 * How an ask ended. `met`: it has what it wanted; `exhausted`: nobody is outstanding any more, and it has not; `timeout`: the limit;
 * `nobody`: nobody was expected; `abandoned`: the asker went away or was closed.
 */
export type Ending = 'met' | 'exhausted' | 'timeout' | 'nobody' | 'abandoned'

/** What became of everybody who was expected: `expected` = `replied` + `errors` + `missing.length` + `released.length`. */
export interface Summary {
  readonly expected: number
  readonly replied: number
  /** Those who answered without a reply; `refused` of them had too much waiting. */
  readonly errors: number
  readonly refused: number
  /** The ids of those who were waited for in vain. */
  readonly missing: readonly string[]
  /** Those of `missing` who went away. */
  readonly left: readonly string[]
  /** The ids of those who were still at work when the ask needed them no more. */
  readonly released: readonly string[]
  readonly ending: Ending
  readonly code?: Extract<ErrorCode, 'CAUCUS_NO_RESPONDERS' | 'CAUCUS_TIMEOUT'>
}

/** One producer on one topic, as it registered. */
export interface Registration {
  readonly producer: ProducerKey
  readonly peer: PeerKey
  readonly topic: string
  readonly id: string
  readonly metadata?: unknown
  /** Of all producers of one queue, one gets each ask. */
  readonly queue?: string | undefined
  readonly concurrency: number
}

/** One answer, with whose it is: `seat` of `ask` must be that producer's. */
export interface Given {
  readonly ask: AskId
  readonly seat: Seat
  readonly producer: ProducerKey
  readonly answer: Answer
}

export interface AskMessage {
  readonly ask: AskId
  readonly peer: PeerKey
  /** The asker's own name for it, which comes back with everything that is for the asker. Nobody looks into it here. */
  readonly asker: unknown
  readonly topic: string
  /** Nobody looks into it here. */
  readonly payload: unknown
  readonly until: Until
  readonly to?: Target | undefined
  /** What is left of the limit: between processes only lengths of time travel, never instants. */
  readonly withinMs: Millis
}

export type HubInput =
  | ({ readonly type: 'produce' } & Registration)
  /** Gets no more requests; answers to those that it has are still taken. */
  | { readonly type: 'withdraw'; readonly producer: ProducerKey }
  /** Gone, and with it whatever it had not answered. */
  | {
      readonly type: 'left'
      readonly producer: ProducerKey
      /** What it had not answered, where that is known: else it is looked for among all asks. */
      readonly requests?: readonly { readonly ask: AskId; readonly seat: Seat }[]
    }
  /** Everything of this peer is gone: producers, listeners and asks. */
  | { readonly type: 'unlinked'; readonly peer: PeerKey }
  | ({ readonly type: 'ask' } & AskMessage)
  /** In order of arrival. */
  | { readonly type: 'answers'; readonly answers: readonly Given[] }
  | { readonly type: 'abandon'; readonly ask: AskId }
  | { readonly type: 'listen'; readonly listener: ListenerKey; readonly peer: PeerKey; readonly topic: string }
  | { readonly type: 'unlisten'; readonly listener: ListenerKey }
  /** From now on the asks of this topic are noted, for whoever looks at them. */
  | { readonly type: 'watch'; readonly topic: string }
  | { readonly type: 'unwatch'; readonly topic: string }

export type HubEffect =
  /** To each of `expected`, whose seat is its place in that list. */
  | {
      readonly type: 'request'
      readonly ask: AskId
      readonly asker: unknown
      readonly payload: unknown
      /** By the hub's clock. */
      readonly deadline: Instant
      readonly expected: readonly Registration[]
    }
  /** To those in these seats: the ask is over, and why. */
  | {
      readonly type: 'cancel'
      readonly ask: AskId
      readonly asker: unknown
      readonly seats: readonly Seat[]
      readonly expected: readonly Registration[]
      readonly ending: Ending
    }
  /** To the asker, in order of arrival. */
  | { readonly type: 'answered'; readonly ask: AskId; readonly asker: unknown; readonly answer: Answer }
  /** To the asker: nothing about this ask follows. */
  | { readonly type: 'finished'; readonly ask: AskId; readonly asker: unknown; readonly summary: Summary }
  | { readonly type: 'heard'; readonly ask: AskId; readonly reply: Reply; readonly listeners: readonly ListenerKey[] }
  /** Another registration took the id on this topic; this one is gone. */
  | { readonly type: 'fenced'; readonly producer: ProducerKey }
  /** Not taken: a limit is reached. */
  | {
      readonly type: 'refused'
      readonly what: 'producer' | 'ask' | 'listener'
      readonly key: number
      /** Of an ask. */
      readonly asker?: unknown
      readonly message: string
    }

/** How a topic is used lately: the asks that ended in the last five to ten seconds, or since it is there. */
export interface TopicRates {
  readonly asksPerSecond: number
  readonly repliesPerSecond: number
  /** Answers without a reply; those of them that had too much waiting are refused. */
  readonly errorsPerSecond: number
  readonly refusedPerSecond: number
  /** Asks that their limit ended. */
  readonly timeoutsPerSecond: number
  /** So long took half of the asks that ended at most, to within a sixteenth; absent where none ended. */
  readonly p50Ms?: number
  /** So long took all but one in a hundred. */
  readonly p99Ms?: number
}

/** A topic as it is now. It is there as long as somebody produces or listens. */
export interface TopicView {
  readonly topic: string
  readonly producers: readonly {
    readonly id: string
    readonly concurrency: number
    /** How many requests wait for their turn. */
    readonly queued: number
    readonly metadata?: unknown
    readonly queue?: string
  }[]
  readonly listeners: number
  /** Answers that came when their ask was over, since the topic is there. They were dropped. */
  readonly late: number
  /** How it is used lately. Not there where messages go from process to process without a server between them. */
  readonly rates?: TopicRates
}

/** What has happened since the hub began. */
export interface HubCounters {
  readonly asks: number
  readonly replies: number
  readonly errors: number
  readonly refused: number
  readonly timedOut: number
  readonly left: number
  readonly released: number
  /** Answers to asks that were over, or that never were. */
  readonly late: number
  /** Answers of somebody who was not asked, and second answers. */
  readonly foreign: number
}
