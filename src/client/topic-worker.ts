import { CaucusError, isCaucusError } from '../errors.ts'
import type { Clock } from '../ports/clock.ts'
import type { ProducerListener, ProducerPort, Serve, TopicsPort } from '../ports/topics.ts'
import { textOf } from '../runtime/dispatch/failure.ts'
import { ThreadPool, type ThreadSettings } from '../threads/thread-pool.ts'

/** A module whose handler runs in threads. One producer's. */
export class Workers {
  readonly #settings: ThreadSettings
  #pool: ThreadPool | undefined

  constructor(settings: ThreadSettings) {
    this.#settings = settings
  }

  readonly serve: Serve = (payload, context) => this.#pool?.serve(payload, context)

  /** These topics, on which the producer appears once its module has been loaded. */
  on(topics: Pick<TopicsPort, 'produce'>, clock: Clock): Pick<TopicsPort, 'produce'> {
    return {
      produce: (request, serve, listener) => {
        this.#pool = new ThreadPool(this.#settings, clock)
        return new WorkerProducer(this.#pool, listener, (ours) => topics.produce(request, serve, ours))
      },
    }
  }
}

/** A producer that is on the roster while its threads can answer: not before their module is loaded, and they end with it. */
class WorkerProducer implements ProducerPort {
  readonly #pool: ThreadPool
  readonly #listener: ProducerListener
  readonly #register: (listener: ProducerListener) => ProducerPort
  /** Once it is on the roster. */
  #port: ProducerPort | undefined
  #isOver = false

  constructor(pool: ThreadPool, listener: ProducerListener, register: (listener: ProducerListener) => ProducerPort) {
    this.#pool = pool
    this.#listener = listener
    this.#register = register
    void this.#begin()
  }

  get running(): number {
    return this.#port?.running ?? 0
  }

  get queued(): number {
    return this.#port?.queued ?? 0
  }

  /** Resolves once its threads have ended, too. */
  async drain(): Promise<void> {
    if (this.#port === undefined) this.#end(undefined)
    else await this.#port.drain()
    await this.#pool.end()
  }

  close(): void {
    if (this.#port === undefined) this.#end(undefined)
    else this.#port.close()
  }

  async #begin(): Promise<void> {
    try {
      await this.#pool.load()
      if (this.#isOver) return
      this.#port = this.#register({
        ready: () => this.#listener.ready(),
        lost: () => this.#listener.lost?.(),
        ended: (error) => this.#end(error),
      })
    } catch (thrown) {
      const error = isCaucusError(thrown)
        ? thrown
        : new CaucusError('CAUCUS_HANDLER_FAILED', `no thread can be started: ${textOf(thrown)}`, { cause: thrown })
      this.#end(error)
    }
  }

  #end(error: CaucusError | undefined): void {
    if (this.#isOver) return
    this.#isOver = true
    void this.#pool.end(error)
    this.#listener.ended(error)
  }
}
