import type { Reply } from '../core/dispatch/messages.ts'
import type { CaucusError } from '../errors.ts'
import type { ListenerPort, TopicsPort } from '../ports/topics.ts'
import { Reader } from '../runtime/reader.ts'

/** Stands where replies are missing, since the listener was too slow; `undefined`: since the link was lost, and nobody knows how many. */
export interface HeardGap {
  readonly type: 'gap'
  readonly dropped: number | undefined
}
/** What a result listener gets: every reply on the topic, whoever asked, and a `gap` where some are missing. */
export type Heard<Value = unknown> = Reply<Value> | HeardGap
/** Is called with each reply that a listener hears, one after the other; a promise is waited for before the next. */
export type HeardHandler<Value = unknown> = (heard: Heard<Value>) => unknown

export interface Hearing {
  readonly topic: string
  readonly buffer: number
  readonly signal: AbortSignal | undefined
  /** Gives a reply as the topic's schema has it, or throws. */
  readonly accept: ((value: unknown) => unknown) | undefined
  onEnded(listener: Listener): void
}

/**
 * Hears the replies on a topic from this call on, in order of arrival: loop over it, or give `listen()` a handler. However slow it is,
 * nobody waits for it. Disposing ends it.
 */
export class Listener<Value = unknown> implements AsyncIterableIterator<Heard<Value>, undefined>, AsyncDisposable {
  readonly #hearing: Hearing
  /** What waits to be read. */
  readonly #kept: (Reply | HeardGap)[] = []
  /** How many replies are missing before the first of these. */
  #dropped: number | undefined = 0
  readonly #reader: Reader<Reply | HeardGap>
  readonly #port: ListenerPort | undefined
  #failed = 0
  #error: unknown
  #open = true

  /** Use `topic.listen()`. */
  constructor(topics: TopicsPort, hearing: Hearing, handler: HeardHandler<Value> | undefined) {
    this.#hearing = hearing
    this.#reader = new Reader<Reply | HeardGap>({
      take: () => this.#take(),
      begin: () => {},
      end: () => {
        this.#kept.length = 0
      },
    }).open()
    const { signal } = hearing
    if (signal?.aborted) this.#fail(signal.reason)
    else {
      signal?.addEventListener('abort', this.#onAbort)
      this.#port = topics.listen(hearing.topic, {
        heard: (reply) => this.#keep(reply),
        missed: (dropped) => this.#keep({ type: 'gap', dropped }),
        ended: (error) => this.#ended(error),
      })
    }
    if (handler !== undefined) void this.#run(handler)
  }

  /** How many replies its handler failed on, or did not fit the schema. It goes on with the next one. */
  get failed(): number {
    return this.#failed
  }

  /** What went wrong last. */
  get error(): unknown {
    return this.#error
  }

  /** Resolves with the next reply, or with a gap where some were dropped. Rejects with the reason of the signal, or of its end. */
  async next(): Promise<IteratorResult<Heard<Value>, undefined>> {
    for (;;) {
      const { done, value } = await this.#reader.next()
      if (done === true || value === undefined) return { done: true, value: undefined }
      const heard = await this.#taken(value)
      if (heard !== undefined) return { done: false, value: heard }
    }
  }

  /** Ends it: nothing is heard any more. `break` calls it. */
  async return(): Promise<IteratorReturnResult<undefined>> {
    this.#close()
    await this.#reader.return()
    return { done: true, value: undefined }
  }

  /** Hears nothing more. What a handler is at goes on; this does not wait for it. */
  async [Symbol.asyncDispose](): Promise<void> {
    await this.return()
  }

  [Symbol.asyncIterator](): this {
    return this
  }

  async #run(handler: HeardHandler<Value>): Promise<void> {
    try {
      for await (const heard of this) {
        try {
          await handler(heard)
        } catch (error) {
          this.#note(error)
        }
      }
    } catch (error) {
      // Called off by its signal, or ended by the connection: there is no loop that could be told.
      this.#error ??= error
    }
  }

  async #taken(heard: Reply | HeardGap): Promise<Heard<Value> | undefined> {
    const { accept } = this.#hearing
    if (accept === undefined || heard.type === 'gap') return heard as Heard<Value>
    try {
      return { type: 'reply', from: heard.from, value: (await accept(heard.value)) as Value }
    } catch (error) {
      this.#note(error)
      return undefined
    }
  }

  #keep(heard: Reply | HeardGap): void {
    if (!this.#open) return
    if (this.#kept.push(heard) > this.#hearing.buffer) {
      // The oldest goes. A gap stands for as many as it says, and one that says nothing for nobody knows how many.
      const gone = this.#kept.shift()
      const dropped = gone?.type === 'gap' ? gone.dropped : 1
      this.#dropped = this.#dropped === undefined || dropped === undefined ? undefined : this.#dropped + dropped
    }
    this.#reader.wake()
  }

  #take(): { readonly value: Reply | HeardGap } | undefined {
    const dropped = this.#dropped
    this.#dropped = 0
    if (dropped !== 0) return { value: { type: 'gap', dropped } }
    const value = this.#kept.shift()
    return value === undefined ? undefined : { value }
  }

  #note(error: unknown): void {
    this.#failed++
    this.#error = error
  }

  readonly #onAbort = () => this.#fail(this.#hearing.signal?.reason)

  #fail(reason: unknown): void {
    this.#close()
    this.#reader.fail(reason)
  }

  /** The connection has ended, or a limit was reached. */
  #ended(error: CaucusError | undefined): void {
    if (!this.#open) return
    this.#close()
    if (error === undefined) this.#reader.finish()
    else this.#reader.fail(error)
  }

  #close(): void {
    if (!this.#open) return
    this.#open = false
    this.#hearing.signal?.removeEventListener('abort', this.#onAbort)
    this.#port?.close()
    this.#hearing.onEnded(this as Listener)
  }
}
