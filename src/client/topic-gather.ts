import type { Answer, Failure, Reply, Summary } from '../core/dispatch/messages.ts'
import type { AskPort, AskRequest, AskSink, TopicsPort } from '../ports/topics.ts'
import { dropSource } from '../runtime/dispatch/source.ts'
import type { Prepared } from './topic-ask.ts'
import { Gathered } from './topic-gathered.ts'

/** Waits for the end of an ask and keeps what is answered until then. */
export class Gathering<Value> implements AskSink {
  #replies: Reply<Value>[] | undefined
  #errors: Failure[] | undefined
  readonly #resolve: (gathered: Gathered<Value>) => void
  readonly #reject: (reason: unknown) => void
  readonly #signal: AbortSignal | undefined
  #onAbort: (() => void) | undefined
  #port: AskPort | undefined
  #over = false

  constructor(
    resolve: (gathered: Gathered<Value>) => void,
    reject: (reason: unknown) => void,
    signal: AbortSignal | undefined,
  ) {
    this.#resolve = resolve
    this.#reject = reject
    this.#signal = signal
    if (signal?.aborted) this.#aborted(signal)
    else if (signal !== undefined) {
      this.#onAbort = () => this.#aborted(signal)
      signal.addEventListener('abort', this.#onAbort)
    }
  }

  begin(topics: TopicsPort, prepared: Prepared): void {
    if (!(prepared instanceof Promise)) this.#send(topics, prepared)
    else prepared.then((request) => this.#send(topics, request)).catch((error: unknown) => this.failed(error))
  }

  answered(answer: Answer): void {
    // What the schema of the topic has let through, or what the caller says that it is.
    if (answer.type === 'reply') {
      if (this.#replies === undefined) this.#replies = [answer as Reply<Value>]
      else this.#replies.push(answer as Reply<Value>)
    } else if (this.#errors === undefined) this.#errors = [answer]
    else this.#errors.push(answer)
  }

  finished(summary: Summary, tally: { readonly late: number }): void {
    if (this.#end()) this.#resolve(new Gathered(this.#replies ?? [], this.#errors ?? [], summary, tally))
  }

  failed(error: unknown): void {
    if (!this.#end()) return
    // Nobody gets what has come: of a reply that comes in pieces the source is to know.
    for (const reply of this.#replies ?? []) dropSource(reply)
    this.#reject(error)
  }

  #send(topics: TopicsPort, request: AskRequest): void {
    if (this.#over) return
    try {
      const port = topics.ask(request, this)
      if (!this.#over) this.#port = port
    } catch (error) {
      this.failed(error)
    }
  }

  #aborted(signal: AbortSignal): void {
    this.#port?.abandon()
    this.failed(signal.reason)
  }

  /** False when it was over already. */
  #end(): boolean {
    if (this.#over) return false
    this.#over = true
    this.#port = undefined
    if (this.#onAbort !== undefined) this.#signal?.removeEventListener('abort', this.#onAbort)
    return true
  }
}
