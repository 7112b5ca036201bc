import type { TopicsDown, TopicsUp } from '../core/dispatch/link-messages.ts'
import type { HubCounters, TopicView } from '../core/dispatch/messages.ts'
import type { AskPort, AskRequest, AskSink } from './topics.ts'

/** One link of a process, as the host of topics sees it. */
export interface TopicsLink {
  /** Who asks through it: what a producer's handler sees as `from`. */
  readonly name: string
  /** Sends what is for this process, in order; what is delivered in one turn of the loop goes out in one write. */
  deliver(message: TopicsDown): void
  /** What was delivered and has not gone out. Beyond a limit its asks, its requests and its listeners do without. */
  readonly bufferedBytes: number
  /** It said what no process of ours says. The link is closed; nothing more is received. */
  fault(why: string): void
}

export interface HostedTopics {
  /** Taken in order. */
  receive(messages: readonly TopicsUp[]): void
  /** Everything that was begun through the link is over. */
  close(): void
}

/** Whoever answers, asks and listens on topics through a server, as the servers see it. Payloads are `Payload | Streamed`. */
export interface TopicsHosting {
  attach(link: TopicsLink): HostedTopics
  /** An ask without a link (HTTP). `request.payload` is a `Payload`, and so is the value of each reply (or `Streamed`, which nobody reads). */
  ask(from: string, request: AskRequest, sink: AskSink): AskPort
  topic(name: string): TopicView | undefined
  /** Those on which somebody is. */
  topics(): readonly TopicView[]
  counters(): HubCounters
  /** Ends all asks. */
  close(): void
}
