interface Waiting<T> {
  resolve(result: IteratorResult<T, undefined>): void
  reject(reason: unknown): void
}

export interface ReaderOptions<T> {
  /** The next value for this reader, if there is one now. */
  take(): { readonly value: T } | undefined
  /** The reader begins: register it, and `wake()` it whenever there may be a value. */
  begin(reader: Reader<T>): void
  /** The reader has ended, for whatever reason: forget it. */
  end(reader: Reader<T>): void
  readonly signal?: AbortSignal | undefined
}

/**
 * One loop's end of something that is watched. `break` releases it; so do `return()`, the signal and the end of what is watched.
 *
 * An aborted signal rejects the loop with the signal's reason, as in `events.on` and `timers/promises`: a loop that was called off has not
 * seen everything, and must not look as if it had. It has no promise of its own besides those that its loop waits for.
 */
export class Reader<T> implements AsyncIterableIterator<T, undefined>, AsyncDisposable {
  readonly #options: ReaderOptions<T>
  readonly #waiting: Waiting<T>[] = []
  #state: 'new' | 'open' | 'finishing' | 'over' = 'new'
  #failure: { readonly reason: unknown } | undefined

  constructor(options: ReaderOptions<T>) {
    this.#options = options
  }

  /** Registers. The first `next()` does so by itself, so that a loop that never began leaves nothing behind. */
  open(): this {
    if (this.#state !== 'new') return this
    const { signal } = this.#options
    if (signal?.aborted) {
      this.fail(signal.reason)
      return this
    }
    this.#state = 'open'
    signal?.addEventListener('abort', this.#onAbort)
    this.#options.begin(this)
    return this
  }

  next(): Promise<IteratorResult<T, undefined>> {
    this.open()
    return new Promise((resolve, reject) => {
      this.#waiting.push({ resolve, reject })
      this.wake()
    })
  }

  /** Hands what is there to whoever waits for it. */
  wake(): void {
    for (let first = this.#waiting[0]; first !== undefined; first = this.#waiting[0]) {
      const item = this.#state === 'over' ? undefined : this.#options.take()
      if (item === undefined && this.#state === 'finishing') this.#release()
      if (item === undefined && this.#state !== 'over') return
      this.#waiting.shift()
      const failure = this.#failure
      this.#failure = undefined
      if (failure !== undefined) first.reject(failure.reason)
      else if (item !== undefined) first.resolve({ value: item.value, done: false })
      else first.resolve({ value: undefined, done: true })
    }
  }

  /** Nothing more comes: the loop reads what is there and ends. */
  finish(): void {
    if (this.#state === 'over') return
    this.#state = 'finishing'
    this.wake()
  }

  /** Ends the loop by rejecting it with `reason`, now or at its next step. */
  fail(reason: unknown): void {
    if (this.#state === 'over') return
    this.#failure = { reason }
    this.#release()
    this.wake()
  }

  async return(): Promise<IteratorResult<T, undefined>> {
    if (this.#state !== 'over') this.#release()
    this.#failure = undefined
    this.wake()
    return { value: undefined, done: true }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.return()
  }

  [Symbol.asyncIterator](): this {
    return this
  }

  readonly #onAbort = () => this.fail(this.#options.signal?.reason)

  #release(): void {
    const registered = this.#state !== 'new'
    this.#state = 'over'
    this.#options.signal?.removeEventListener('abort', this.#onAbort)
    if (registered) this.#options.end(this)
  }
}
