import { withinFault } from '../core/dispatch/until.ts'
import { idFault } from '../core/ids.ts'
import { CaucusError } from '../errors.ts'
import { type BackendFactory, embedded, type Summary } from '../index.ts'
import { systemClocks } from '../runtime/system-clock.ts'
import { insideOfListener, isListener, ListenerRegistration, type ResultListener } from './ate-listener.ts'
import { isProducer, isStopped, type Producer, ProducerRegistration } from './ate-producer.ts'
import { Register } from './ate-register.ts'
import { Requests } from './ate-requests.ts'
import { type Backend, checkOptions, checkTopic, invalid, isDoneBy, type Report } from './ate-topics.ts'

/** Everything of an `ATEDispatcher` that need not be said. */
export interface ATEDispatcherOptions {
  /** Where its topics are: whoever else is connected to it can ask, produce and listen on them, too. Default: an `embedded()` of its own. */
  readonly backend?: BackendFactory
  /**
   * Told of what nobody waits for: a producer or a listener that failed, responses that were dropped, requests that were not sent.
   * Default: a warning of the process.
   */
  readonly onError?: (error: CaucusError) => void
}

/** `ttl` in milliseconds; everything else is a keyword argument of the request. */
export interface SendRequestOptions {
  readonly ttl?: number
  readonly [keyword: string]: unknown
}

const DEFAULT_TTL_MS = 5_000
const DEFAULT_STOP_LIMIT_MS = 5_000

/**
 * Sends each request to every producer on its topic, and every response that comes within its ttl to every listener there, in order of
 * arrival; by the names that ate-dispatcher has. Nothing that a producer or listener does ends it, and everybody may be registered and
 * deregistered at any moment.
 */
export class ATEDispatcher implements AsyncDisposable {
  readonly #factory: BackendFactory
  readonly #report: Report
  readonly #producers = new Register<Producer>()
  readonly #listeners = new Register<ResultListener>()
  readonly #requests: Requests
  readonly #connecting = new AbortController()
  #backend: Backend | undefined
  #started: Promise<void> | undefined
  #stopped: Promise<void> | undefined

  /** Bad options are `CAUCUS_INVALID_ARGUMENT`. */
  constructor(options: ATEDispatcherOptions = {}) {
    checkOptions(options, ['backend', 'onError'], 'ATEDispatcher()')
    const { backend = embedded(), onError = warn } = options
    if (typeof backend !== 'function') throw invalid('ATEDispatcher({ backend }) takes a backend, such as embedded()')
    if (typeof onError !== 'function') throw invalid('ATEDispatcher({ onError }) takes a function')
    this.#factory = backend
    // Afterwards, so that a function that throws is heard of as any uncaught error is and breaks nothing here.
    this.#report = (error) => queueMicrotask(() => onError(error))
    this.#requests = new Requests(this.#report)
  }

