import type { TopicView } from '../core/dispatch/messages.ts'
import { CaucusError } from '../errors.ts'
import type { Clock } from '../ports/clock.ts'
import type { AskRequest, ProduceRequest, RequestContext, Serve, TopicsPort } from '../ports/topics.ts'
import { dropValue, guardSource } from '../runtime/dispatch/source.ts'
import { checkOptions, checkSignal } from './options.ts'
import { Ask, type Prepared } from './topic-ask.ts'
import { Gathering } from './topic-gather.ts'
import type { Gathered } from './topic-gathered.ts'
import type { HeardHandler, Hearing, Listener } from './topic-listener.ts'
import {
  type AskOptions,
  checkAsk,
  checkHandler,
  checkListen,
  checkProduce,
  type ListenOptions,
  type ProduceOptions,
  type TopicSchemas,
} from './topic-options.ts'
import type { Producer } from './topic-producer.ts'
import { conform, type StandardSchema } from './topic-schema.ts'
import { Workers } from './topic-worker.ts'
import { checkWorkers, type WorkerProduceOptions } from './topic-worker-options.ts'

/** Answers a request. What it gives, or its promise resolves with, is the reply; what it throws is an `error` outcome of this request. */
export type RequestHandler<Received = unknown, Returned = unknown> = (
  request: Received,
  context: RequestContext,
) => Returned | Promise<Returned>

/** What a topic needs of its connection. */
export interface TopicsHome {
  /** The monotonic one. */
  readonly clock: Clock
  newId(): string
  /** Throws `CAUCUS_CLOSED` when the connection has been closed. */
  topics(): TopicsPort
  /** With `workers`, who are what serves, it is on the roster once they are ready. */
  produce(request: ProduceRequest, serve: Serve, workers?: Workers): Producer
  listen<Value>(hearing: Omit<Hearing, 'onEnded'>, handler: HeardHandler<Value> | undefined): Listener<Value>
}

/** A name on which some answer what others ask. It is there as soon as somebody uses it. */
export class Topic<Request = unknown, Reply = unknown, Received = Request, Returned = Reply> {
  readonly name: string
  readonly #home: TopicsHome
  readonly #request: StandardSchema | undefined
  /** Gives a reply as the asker takes it. */
  readonly #accept: ((value: unknown) => unknown) | undefined

  /** Use `caucus.topic(name)`. */
  constructor(name: string, { request, reply }: TopicSchemas<Request, Reply, Received, Returned>, home: TopicsHome) {
    this.name = name
    this.#home = home
    this.#request = request
    this.#accept =
      reply === undefined ? undefined : (value) => conform(reply, value, 'the reply', 'CAUCUS_HANDLER_FAILED')
  }

