import { CaucusError } from '../errors.ts'
import type { Clock } from '../ports/clock.ts'
import type { ProduceRequest, ProducerPort, Serve, TopicsPort } from '../ports/topics.ts'
import { checkMs, checkOptions, checkSignal } from './options.ts'

/** How long a drain waits for handlers that go on, unless it is told otherwise. */
const DRAIN_LIMIT_MS = 5_000

/**
 * A producer on a topic. It answers until it is drained or closed; a handler that fails ends one request, never the producer. Disposing
 * drains. When another producer took its id, `error` says so (`CAUCUS_FENCED`).
 */
export class Producer implements AsyncDisposable {
  readonly id: string
  readonly topic: string
  readonly #port: ProducerPort
  readonly #clock: Clock
  readonly #onEnded: (producer: Producer) => void
  /** Of the registration that is under way, or has been made. */
  #ready = new Registering()
  #state: 'registering' | 'serving' | 'draining' | 'left' = 'registering'
  #error: CaucusError | undefined
  #drain: Promise<void> | undefined

  /** Use `topic.produce()`. */
  constructor(
    topics: Pick<TopicsPort, 'produce'>,
    request: ProduceRequest,
    serve: Serve,
    { clock, onEnded }: { readonly clock: Clock; onEnded(producer: Producer): void },
  ) {
    this.id = request.id
    this.topic = request.topic
    this.#clock = clock
    this.#onEnded = onEnded
    this.#port = topics.produce(request, serve, {
      ready: () => {
        if (this.#state === 'registering') this.#state = 'serving'
        this.#ready.resolve()
      },
      lost: () => {
        if (this.#state !== 'serving') return
        this.#state = 'registering'
        this.#ready = new Registering()
      },
      ended: (error) => this.#ended(error),
    })
  }

  /**
   * `serving` while it is on the roster, `draining` while it finishes what it has. A link that is lost makes it `registering` again, until
   * there is another one.
   */
  get state(): 'registering' | 'serving' | 'draining' | 'left' {
    return this.#state
  }

  /** Why it ended, if not by its own wish. */
  get error(): CaucusError | undefined {
    return this.#error
  }

  /** How many requests it works on now. */
  get running(): number {
    return this.#port.running
  }

  /** How many wait for their turn. */
  get queued(): number {
    return this.#port.queued
  }

  /**
   * Resolves once it is on the roster: whoever asks from then on expects its answer. Rejects with what came instead, or the signal's
   * reason.
   */
  async ready(options: { readonly signal?: AbortSignal } = {}): Promise<void> {
    checkOptions(options, ['signal'], 'ready()')
    const { signal } = options
    checkSignal(signal, 'ready()')
    signal?.throwIfAborted()
    let abort = () => {}
    const aborted = new Promise<never>((_resolve, reject) => {
      abort = () => reject(signal?.reason)
    })
    signal?.addEventListener('abort', abort, { once: true })
    try {
      // Both are short: the registration settles, and so nothing gathers on it.
      await Promise.race([this.#ready.promise, aborted])
    } finally {
      signal?.removeEventListener('abort', abort)
    }
  }

  /**
   * Takes no more requests, finishes those that it has and leaves; what goes on after `limitMs` (default 5 000), or when the signal
   * aborts, is aborted and completes as `left`. Resolves once it has left.
   */
  async drain(options: { readonly limitMs?: number; readonly signal?: AbortSignal } = {}): Promise<void> {
    checkOptions(options, ['limitMs', 'signal'], 'drain()')
    const limitMs = checkMs(options.limitMs, 'drain({ limitMs })', DRAIN_LIMIT_MS)
    const { signal } = options
    checkSignal(signal, 'drain()')
    if (this.#state !== 'left') this.#state = 'draining'
    this.#drain ??= this.#port.drain()
    if (this.#state === 'left') return this.#drain
    const close = () => this.close()
    const timer = this.#clock.setTimer(this.#clock.now() + limitMs, close)
    signal?.addEventListener('abort', close, { once: true })
    if (signal?.aborted) close()
    try {
      await this.#drain
    } finally {
      timer.clear()
      signal?.removeEventListener('abort', close)
    }
  }

  /** Leaves at once: what runs is aborted, what was not answered completes as `left`. Closing twice is closing once. */
  close(): void {
    this.#port.close()
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.drain()
  }

  #ended(error: CaucusError | undefined): void {
    this.#state = 'left'
    this.#error = error
    // Whoever waits for it waits in vain; to whoever was told that it is ready this says nothing.
    this.#ready.reject(error ?? neverReady(this))
    this.#onEnded(this)
  }
}

const neverReady = ({ id, topic }: Producer): CaucusError =>
  new CaucusError('CAUCUS_CLOSED', `the producer ${id} on ${topic} was closed before it was on the roster`)

/** Settles with one registration. */
class Registering {
  readonly promise: Promise<void>
  resolve: () => void = () => {}
  reject: (error: unknown) => void = () => {}

  constructor() {
    this.promise = new Promise<void>((resolve, reject) => {
      this.resolve = resolve
      this.reject = reject
    })
    // Nobody has to wait for it; `error` of the producer keeps what it was.
    this.promise.catch(() => undefined)
  }
}
