import { CaucusError } from '../errors.ts'
import type { RequestContext } from '../index.ts'
import { Line, Work } from './ate-line.ts'
import { about, type Backend, payloadOf, type Registration, type Report, type TopicsPort } from './ate-topics.ts'

/** Of one topic, one producer has at most so many requests in hand; one more is refused. */
const IN_HAND = 9_000
const MORE_IN_HAND = 1_000

/** What the dispatcher has to do with a producer, and its subclasses have not. */
interface Inside {
  readonly line: Line
  readonly registrations: Set<ProducerRegistration>
}
let insideOf: (producer: Producer) => Inside
/** Also of a class that extends it. */
export let isProducer: (value: unknown) => value is Producer

/**
 * Answers what is asked on the topics for which it is registered, one request at a time, in the order in which they came, whatever their
 * topics. Extend it. What its method throws ends that request and nothing else.
 */
export abstract class Producer implements AsyncDisposable {
  readonly #inside: Inside = { line: new Line(Number.POSITIVE_INFINITY), registrations: new Set() }

  static {
    insideOf = (producer) => producer.#inside
    isProducer = (value): value is Producer => typeof value === 'object' && value !== null && #inside in value
  }

  /**
   * What it gives, or its promise resolves with, is the response. `context.signal` aborts when nobody waits for that any more, which is
   * at the end of the ttl at the latest.
   */
  abstract produceDispatcherOutput(
    topic: string,
    args: readonly unknown[],
    kwargs: Readonly<Record<string, unknown>>,
    context: RequestContext,
  ): unknown

  /** Answers from now on. What was asked before waits until then, for as long as its ttl lasts. */
  start(): void {
    this.#inside.line.start('producer')
  }

  /**
   * Takes no more requests, and is deregistered wherever it still is. Resolves once those that it has are answered. A producer that was
   * never started answers nothing: they complete as `left`.
   */
  stop(): Promise<void> {
    const { line, registrations } = this.#inside
    const { wasStarted } = line
    const stopped = line.stop()
    for (const registration of registrations) {
      if (wasStarted) registration.end()
      else registration.close()
    }
    return stopped
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.stop()
  }
}

export const isStopped = (producer: Producer): boolean => insideOf(producer).line.isStopped

/** One producer on one topic. */
export class ProducerRegistration implements Registration {
  readonly #producer: Producer
  readonly #topic: string
  readonly #id: string | undefined
  readonly #report: Report
  readonly #onEnded: () => void
  #port: ReturnType<TopicsPort['produce']> | undefined
  #isOver = false

  constructor(
    producer: Producer,
    topic: string,
    { id, report, onEnded }: { readonly id: string | undefined; readonly report: Report; onEnded(): void },
  ) {
    this.#producer = producer
    this.#topic = topic
    this.#id = id
    this.#report = report
    this.#onEnded = onEnded
    insideOf(producer).registrations.add(this)
  }

  open(backend: Backend, topics: TopicsPort): void {
    const request = {
      topic: this.#topic,
      id: this.#id ?? backend.newId(),
      // The order is that of the producer's own line, over all of its topics; here only the bound is kept.
      concurrency: IN_HAND,
      queueLimit: MORE_IN_HAND,
    }
    const serve = (payload: unknown, context: RequestContext) => this.#serve(payload, context)
    this.#port = topics.produce(request, serve, {
      ready: () => {},
      ended: (error) => this.#ended(error),
    })
  }

  end(): void {
    if (this.#port === undefined) this.#ended(undefined)
    // It never rejects; the last word comes to `ended`.
    else void this.#port.drain()
  }

  close(): void {
    if (this.#port === undefined) this.#ended(undefined)
    else this.#port.close()
  }

  #serve(payload: unknown, context: RequestContext): Promise<unknown> {
    const { line } = insideOf(this.#producer)
    const { args, kwargs } = payloadOf(payload)
    return new Promise((resolve, reject) => {
      let leaveLine = () => {}
      const work = new Work(async () => {
        // From here on the handler has the signal, and its place in the line until it settles.
        leaveLine()
        try {
          if (!isGone) resolve(await this.#producer.produceDispatcherOutput(this.#topic, args, kwargs, context))
        } catch (error) {
          reject(error)
        }
      })
      let isGone = false
      const place = line.add(work)
      if (place === 'never') reject(new CaucusError('CAUCUS_CLOSED', 'this producer has been stopped'))
      if (place !== 'later') return
      const { signal } = context
      const onAbort = () => {
        isGone = true
        line.drop(work)
        reject(signal.reason)
      }
      leaveLine = () => signal.removeEventListener('abort', onAbort)
      signal.addEventListener('abort', onAbort, { once: true })
    })
  }

  #ended(error: CaucusError | undefined): void {
    if (this.#isOver) return
    this.#isOver = true
    insideOf(this.#producer).registrations.delete(this)
    this.#onEnded()
    if (error !== undefined) this.#report(about(`a producer of ${this.#topic}`, error, { topic: this.#topic }))
  }
}
