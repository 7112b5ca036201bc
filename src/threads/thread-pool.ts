import { setImmediate } from 'node:timers'
import { fileURLToPath } from 'node:url'
import type { ResourceLimits } from 'node:worker_threads'
import type { Piscina } from 'piscina'
import { CaucusError } from '../errors.ts'
import type { Clock } from '../ports/clock.ts'
import type { Serve } from '../ports/topics.ts'
import { textOf } from '../runtime/dispatch/failure.ts'
import { sharedNowMs } from './messages.ts'
import { type TaskSettings, ThreadTask, warnOfDeath } from './thread-task.ts'

export interface ThreadSettings extends TaskSettings {
  /** How many there are at most. */
  readonly threads: number
  /** How long one stays that has nothing to do. */
  readonly idleMs: number
  readonly resourceLimits: ResourceLimits | undefined
}

/**
 * What a thread begins with. Node loads it without us: where this file is TypeScript, because only a test runs it, that is what was built
 * of it.
 */
const ENTRY = new URL(import.meta.url.endsWith('.ts') ? '../../dist/threads/entry.cjs' : './entry.cjs', import.meta.url)

/** A module's handler in threads of its own. Each works on one request at a time, so what ends a thread ends nothing else. */
export class ThreadPool {
  readonly #settings: ThreadSettings
  readonly #clock: Clock
  readonly #tasks = new Set<ThreadTask>()
  /** Threads that have been told to end, and have not yet. */
  readonly #ending = new Set<Promise<void>>()
  #pool: Piscina | undefined
  #ended: Promise<void> | undefined
  /** A thread died that had no request in hand, and nobody has heard of it yet. */
  #death: { readonly cause: unknown } | undefined

  constructor(settings: ThreadSettings, clock: Clock) {
    this.#settings = settings
    this.#clock = clock
  }

  /** Starts the first thread, which loads the module. Rejects with why it cannot. Either way, `end()` it. */
  async load(): Promise<void> {
    this.#pool = await this.#open()
    if (this.#ended !== undefined) throw closed()
    await this.#run(this.#pool, new ThreadTask(this.#settings, this.#clock))
  }

  /** To be called once it has been loaded, for no more requests at a time than there are threads. */
  readonly serve: Serve = async (payload, { signal, from, topic, remainingMs, trace }) => {
    if (this.#pool === undefined || this.#ended !== undefined) throw closed()
    const asked = { payload, from, topic, deadlineMs: sharedNowMs() + remainingMs, trace }
    return this.#run(this.#pool, new ThreadTask(this.#settings, this.#clock, asked), signal)
  }

  /** Calls off what is under way, ends the threads, and resolves once they have ended. */
  end(why: CaucusError = closed()): Promise<void> {
    this.#ended ??= this.#end(why)
    return this.#ended
  }

  async #end(why: CaucusError): Promise<void> {
    const tasks = [...this.#tasks]
    for (const task of tasks) task.callOff(why)
    await Promise.all(tasks.map(({ ended }) => ended))
    await this.#pool?.destroy()
    await Promise.all(this.#ending)
  }

  async #run(pool: Piscina, task: ThreadTask, signal?: AbortSignal): Promise<unknown> {
    this.#tasks.add(task)
    try {
      return await task.run(pool, signal)
    } finally {
      this.#tasks.delete(task)
    }
  }

  async #open(): Promise<Piscina> {
    // Only whoever needs threads pays for it.
    const { Piscina } = await import('piscina')
    const { threads, idleMs, resourceLimits } = this.#settings
    const pool = new Piscina({
      filename: fileURLToPath(ENTRY),
      minThreads: 0,
      maxThreads: threads,
      idleTimeout: idleMs,
      // A thread that waits for its next job goes on with what its module has begun: connections, timers.
      atomics: 'disabled',
      recordTiming: false,
      ...(resourceLimits !== undefined && { resourceLimits }),
    })
    pool.on('error', (cause: unknown) => {
      this.#death = { cause }
    })
    pool.on('workerDestroy', ({ id }: { readonly id: number }) => this.#onDestroyed(pool, id))
    return pool
  }

  #onDestroyed(pool: Piscina, id: number): void {
    // One that has ended by itself has no id any more.
    const thread = id < 0 ? undefined : pool.threads.find(({ threadId }) => threadId === id)
    if (thread !== undefined) {
      const ended = new Promise<void>((resolve) => thread.once('exit', () => resolve()))
      this.#ending.add(ended)
      // Idle or at work, a thread does not keep the process alive; but whoever waits for its end shall hear of it.
      thread.ref()
      void ended.then(() => this.#ending.delete(ended))
    }
    // Not before everybody has heard of it: the pool takes it off its list, and rejects what it had in hand.
    setImmediate(() => this.#lookForLost(pool))
  }

  /** The pool forgets a request that waits for a thread which dies before it begins, as where the system has no room for one more. */
  #lookForLost(pool: Piscina): void {
    const death = this.#death
    this.#death = undefined
    if (pool.threads.length === 0 && this.#tasks.size > 0) {
      const because = death === undefined ? 'it ended before it began' : textOf(death.cause)
      const why = new CaucusError('CAUCUS_HANDLER_FAILED', `the handler has no thread: ${because}`)
      for (const task of this.#tasks) task.kill(why)
    } else if (death !== undefined) warnOfDeath(this.#settings.module, death.cause)
  }
}

const closed = () => new CaucusError('CAUCUS_CLOSED', 'this producer has been closed')
