import type { Instant, Millis } from '../../core/time.ts'
import type { EventLoop } from './event-loop.ts'

/** What our programs ask with. The asker says what the producer is to do with it. */
export interface TopicRequest {
  readonly token: string
  readonly want: 'value' | 'stream' | 'failure' | 'endless' | 'mixed'
}

/** What our producers answer with. */
export interface TopicReply {
  readonly token: string
  /** Which registration of a producer gave it. */
  readonly by: number
}

/** One registration of a producer, as the program that made it knows it. */
export interface KnownProducer {
  readonly key: number
  readonly who: string
  readonly id: string
  readonly topic: string
  readonly concurrency: number
  readonly loop: EventLoop
  /** The tokens that it has been given. */
  readonly given: Set<string>
  running: number
}

/** One ask, as the program that made it knows it. */
export interface KnownAsk {
  readonly token: string
  readonly topic: string
  /** In real time. */
  readonly beganMs: Millis
  readonly who: string
  readonly loop: EventLoop
  readonly withinMs: Millis
  readonly beganAt: Instant
  /** How often its process had stood still by then. */
  readonly stops: number
}
