import type { TopicsDown, TopicsUp } from '../core/dispatch/link-messages.ts'
import type { HubCounters, Summary, TopicView } from '../core/dispatch/messages.ts'
import type { AsksSeen } from '../core/dispatch/sight.ts'
import type { Millis } from '../core/time.ts'
import type { CaucusError } from '../errors.ts'
import type { AskPort, AskRequest, AskSink } from './topics.ts'

/** One link of a process, as the host of topics sees it. */
export interface TopicsLink {
  /** Who asks through it: what a producer's handler sees as `from`. */
  readonly name: string
  /**
   * Sends what is for this process, in order; what is delivered in one turn of the loop goes out in one write. What `mayWait` may go out
   * with whatever is delivered next.
   */
  deliver(message: TopicsDown, mayWait?: boolean): void
  /** What was delivered and has not gone out. Beyond a limit its asks, its requests and its listeners do without. */
  readonly bufferedBytes: number
  /** It said what no process of ours says. The link is closed; nothing more is received. */
  fault(why: string): void
}

export interface HostedTopics {
  /** Taken in order. */
  receive(messages: readonly TopicsUp[]): void
  /** Ends what may not go on: each for which there is an error is denied with it. */
  review(faultOf: (what: 'ask' | 'producer' | 'listener', topic: string) => CaucusError | undefined): void
  /** Everything that was begun through the link is over. */
  close(): void
}

/** What is there at a moment. */
export interface TopicsSizes {
  readonly topics: number
  readonly producers: number
  readonly listeners: number
  readonly asks: number
  /** Requests that wait for their producer's answer. */
  readonly requests: number
  /** Replies that are under way in pieces. */
  readonly streams: number
}

export type AskObserver = (summary: Summary, durationMs: Millis) => void

/** Whoever answers, asks and listens on topics through a server, as the servers see it. Payloads are `Payload | Streamed`. */
export interface TopicsHosting {
  attach(link: TopicsLink): HostedTopics
  /** An ask without a link (HTTP). `request.payload` is a `Payload`, and so is the value of each reply (or `Streamed`, which nobody reads). */
  ask(from: string, request: AskRequest, sink: AskSink): AskPort
  /** What such an ask costs at most now, in messages to others; at least one. Whoever lets asks in holds them to it. */
  cost(ask: Pick<AskRequest, 'topic' | 'to' | 'until'>): number
  topic(name: string): TopicView | undefined
  /** Those on which somebody is. */
  topics(): readonly TopicView[]
  counters(): HubCounters
  /**
   * Yields how a topic is used and its asks: everything that is known first, then a few times a second what is new, newest state only.
   * Nothing is noted while nobody watches. It begins with the first step of the loop; `break` and the signal release it.
   */
  watch(
    topic: string,
    options?: { readonly signal?: AbortSignal | undefined },
  ): AsyncIterableIterator<AsksSeen, undefined>
  /** What is there now; all of it is 0 once everybody has gone. */
  sizes(): TopicsSizes
  /** Called as each ask ends, in the same step, with how long it took. It must be short, and must not throw. Gives what ends it. */
  observe(finished: AskObserver): () => void
  /** Ends all asks. */
  close(): void
}
