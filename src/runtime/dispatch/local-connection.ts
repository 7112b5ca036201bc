import type { PeerKey, TopicView } from '../../core/dispatch/messages.ts'
import type {
  AskPort,
  AskRequest,
  AskSink,
  ListenerPort,
  ListenerSink,
  ProduceRequest,
  ProducerListener,
  ProducerPort,
  Serve,
  TopicsPort,
} from '../../ports/topics.ts'
import type { LocalTopics } from './local-topics.ts'
import { type Asker, connectionClosed } from './round.ts'

/** One connection's door to the topics of its process. */
export class LocalConnection implements TopicsPort, Asker {
  readonly #newName: () => string
  readonly #peer: PeerKey
  readonly #topics: LocalTopics
  #name: string | undefined
  #closed = false

  /** Who asks through it is known by its name, which is drawn when somebody wants to know it. */
  constructor(topics: LocalTopics, newName: () => string) {
    this.#topics = topics
    this.#newName = newName
    this.#peer = topics.newPeer()
  }

  get name(): string {
    this.#name ??= this.#newName()
    return this.#name
  }

  produce(request: ProduceRequest, serve: Serve, listener: ProducerListener): ProducerPort {
    return this.#open().produce(this.#peer, request, serve, listener)
  }

  ask(request: AskRequest, sink: AskSink): AskPort {
    return this.#open().ask(this.#peer, this, request, sink)
  }

  listen(topic: string, sink: ListenerSink): ListenerPort {
    return this.#open().listen(this.#peer, topic, sink)
  }

  async view(topic: string, { signal }: { signal?: AbortSignal | undefined } = {}): Promise<TopicView | undefined> {
    signal?.throwIfAborted()
    return this.#open().topic(topic)
  }

  /** Ends everything that was begun through it. Closing twice is closing once. */
  close(): void {
    if (this.#closed) return
    this.#closed = true
    this.#topics.disconnect(this.#peer)
  }

  #open(): LocalTopics {
    if (this.#closed) throw connectionClosed()
    return this.#topics
  }
}