  /**
   * Answers with `handler` what is asked on this topic from now on, until the handle is drained, closed or disposed. Throws
   * `CAUCUS_INVALID_ARGUMENT` or `CAUCUS_CLOSED`.
   */
  produce(handler: RequestHandler<Received, Returned>, options?: ProduceOptions): Producer
  /** The same with the handler that a module exports, in worker threads. It is on the roster once the module has been loaded. */
  produce(module: URL, options?: WorkerProduceOptions): Producer
  produce(handler: RequestHandler<Received, Returned> | URL, options: WorkerProduceOptions = {}): Producer {
    if (handler instanceof URL) return this.#produceInThreads(handler, options)
    checkHandler(handler, 'produce(handler)')
    const { id = this.#home.newId(), ...rest } = checkProduce(options)
    return this.#home.produce({ topic: this.name, id, ...rest }, this.#serving(handler))
  }

  /**
   * Asks everybody who produces here now, or those that `to` chooses, and gives their answers as they arrive. It is sent in this call
   * (with an asynchronous schema: once that has let it through). Throws `CAUCUS_INVALID_ARGUMENT` or `CAUCUS_CLOSED`; the loop
   * rejects with `CAUCUS_OVERLOADED` when too many asks are under way. Between processes it also rejects with
   * `CAUCUS_INVALID_ARGUMENT` or `CAUCUS_TOO_LARGE` for what cannot be sent, `CAUCUS_UNAVAILABLE` without a link, `CAUCUS_CONNECTION_LOST`
   * (some may have worked on it), `CAUCUS_TIMEOUT` when the server says nothing for a second after the limit, and what the server refuses.
   */
  ask(request: Request, options: AskOptions = {}): Ask<Reply> {
    const asking = checkAsk(options, 'ask()')
    return new Ask<Reply>(this.#home.topics(), this.#prepared(request, asking), asking.signal)
  }

  /**
   * Resolves with what everybody said, once the ask has ended, which `withinMs` bounds. That nobody is there is no error:
   * `code` is `CAUCUS_NO_RESPONDERS`. Rejects as `ask()` throws, and with the signal's reason.
   */
  gather(request: Request, options: AskOptions = {}): Promise<Gathered<Reply>> {
    // Whatever is thrown in here rejects.
    return new Promise((resolve, reject) => {
      const asking = checkAsk(options, 'gather()')
      const topics = this.#home.topics()
      const prepared = this.#prepared(request, asking, true)
      // Only now, since it listens to the signal.
      new Gathering<Reply>(resolve, reject, asking.signal).begin(topics, prepared)
    })
  }

  /** Hears every reply on this topic from now on, whoever asked. Without a handler, loop over what it gives. */
  listen(options?: ListenOptions): Listener<Reply>
  /** The same with a handler that is called with each reply. */
  listen(handler: HeardHandler<Reply>, options?: ListenOptions): Listener<Reply>
  listen(handler: HeardHandler<Reply> | ListenOptions = {}, options?: ListenOptions): Listener<Reply> {
    const isHandler = typeof handler === 'function'
    const { buffer, signal } = checkListen((isHandler ? options : handler) ?? {})
    const hearing = { topic: this.name, buffer, signal, accept: this.#accept }
    return this.#home.listen<Reply>(hearing, isHandler ? handler : undefined)
  }

  /** Resolves with who produces and how many listen; `undefined`: nobody. */
  async view(options: { readonly signal?: AbortSignal } = {}): Promise<TopicView | undefined> {
    checkOptions(options, ['signal'], 'view()')
    checkSignal(options.signal, 'view()')
    return this.#home.topics().view(this.name, options)
  }

  #produceInThreads(module: URL, options: WorkerProduceOptions): Producer {
    const { produce, settings } = checkWorkers(module, options)
    const { id = this.#home.newId(), ...rest } = produce
    const workers = new Workers(settings)
    return this.#home.produce({ topic: this.name, id, ...rest }, this.#serving(workers.serve), workers)
  }

  #prepared(
    payload: Request,
    { until, to, withinMs }: Omit<AskRequest, 'topic' | 'payload' | 'accept'>,
    patient = false,
  ): Prepared {
    const request: AskRequest = { topic: this.name, payload, until, to, withinMs, accept: this.#accept, patient }
    if (this.#request === undefined) return request
    // What is sent is what was given: the producer's own schema turns it into what its handler gets.
    const fits = conform(this.#request, payload, 'the request', 'CAUCUS_INVALID_ARGUMENT')
    return fits instanceof Promise ? this.#letThrough(request, fits) : request
  }

  /** What a schema takes is taken from the limit, and beyond that nobody waits for it. */
  #letThrough(request: AskRequest, fits: Promise<unknown>): Promise<AskRequest> {
    const { clock } = this.#home
    const { withinMs } = request
    const limitAt = clock.now() + withinMs
    return new Promise((resolve, reject) => {
      const why = `the schema of the request has not let it through within ${withinMs} ms; nothing was sent`
      const tooLate = () => reject(new CaucusError('CAUCUS_TIMEOUT', why))
      const limit = clock.setTimer(limitAt, tooLate, { ref: false })
      const settle = (result: () => void) => {
        limit.clear()
        result()
      }
      fits.then(
        () =>
          settle(() => {
            const leftMs = limitAt - clock.now()
            if (leftMs > 0) resolve({ ...request, withinMs: leftMs })
            else tooLate()
          }),
        (error: unknown) => settle(() => reject(error)),
      )
    })
  }

  #serving(handler: RequestHandler<Received, Returned> | Serve): Serve {
    const schema = this.#request
    const accept = this.#accept
    // Without schemas the types are the caller's word.
    const serve = handler as Serve
    if (schema === undefined && accept === undefined) return serve
    return async (payload, context) => {
      const received =
        schema === undefined ? payload : await conform(schema, payload, 'the request', 'CAUCUS_INVALID_ARGUMENT')
      const returned = await serve(received, context)
      if (accept === undefined) return returned
      guardSource(returned)
      try {
        await accept(returned)
      } catch (error) {
        dropValue(returned)
        throw error
      }
      return returned
    }
  }
}
