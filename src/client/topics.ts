import { CaucusError } from '../errors.ts'
import type { Backend } from '../ports/backend.ts'
import type { Clock } from '../ports/clock.ts'
import type { ProduceRequest, Serve, TopicsPort } from '../ports/topics.ts'
import type { Tracing } from '../ports/tracing.ts'
import { Topic, type TopicsHome } from './topic.ts'
import { type HeardHandler, type Hearing, Listener } from './topic-listener.ts'
import { checkSchemas, checkTopicName, type TopicSchemas } from './topic-options.ts'
import { Producer } from './topic-producer.ts'
import { TracedTopics } from './topic-tracing.ts'
import type { Workers } from './topic-worker.ts'

/** What topics need of a backend. */
export type TopicsBackend = Pick<Backend, 'topics' | 'clocks' | 'newId'>

/** The topics of one connection, and what it has begun on them. */
export class Topics implements TopicsHome {
  readonly #backend: () => TopicsBackend
  readonly #tracing: Tracing | undefined
  readonly #producers = new Set<Producer>()
  readonly #listeners = new Set<Listener>()

  /** `backend` throws once the connection has been closed. */
  constructor(backend: () => TopicsBackend, tracing?: Tracing) {
    this.#backend = backend
    this.#tracing = tracing
  }

  topic<Request = unknown, Reply = unknown, Received = Request, Returned = Reply>(
    name: string,
    schemas: TopicSchemas<Request, Reply, Received, Returned> = {},
  ): Topic<Request, Reply, Received, Returned> {
    checkTopicName(name)
    checkSchemas(schemas)
    return new Topic(name, schemas, this)
  }

  topics(): TopicsPort {
    const { topics } = this.#backend()
    if (topics !== undefined) return this.#tracing === undefined ? topics : new TracedTopics(topics, this.#tracing)
    throw new CaucusError(
      'CAUCUS_INVALID_ARGUMENT',
      'this backend has no topics; give connect() topics: nats([url]) of caucus/nats, or connect to embedded() or remote([url])',
    )
  }

  get clock(): Clock {
    return this.#backend().clocks.grantor
  }

  newId(): string {
    return this.#backend().newId()
  }

  produce(request: ProduceRequest, serve: Serve, workers?: Workers): Producer {
    const { clocks } = this.#backend()
    const topics = workers?.on(this.topics(), clocks.grantor) ?? this.topics()
    let ended = false
    const producer = new Producer(topics, request, serve, {
      clock: clocks.grantor,
      onEnded: (gone) => {
        ended = true
        this.#producers.delete(gone)
      },
    })
    // A limit may have ended it in the same call.
    if (!ended) this.#producers.add(producer)
    return producer
  }

  listen<Value>(hearing: Omit<Hearing, 'onEnded'>, handler: HeardHandler<Value> | undefined): Listener<Value> {
    let ended = false
    const onEnded = (gone: Listener) => {
      ended = true
      this.#listeners.delete(gone)
    }
    const listener = new Listener<Value>(this.topics(), { ...hearing, onEnded }, handler)
    if (!ended) this.#listeners.add(listener as Listener)
    return listener
  }

  /** Drains every producer. What is asked and heard goes on meanwhile, and ends with the backend. */
  async drain(): Promise<void> {
    await Promise.all([...this.#producers].map((producer) => producer.drain()))
  }
}
