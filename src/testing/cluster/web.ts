import type { AnswerText, GetOptions, HttpClient } from '../../backends/remote/surroundings.ts'
import { CaucusError } from '../../errors.ts'
import type { EventLoop } from './event-loop.ts'
import { type Direction, Pipe } from './pipe.ts'
import type { Timeline } from './timeline.ts'
import { SMALL_BYTES } from './wire.ts'

/** What a server answers over plain HTTP, in its own process. */
export interface WebServer {
  readonly loop: EventLoop
  /** Throws what it refuses with. */
  answer(path: string): unknown
  /** Until the signal aborts. */
  stream(path: string, after: string | undefined, signal: AbortSignal): AsyncIterable<string>
}

export interface WebOptions {
  readonly timeline: Timeline
  readonly loop: EventLoop
  /** The way of a request to this URL. */
  wayTo(url: string): { readonly up: Direction; readonly down: Direction }
  /** Whoever listens at this address. */
  server(url: string): WebServer | undefined
}

const WINDOW_BYTES = 2 ** 16

/** The plain HTTP of one member's process: questions with an answer, and streams of events. */
export class Web implements HttpClient {
  readonly #options: WebOptions
  #open = 0

  constructor(options: WebOptions) {
    this.#options = options
  }

  /** How many requests are under way. */
  get open(): number {
    return this.#open
  }

  async getJson(url: string, options: GetOptions): Promise<unknown> {
    options.signal?.throwIfAborted()
    const exchange = this.#exchange(url, options)
    try {
      return await new Promise<unknown>((resolve, reject) => {
        exchange.onFailure(reject)
        exchange.ask((server) => {
          const text = JSON.stringify(server.answer(pathOf(url)))
          exchange.reply(text.length, () => resolve(JSON.parse(text)))
        })
      })
    } finally {
      exchange.end()
    }
  }

  async get(url: string, options: GetOptions): Promise<AnswerText> {
    options.signal?.throwIfAborted()
    const exchange = this.#exchange(url, options)
    const pieces = new Pieces(() => exchange.end())
    exchange.onFailure((error) => pieces.fail(error))
    const after = options.headers?.['last-event-id']
    await new Promise<void>((resolve, reject) => {
      exchange.onFailure((error) => {
        exchange.end()
        pieces.fail(error)
        reject(error)
      })
      exchange.ask((server) => {
        exchange.reply(SMALL_BYTES, resolve)
        const stream = server.stream(pathOf(url), after, exchange.ended)
        void pump(stream, (text) => exchange.reply(text.length, () => pieces.add(text))).then(() =>
          exchange.reply(SMALL_BYTES, () => pieces.fail(unavailable(url, 'the stream ended'))),
        )
      })
    })
    return pieces
  }

  #exchange(url: string, { signal, silenceMs }: GetOptions): Exchange {
    this.#open++
    return new Exchange(url, this.#options, signal, silenceMs, () => this.#open--)
  }
}

/** One request: nothing of it is left once it has ended. */
class Exchange {
  readonly #url: string
  readonly #options: WebOptions
  readonly #up: Pipe
  readonly #down: Pipe
  readonly #over = new AbortController()
  readonly #abort: () => void
  readonly #signal: AbortSignal | undefined
  readonly #silenceMs: number
  readonly #done: () => void
  #fail: (error: unknown) => void = () => undefined
  #limit: { clear(): void } | undefined

  constructor(url: string, options: WebOptions, signal: AbortSignal | undefined, silenceMs: number, done: () => void) {
    const { timeline } = options
    const { up, down } = options.wayTo(url)
    this.#url = url
    this.#options = options
    this.#signal = signal
    this.#silenceMs = silenceMs
    this.#done = done
    this.#up = new Pipe({ timeline, direction: up, windowBytes: WINDOW_BYTES })
    this.#down = new Pipe({ timeline, direction: down, windowBytes: WINDOW_BYTES })
    this.#abort = () => this.#fail(signal?.reason)
    signal?.addEventListener('abort', this.#abort, { once: true })
    this.#hearLater()
  }

  /** Aborts once either side has ended it. */
  get ended(): AbortSignal {
    return this.#over.signal
  }

  onFailure(fail: (error: unknown) => void): void {
    this.#fail = fail
  }

  ask(answer: (server: WebServer) => void): void {
    this.#up.write(SMALL_BYTES, () => {
      const server = this.#options.server(this.#url)
      if (server === undefined) return this.reply(SMALL_BYTES, () => this.#fail(unavailable(this.#url, 'refused')))
      server.loop.deliver(() => {
        try {
          answer(server)
        } catch (error) {
          this.reply(SMALL_BYTES, () => this.#fail(error))
        }
      })
    })
  }

  reply(bytes: number, take: () => void): void {
    this.#down.write(bytes, () =>
      this.#options.loop.deliver(() => {
        this.#down.read(bytes)
        if (this.#over.signal.aborted) return
        this.#hearLater()
        take()
      }),
    )
  }

  #hearLater(): void {
    const { grantor } = this.#options.loop
    this.#limit?.clear()
    const silent = unavailable(this.#url, `nothing was heard for ${this.#silenceMs} ms`)
    this.#limit = grantor.setTimer(grantor.now() + this.#silenceMs, () => this.#fail(silent))
  }

  end(): void {
    if (this.#over.signal.aborted) return
    this.#limit?.clear()
    this.#signal?.removeEventListener('abort', this.#abort)
    this.#over.abort(new CaucusError('CAUCUS_CLOSED', 'the request has ended'))
    this.#up.cut()
    this.#down.cut()
    this.#done()
  }
}

/** Text that arrives in pieces. */
class Pieces implements AnswerText {
  readonly #end: () => void
  readonly #kept: string[] = []
  #failure: { readonly error: unknown } | undefined
  #wake: (() => void) | undefined

  constructor(end: () => void) {
    this.#end = end
  }

  add(text: string): void {
    this.#kept.push(text)
    this.#wake?.()
  }

  fail(error: unknown): void {
    this.#failure ??= { error }
    this.#wake?.()
  }

  destroy(): void {
    this.#end()
  }

  async *[Symbol.asyncIterator](): AsyncGenerator<string> {
    for (;;) {
      const text = this.#kept.shift()
      if (text !== undefined) yield text
      else if (this.#failure !== undefined) throw this.#failure.error
      else
        await new Promise<void>((resume) => {
          this.#wake = resume
        })
    }
  }
}

/** Resolves when the stream has ended, in whatever way. */
const pump = async (stream: AsyncIterable<string>, take: (text: string) => void): Promise<void> => {
  try {
    for await (const text of stream) take(text)
  } catch {
    // Ended by its reader: the loop is rejected with that reason, and there is nobody left to tell.
  }
}

const pathOf = (url: string): string => new URL(url).pathname

const unavailable = (url: string, why: string) => new CaucusError('CAUCUS_UNAVAILABLE', `${url}: ${why}`)
