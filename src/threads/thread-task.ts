import { MessageChannel, receiveMessageOnPort } from 'node:worker_threads'
import { CaucusError, errorFromWire, isCaucusError } from '../errors.ts'
import type { Clock, Timer } from '../ports/clock.ts'
import { textOf } from '../runtime/dispatch/failure.ts'
import type { Asked, Job, Outcome } from './messages.ts'

export interface TaskSettings {
  readonly module: URL
  readonly exportName: string
  /** How long a handler may go on once its request is over. */
  readonly killAfterMs: number
}

/** What a job needs of the pool. Its own type would ask users for the types of what it is made of. */
export interface Threads {
  run(job: Job, options: { readonly transferList: Job['port'][]; readonly signal: AbortSignal }): Promise<unknown>
}

/** One job in the hands of the pool: called off by its signal, and by force when it does not listen. */
export class ThreadTask {
  /** Settles with `run()`, and never rejects. */
  readonly ended: Promise<void>
  readonly #settings: TaskSettings
  readonly #clock: Clock
  /** `undefined`: it is only to load the module. */
  readonly #asked: Asked | undefined
  readonly #channel = new MessageChannel()
  /** Takes it out of the queue, or ends the thread that has it. */
  readonly #killing = new AbortController()
  #end = () => {}
  #timer: Timer | undefined
  #isCalledOff = false
  #killed: CaucusError | undefined

  constructor(settings: TaskSettings, clock: Clock, asked?: Asked) {
    this.#settings = settings
    this.#clock = clock
    this.#asked = asked
    this.ended = new Promise((resolve) => {
      this.#end = resolve
    })
  }

  /** Gives what the handler gave, or throws what it threw, or why there is nothing. To be called once. */
  async run(pool: Threads, signal?: AbortSignal): Promise<unknown> {
    const { port1, port2 } = this.#channel
    const onAbort = () => this.callOff(signal?.reason)
    try {
      this.#send()
      if (signal?.aborted) onAbort()
      else signal?.addEventListener('abort', onAbort, { once: true })
      const died = await this.#work(pool, port2)
      // A thread posts before it is done with the job: what it has said is here, even if it has died since.
      const outcome: Outcome | undefined = receiveMessageOnPort(port1)?.message
      if (outcome === undefined) throw died ?? new CaucusError('CAUCUS_HANDLER_FAILED', 'the thread said nothing')
      if (died !== undefined && this.#killed === undefined) warnOfDeath(this.#settings.module, died.cause)
      return resultOf(outcome)
    } finally {
      signal?.removeEventListener('abort', onAbort)
      this.#timer?.clear()
      port1.close()
      this.#end()
    }
  }

  /** Nobody needs it any more. A handler gets some time to see that; the loading of a module is given up at once. */
  callOff(reason: unknown): void {
    if (this.#isCalledOff) return
    this.#isCalledOff = true
    if (this.#asked === undefined) return this.kill(closed())
    this.#channel.port1.postMessage((isCaucusError(reason) ? reason : closed()).toJSON())
    const { killAfterMs } = this.#settings
    this.#timer = this.#clock.setTimer(this.#clock.now() + killAfterMs, () =>
      this.kill(
        new CaucusError('CAUCUS_HANDLER_FAILED', `its thread was ended ${killAfterMs} ms after its request was over`),
      ),
    )
  }

  /** Ends it at once, and the thread that has it. */
  kill(why: CaucusError): void {
    this.#killed ??= why
    this.#killing.abort(why)
  }

  #send(): void {
    if (this.#asked === undefined) return
    try {
      this.#channel.port1.postMessage(this.#asked)
    } catch (thrown) {
      throw new CaucusError(
        'CAUCUS_HANDLER_FAILED',
        `the request cannot be handed to a thread: ${textOf(thrown)}; ask with what structuredClone() can copy`,
      )
    }
  }

  /** Resolves with why the thread did not get to the end of it, if it did not. */
  async #work(pool: Threads, port: Job['port']): Promise<CaucusError | undefined> {
    const { module, exportName } = this.#settings
    const type = this.#asked === undefined ? 'load' : 'serve'
    const job: Job = { module: module.href, exportName, type, port }
    try {
      await pool.run(job, { transferList: [port], signal: this.#killing.signal })
      return undefined
    } catch (thrown) {
      if (this.#killed !== undefined) return this.#killed
      return new CaucusError('CAUCUS_HANDLER_FAILED', `the thread of the handler died: ${textOf(thrown)}`, {
        cause: thrown,
      })
    }
  }
}

/** A thread died when it had no request in hand, so that no asker is told. */
export const warnOfDeath = (module: URL, cause: unknown): void => {
  const text = `a thread of ${module.href} died after it had answered: ${textOf(cause)}`
  process.emitWarning(new CaucusError('CAUCUS_HANDLER_FAILED', text, { cause }))
}

const resultOf = (outcome: Outcome): unknown => {
  if (outcome.type !== 'failed') return outcome.type === 'replied' ? outcome.value : undefined
  const { code, message, details } = errorFromWire(outcome.error)
  throw new CaucusError(code, message, { details, cause: outcome.cause })
}

const closed = () => new CaucusError('CAUCUS_CLOSED', 'this producer has been closed; stop the work')