  /**
   * Dispatches from now on, what was asked before included. Resolves once it does; that need not be waited for. Rejects when the backend
   * cannot be reached: then nothing was sent, and it may be started again.
   */
  start(): Promise<void> {
    if (this.#stopped !== undefined) throw closed()
    if (this.#started === undefined) {
      this.#started = this.#start()
      // Who does not wait for it is told by `onError`.
      this.#started.catch(() => {})
    }
    return this.#started
  }

  /**
   * Takes no more requests; waits until those under way have ended and the listeners have been given every response; stops whoever is still
   * registered. What goes on after `limitMs` (default 5 000) is called off, and `onError` is told what was lost by that.
   */
  stop(options: { readonly limitMs?: number } = {}): Promise<void> {
    checkOptions(options, ['limitMs'], 'stop()')
    const { limitMs = DEFAULT_STOP_LIMIT_MS } = options
    const fault = withinFault(limitMs, 'limitMs')
    if (fault !== undefined) throw invalid(fault)
    this.#stopped ??= this.#stop(limitMs)
    return this.#stopped
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.stop()
  }

  /**
   * Asks every producer that is registered on `topic` now (before the start: that is by then). The responses go to the listeners, who may
   * still be at them when it resolves with how it went; nobody has to wait for that. Throws `CAUCUS_INVALID_ARGUMENT`, or `CAUCUS_CLOSED`
   * after `stop`.
   */
  sendRequest(topic: string, args: readonly unknown[] = [], options: SendRequestOptions = {}): Promise<Summary> {
    checkTopic(topic)
    if (!Array.isArray(args)) throw invalid('sendRequest(topic, args) takes a list of positional arguments')
    if (typeof options !== 'object' || options === null || Array.isArray(options)) {
      throw invalid('sendRequest(topic, args, options) takes an object of the ttl and the keyword arguments')
    }
    const { ttl = DEFAULT_TTL_MS, ...kwargs } = options
    const fault = withinFault(ttl, 'ttl')
    if (fault !== undefined) throw invalid(fault)
    this.#mustBeOpen()
    return this.#requests.send(topic, { args: [...args], kwargs }, ttl)
  }

  /** From this call on it is asked. Twice is once. `id` names it in what `sendRequest` resolves with; default: a random one. */
  registerResultProducer(producer: Producer, topic: string, options: { readonly id?: string } = {}): void {
    checkProducer(producer, 'registerResultProducer()')
    checkTopic(topic)
    checkOptions(options, ['id'], 'registerResultProducer()')
    const { id } = options
    const fault = id === undefined ? undefined : idFault(id, 'producer id')
    if (fault !== undefined) throw invalid(fault)
    this.#mustBeOpen()
    if (isStopped(producer))
      throw new CaucusError('CAUCUS_CLOSED', 'this producer has been stopped; register a new one')
    this.#producers.add(producer, topic, (onEnded) => {
      return new ProducerRegistration(producer, topic, { id, report: this.#report, onEnded })
    })
  }

  /** It is not asked any more; what it has been asked already, it still answers. Does nothing when it is not registered. */
  deregisterResultProducer(producer: Producer, topic: string): void {
    checkProducer(producer, 'deregisterResultProducer()')
    checkTopic(topic)
    this.#producers.remove(producer, topic)
  }

  /** It gets every response that arrives on `topic` from now on. Twice is once. */
  registerResultListener(listener: ResultListener, topic: string): void {
    checkListener(listener, 'registerResultListener()')
    checkTopic(topic)
    this.#mustBeOpen()
    if (insideOfListener(listener).line.isStopped) {
      throw new CaucusError('CAUCUS_CLOSED', 'this listener has been stopped; register a new one')
    }
    this.#listeners.add(listener, topic, (onEnded) => {
      return new ListenerRegistration(listener, topic, { report: this.#report, onEnded })
    })
  }

  /** It gets no response any more that has not arrived yet. Does nothing when it is not registered. */
  deregisterResultListener(listener: ResultListener, topic: string): void {
    checkListener(listener, 'deregisterResultListener()')
    checkTopic(topic)
    this.#listeners.remove(listener, topic)
  }

  async #start(): Promise<void> {
    try {
      const backend = await this.#factory({ signal: this.#connecting.signal })
      const { topics } = backend
      if (topics === undefined) {
        await backend.close()
        throw new CaucusError('CAUCUS_NOT_FOUND', 'this backend has no topics; use embedded()')
      }
      this.#backend = backend
      this.#listeners.open(backend, topics)
      this.#producers.open(backend, topics)
      this.#requests.open(topics)
    } catch (error) {
      this.#started = undefined
      const failure =
        error instanceof CaucusError ? error : new CaucusError('CAUCUS_BACKEND', String(error), { cause: error })
      this.#requests.fail(failure)
      this.#report(failure)
      throw failure
    }
  }

  async #stop(limitMs: number): Promise<void> {
    await this.#settleStart(limitMs)
    const backend = this.#backend
    const clock = backend?.clocks.grantor ?? systemClocks.grantor
    const at = clock.now() + limitMs
    if (backend !== undefined) await isDoneBy(clock, at, this.#requests.idle())
    this.#requests.fail(closed())
    // Nobody waits for a response any more, so there is no need to wait for them either.
    for (const producer of this.#producers.members()) void producer.stop()
    const listeners = this.#listeners.members()
    const isHeard = await isDoneBy(clock, at, Promise.all(listeners.map((listener) => listener.stop())))
    if (!isHeard) this.#report(unheard(listeners, limitMs))
    await backend?.close()
  }

  /** What was asked before the start is still to be sent, if the backend can be reached in time. */
  async #settleStart(limitMs: number): Promise<void> {
    // Why it did not start has been told.
    const settled = this.#started?.catch(() => {})
    if (settled === undefined) return
    const clock = systemClocks.grantor
    if (!(await isDoneBy(clock, clock.now() + limitMs, settled))) this.#connecting.abort(closed())
    await settled
  }

  #mustBeOpen(): void {
    if (this.#stopped !== undefined) throw closed()
  }
}

const closed = () => new CaucusError('CAUCUS_CLOSED', 'this dispatcher has been stopped; start a new one')

const unheard = (listeners: readonly ResultListener[], limitMs: number): CaucusError => {
  const responses = listeners.reduce((sum, listener) => sum + insideOfListener(listener).line.size, 0)
  return new CaucusError(
    'CAUCUS_TIMEOUT',
    `stopped after ${limitMs} ms while listeners had ${responses} responses to process; give stop() a longer limitMs`,
    { details: { responses } },
  )
}

const warn = (error: CaucusError): void => process.emitWarning(error)

const checkProducer = (producer: unknown, call: string): void => {
  if (isProducer(producer) && typeof producer.produceDispatcherOutput === 'function') return
  throw invalid(`${call} takes an object of a class that extends Producer and has produceDispatcherOutput()`)
}

const checkListener = (listener: unknown, call: string): void => {
  if (isListener(listener) && typeof listener.processDispatcherResult === 'function') return
  throw invalid(`${call} takes an object of a class that extends ResultListener and has processDispatcherResult()`)
}
