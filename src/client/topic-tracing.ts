import type { TraceContext } from '../core/dispatch/link-messages.ts'
import type { Answer, Summary, TopicView } from '../core/dispatch/messages.ts'
import type { CaucusError } from '../errors.ts'
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
  ServeContext,
  TopicsPort,
} from '../ports/topics.ts'
import type { AskTrace, TracedRequest, Tracing } from '../ports/tracing.ts'
import { guarded } from '../runtime/tracing.ts'

/** The topics of a backend, with every ask and every request told to a tracing. Who has none uses the backend's own, at no cost. */
export class TracedTopics implements TopicsPort {
  readonly #topics: TopicsPort
  readonly #tracing: Tracing

  constructor(topics: TopicsPort, tracing: Tracing) {
    this.#topics = topics
    this.#tracing = tracing
  }

  produce(request: ProduceRequest, serve: Serve, listener: ProducerListener): ProducerPort {
    const traced: Serve = (payload, context) =>
      this.#tracing.serve(new Served(request, context), (carried) => serve(payload, new Within(context, carried)))
    return this.#topics.produce(request, traced, listener)
  }

  ask(request: AskRequest, sink: AskSink): AskPort {
    const { topic, until, withinMs } = request
    const trace = guarded(() => this.#tracing.beginAsk({ topic, until, withinMs }))
    if (trace === undefined) return this.#topics.ask(request, sink)
    const asking = new Asking(sink, trace)
    const { carried } = trace
    try {
      const port = this.#topics.ask(carried === undefined ? request : { ...request, trace: carried }, asking)
      return {
        abandon: () => {
          asking.abandoned()
          port.abandon()
        },
      }
    } catch (error) {
      guarded(() => asking.over()?.failed(error))
      throw error
    }
  }

  /** Not traced: a listener belongs to no ask. */
  listen(topic: string, sink: ListenerSink): ListenerPort {
    return this.#topics.listen(topic, sink)
  }

  view(topic: string, options?: { signal?: AbortSignal | undefined }): Promise<TopicView | undefined> {
    return this.#topics.view(topic, options)
  }
}

/** Hears for the asker, and tells the tracing who said what, but not what. */
class Asking implements AskSink {
  readonly #sink: AskSink
  #trace: AskTrace | undefined

  constructor(sink: AskSink, trace: AskTrace) {
    this.#sink = sink
    this.#trace = trace
  }

  /** The last word about it may be said, once. */
  over(): AskTrace | undefined {
    const trace = this.#trace
    this.#trace = undefined
    return trace
  }

  answered(answer: Answer): void {
    const { from } = answer
    if (answer.type === 'reply') guarded(() => this.#trace?.answered(from, 'reply'))
    else guarded(() => this.#trace?.answered(from, answer.outcome, answer.error.code))
    this.#sink.answered(answer)
  }

  finished(summary: Summary, tally: { readonly late: number }): void {
    guarded(() => this.over()?.finished(summary))
    this.#sink.finished(summary, tally)
  }

  failed(error: CaucusError): void {
    guarded(() => this.over()?.failed(error))
    this.#sink.failed(error)
  }

  abandoned(): void {
    guarded(() => this.over()?.abandoned())
  }
}

class Served implements TracedRequest {
  readonly #request: ProduceRequest
  readonly #context: ServeContext

  constructor(request: ProduceRequest, context: ServeContext) {
    this.#request = request
    this.#context = context
  }

  get topic(): string {
    return this.#request.topic
  }

  get producer(): string {
    return this.#request.id
  }

  get queue(): string | undefined {
    return this.#request.queue
  }

  get trace(): TraceContext | undefined {
    return this.#context.trace
  }

  get isCalledOff(): boolean {
    return this.#context.isCalledOff
  }
}

/** A request's context, with what its handler's own callees belong to. */
class Within implements ServeContext {
  readonly trace: TraceContext | undefined
  readonly #context: ServeContext

  constructor(context: ServeContext, trace: TraceContext | undefined) {
    this.#context = context
    this.trace = trace
  }

  get signal(): AbortSignal {
    return this.#context.signal
  }

  get from(): string {
    return this.#context.from
  }

  get topic(): string {
    return this.#context.topic
  }

  get remainingMs(): number {
    return this.#context.remainingMs
  }

  get isCalledOff(): boolean {
    return this.#context.isCalledOff
  }
}
