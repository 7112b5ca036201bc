import type { Payload, Streamed } from '../../core/dispatch/link-messages.ts'
import type { Instant, Millis } from '../../core/time.ts'
import type { TopicsHosting } from '../../ports/topics-hosting.ts'
import type { EventLoop } from './event-loop.ts'
import { COORDINATOR } from './network.ts'
import type { ClusterInvariant, Findings } from './violation.ts'

/** A producer as its link has registered it. */
export interface Registered {
  readonly topic: string
  readonly id: string
  isAsked: boolean
}

export interface TappedAsk {
  readonly topic: string
  readonly isForAll: boolean
  readonly beganAt: Instant
  readonly withinMs: Millis
  readonly stops: number
  /** How many were on the topic when it came, and how many of those have no queue. */
  readonly present: { readonly all: number; readonly single: number }
  replied: number
  failed: number
}

export interface Listening {
  readonly topic: string
  /** How many replies there had been on its topic when it said that it listens: some may have been said before in the same frame. */
  readonly from: number
  /** How many replies on its topic it was told of, or told to have missed; `undefined`: not known before the first. */
  at: number | undefined
}

export interface WitnessOptions {
  readonly loop: EventLoop
  readonly findings: Findings
  /** By how much timers come late. */
  readonly lateMs: Millis
}

/** What one link has begun and not ended. */
export interface WitnessedLink {
  readonly producers: Map<number, Registered & { readonly queue: string | undefined }>
  readonly listeners: ReadonlyMap<number, Listening>
  readonly asks: ReadonlyMap<number, TappedAsk>
  readonly requests: ReadonlyMap<number, Registered>
  /** Nothing is expected of it any more. */
  release(producer: Registered): void
}

/** What is known of all links together. */
export class TopicWitness {
  readonly options: WitnessOptions
  readonly links = new Set<WitnessedLink>()
  /** Every reply that an asker was given, by topic, in the order of arrival. */
  readonly replies = new Map<string, (Payload | Streamed)[]>()
  /** Who has left, and when last, by topic and id. */
  readonly left = new Map<string, Instant>()
  /** Whoever takes no more requests because of the present frame: one that came before in it may still have been given to them. */
  readonly dismissed = new Set<Registered>()
  names = 0

  constructor(options: WitnessOptions) {
    this.options = options
  }

  now(): Instant {
    return this.options.loop.grantor.now()
  }

  repliesOn(topic: string): (Payload | Streamed)[] {
    const known = this.replies.get(topic)
    if (known !== undefined) return known
    const replies: (Payload | Streamed)[] = []
    this.replies.set(topic, replies)
    return replies
  }

  leaves(producer: Registered): void {
    const { topic, id } = producer
    this.dismissed.add(producer)
    this.left.set(`${topic} ${id}`, this.now())
  }

  present(topic: string): { all: number; single: number } {
    let all = 0
    let single = 0
    for (const { producers } of this.links) {
      for (const { topic: its, isAsked, queue } of producers.values()) {
        if (its !== topic || !isAsked) continue
        all++
        if (queue === undefined) single++
      }
    }
    return { all, single }
  }

  /** Another one has its id. */
  fenced(topic: string, id: string): void {
    for (const link of this.links) {
      for (const [number, one] of link.producers) {
        if (one.topic !== topic || one.id !== id || !one.isAsked) continue
        link.producers.delete(number)
        one.isAsked = false
        link.release(one)
        this.leaves(one)
      }
    }
  }

  /** P4: the host keeps what the links have begun and not ended, and nothing else. */
  judgeTables(hosting: TopicsHosting): void {
    const { producers, listeners, asks, requests } = hosting.sizes()
    const known = { producers: 0, listeners: 0, asks: 0, requests: 0 }
    for (const link of this.links) {
      known.producers += link.producers.size
      known.listeners += link.listeners.size
      known.asks += link.asks.size
      known.requests += link.requests.size
    }
    const same =
      producers === known.producers &&
      listeners === known.listeners &&
      asks === known.asks &&
      requests === known.requests
    this.must(same, 'P4', () => {
      return `the coordinator keeps ${JSON.stringify({ producers, listeners, asks, requests })}; there are ${JSON.stringify(known)}`
    })
  }

  must(holds: boolean, invariant: ClusterInvariant, what: () => string): void {
    if (!holds) this.options.findings.add(invariant, COORDINATOR, what())
  }
}
