import type { HubCounters, TopicView } from '../../core/dispatch/messages.ts'
import type { AsksSeen } from '../../core/dispatch/sight.ts'
import type { Clock } from '../../ports/clock.ts'
import type { AskPort, AskRequest, AskSink } from '../../ports/topics.ts'
import type { AskObserver, HostedTopics, TopicsHosting, TopicsLink, TopicsSizes } from '../../ports/topics-hosting.ts'
import { connectionClosed } from './round.ts'
import { DirectAsk } from './topics-host-asks.ts'
import { Copies } from './topics-host-copies.ts'
import { HostedHub } from './topics-host-hub.ts'
import { DEFAULT_TOPICS_LIMITS, type TopicsLimits } from './topics-host-limits.ts'
import { LinkTopics } from './topics-host-link.ts'
import { TopicsWatch } from './topics-host-watch.ts'

export interface TopicsHostOptions {
  /** The monotonic one. */
  readonly clock: Clock
  readonly limits?: Partial<TopicsLimits> | undefined
  /** A fault of ours. Nothing runs any more. */
  onFault(error: unknown): void
}

/** Topics of processes that are linked to a server, or ask over HTTP. It carries what they say, and does not look into it. */
export class TopicsHost implements TopicsHosting {
  readonly #hub: HostedHub
  readonly #clock: Clock
  readonly #links = new Set<LinkTopics>()
  readonly #direct = new Set<DirectAsk>()
  /** Of those without a link. */
  readonly #copies = new Copies()
  readonly #observers = new Set<AskObserver>()
  readonly #watch: TopicsWatch
  #closed = false

  constructor({ clock, limits, onFault }: TopicsHostOptions) {
    this.#clock = clock
    this.#hub = new HostedHub({
      clock,
      limits: { ...DEFAULT_TOPICS_LIMITS, ...limits },
      bufferedBytes: () => {
        let bytes = 0
        for (const link of this.#links) bytes += link.bufferedBytes
        return bytes
      },
      finished: (summary, durationMs) => {
        for (const observer of this.#observers) observer(summary, durationMs)
      },
      onFault,
    })
    this.#watch = new TopicsWatch(clock, this.#hub)
  }

  attach(link: TopicsLink): HostedTopics {
    const hosted = new LinkTopics(this.#hub.newKey(), link, this.#hub)
    this.#links.add(hosted)
    return {
      receive: (messages) => hosted.receive(messages),
      review: (faultOf) => hosted.review(faultOf),
      close: () => {
        hosted.close()
        this.#links.delete(hosted)
      },
    }
  }

  ask(from: string, request: AskRequest, sink: AskSink): AskPort {
    const ask = new DirectAsk(this.#hub.newKey(), this.#clock.now(), from, sink, request, {
      copies: this.#copies,
      ended: (over) => void this.#direct.delete(over),
      abandon: (over) => this.#hub.abandon(over),
    })
    if (this.#closed) ask.failed(connectionClosed())
    else {
      this.#direct.add(ask)
      this.#hub.begin(ask, request, DIRECT)
    }
    return ask
  }

  cost(ask: Pick<AskRequest, 'topic' | 'to' | 'until'>): number {
    return this.#hub.hub.cost(ask)
  }

  topic(name: string): TopicView | undefined {
    return this.#hub.hub.topic(name, this.#clock.now())
  }

  topics(): readonly TopicView[] {
    return this.#hub.hub.topics(this.#clock.now())
  }

  counters(): HubCounters {
    const { counters } = this.#hub.hub.view()
    const { late, foreign } = this.#hub
    return { ...counters, late: counters.late + late, foreign: counters.foreign + foreign }
  }

  sizes(): TopicsSizes {
    const { topics, producers, listeners, asks } = this.#hub.hub.view()
    let requests = 0
    let streams = 0
    for (const link of this.#links) {
      requests += link.requests
      streams += link.streams
    }
    return { topics, producers, listeners, asks, requests, streams }
  }

  observe(finished: AskObserver): () => void {
    this.#observers.add(finished)
    return () => void this.#observers.delete(finished)
  }

  watch(
    topic: string,
    { signal }: { readonly signal?: AbortSignal | undefined } = {},
  ): AsyncIterableIterator<AsksSeen, undefined> {
    return this.#watch.begin(topic, signal)
  }

  close(): void {
    if (this.#closed) return
    this.#closed = true
    this.#watch.close()
    for (const ask of this.#direct) {
      ask.failed(connectionClosed())
      this.#hub.abandon(ask)
    }
    for (const link of this.#links) link.close()
    this.#links.clear()
    this.#hub.close()
  }
}

/** No link has this one: keys begin at 1. */
const DIRECT = 0
