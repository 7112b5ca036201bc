import type { Answer, Failure, Reply, Summary } from '../core/dispatch/messages.ts'
import type { AskPort, AskRequest, AskSink, TopicsPort } from '../ports/topics.ts'
import { dropSource } from '../runtime/dispatch/source.ts'
import { Reader } from '../runtime/reader.ts'
import { AskSummary } from './topic-gathered.ts'

/** The request as it is to be sent, now or once an asynchronous schema has let it through. */
export type Prepared = AskRequest | Promise<AskRequest>

/**
 * The answers to one ask, as they arrive: each expected producer answers at most once. It was sent when it was made; what is not read
 * waits. `break` calls the ask off, and the producers with it. When the loop has ended, `summary` says how it went.
 */
export class Ask<Value = unknown>
  implements AsyncIterableIterator<Reply<Value> | Failure, AskSummary | undefined>, AsyncDisposable
{
  readonly #reader: Reader<Answer>
  readonly #kept: Answer[] = []
  readonly #sink: AskSink
  readonly #signal: AbortSignal | undefined
  #port: AskPort | undefined
  #summary: AskSummary | undefined
  #state: 'asking' | 'ended' | 'calledOff' = 'asking'

  /** Use `topic.ask()`. */
  constructor(topics: TopicsPort, prepared: Prepared, signal: AbortSignal | undefined) {
    this.#sink = {
      answered: (answer) => {
        this.#kept.push(answer)
        this.#reader.wake()
      },
      finished: (summary, tally) => this.#finished(summary, tally),
      failed: (error) => this.#failed(error),
    }
    this.#signal = signal
    this.#reader = new Reader<Answer>({
      take: () => {
        const value = this.#kept.shift()
        return value === undefined ? undefined : { value }
      },
      begin: () => {},
      end: () => this.#callOff(),
    }).open()
    // A listener of its own, not the reader's: it must not outlive the ask, read or unread.
    if (signal?.aborted) this.#onAbort()
    else signal?.addEventListener('abort', this.#onAbort)
    if (!(prepared instanceof Promise)) this.#send(topics, prepared)
    else {
      prepared.then((request) => this.#send(topics, request)).catch((error: unknown) => this.#failed(error))
    }
  }

  /** How it went; there once the loop has ended, or would have. */
  get summary(): AskSummary | undefined {
    return this.#summary
  }

  /** Resolves with the next answer as it arrives, and at the end with the summary. Rejects as the loop does (`topic.ask()`). */
  async next(): Promise<IteratorResult<Reply<Value> | Failure, AskSummary | undefined>> {
    const { done, value } = await this.#reader.next()
    return done === true || value === undefined
      ? { done: true, value: this.#summary }
      : { done: false, value: value as Reply<Value> | Failure }
  }

  /** Calls it off, if it has not ended. */
  async return(): Promise<IteratorReturnResult<AskSummary | undefined>> {
    await this.#reader.return()
    return { done: true, value: this.#summary }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.return()
  }

  [Symbol.asyncIterator](): this {
    return this
  }

  #send(topics: TopicsPort, request: AskRequest): void {
    if (this.#state !== 'asking') return
    const port = topics.ask(request, this.#sink)
    if (this.#state === 'asking') this.#port = port
  }

  #finished(summary: Summary, tally: { readonly late: number }): void {
    this.#end('ended')
    this.#summary = new AskSummary(summary, tally)
    this.#reader.finish()
  }

  #failed(error: unknown): void {
    this.#drop()
    this.#end('ended')
    this.#reader.fail(error)
  }

  readonly #onAbort = () => this.#reader.fail(this.#signal?.reason)

  #callOff(): void {
    this.#drop()
    if (this.#state !== 'asking') return
    this.#port?.abandon()
    this.#end('calledOff')
  }

  /** Nobody reads them any more: of a reply that comes in pieces the source is to know. */
  #drop(): void {
    for (const answer of this.#kept.splice(0)) dropSource(answer)
  }

  #end(state: 'ended' | 'calledOff'): void {
    this.#state = state
    this.#port = undefined
    this.#signal?.removeEventListener('abort', this.#onAbort)
  }
}
