import type { HubCounters } from '../core/dispatch/messages.ts'
import { CaucusError } from '../errors.ts'
import type { AskPort, AskRequest, AskSink } from '../ports/topics.ts'
import type { AskObserver, HostedTopics, TopicsHosting, TopicsLink, TopicsSizes } from '../ports/topics-hosting.ts'

const NO_COUNTS: HubCounters = Object.freeze({
  asks: 0,
  replies: 0,
  errors: 0,
  refused: 0,
  timedOut: 0,
  left: 0,
  released: 0,
  late: 0,
  foreign: 0,
})
const NOTHING: TopicsSizes = Object.freeze({ topics: 0, producers: 0, listeners: 0, asks: 0, requests: 0, streams: 0 })

/** Topics as a peer serves them: those of its present reign, and none while it does not lead. */
export class ReignTopics implements TopicsHosting {
  readonly #presentOf: () => TopicsHosting | undefined
  /** They outlive every reign. */
  readonly #observers = new Set<AskObserver>()
  #observed: TopicsHosting | undefined

  constructor(presentOf: () => TopicsHosting | undefined) {
    this.#presentOf = presentOf
  }

  /** That of the present reign, with everybody who observes. */
  get #present(): TopicsHosting | undefined {
    const present = this.#presentOf()
    if (present !== undefined && present !== this.#observed) {
      this.#observed = present
      present.observe((summary, durationMs) => {
        for (const observer of this.#observers) observer(summary, durationMs)
      })
    }
    return present
  }

  get #needed(): TopicsHosting {
    const present = this.#present
    if (present !== undefined) return present
    throw new CaucusError('CAUCUS_NOT_LEADER', 'this peer does not lead; ask whoever does')
  }

  attach(link: TopicsLink): HostedTopics {
    return this.#needed.attach(link)
  }

  ask(from: string, request: AskRequest, sink: AskSink): AskPort {
    return this.#needed.ask(from, request, sink)
  }

  cost(ask: Parameters<TopicsHosting['cost']>[0]): number {
    return this.#present?.cost(ask) ?? 1
  }

  topic(name: string) {
    return this.#present?.topic(name)
  }

  topics() {
    return this.#present?.topics() ?? []
  }

  counters(): HubCounters {
    return this.#present?.counters() ?? NO_COUNTS
  }

  sizes(): TopicsSizes {
    return this.#present?.sizes() ?? NOTHING
  }

  observe(finished: AskObserver): () => void {
    this.#observers.add(finished)
    return () => void this.#observers.delete(finished)
  }

  /** Ends with the reign. */
  watch(topic: string, options?: { readonly signal?: AbortSignal | undefined }) {
    return this.#needed.watch(topic, options)
  }

  /** A reign is its peer's to end. */
  close(): void {}
}
