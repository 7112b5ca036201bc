import type { Millis } from '../../core/time.ts'
import type { CaucusError } from '../../errors.ts'
import type { Clock } from '../../ports/clock.ts'
import type { LogDetails } from '../../ports/log-events.ts'
import type { LogLevel } from '../../ports/telemetry.ts'
import type { ProduceRequest, ProducerPort, RequestContext, TopicsPort } from '../../ports/topics.ts'
import { MAX_PAYLOAD_BYTES } from '../../wire/limits.ts'
import type { Command } from '../work/gate.ts'
import { inputOf, replyOf } from './reply.ts'
import { type Ended, Run, type RunOptions } from './run.ts'

/** How many requests may wait for a program; one more is refused. */
const QUEUE_LIMIT = 1_000

export interface AnswererOptions {
  readonly topics: Pick<TopicsPort, 'produce'>
  readonly request: Omit<ProduceRequest, 'queueLimit'>
  readonly command: Command
  readonly graceMs: Millis
  readonly clock: Clock
  readonly minder: Pick<RunOptions, 'watch' | 'forget'>
  said(chunk: Buffer): void
  log(level: LogLevel, message: string, details: LogDetails): void
}

/** A producer whose handler is a program: one process for each request, and none of them outlives the wait for its reply for long. */
export class Answerer {
  /** Resolves once it has left by its own wish and no program is left; rejects when it was made to leave. */
  readonly done: Promise<void>
  readonly #options: AnswererOptions
  readonly #producer: ProducerPort
  readonly #runs = new Set<Run>()
  #limit: { clear(): void } | undefined
  #left: { readonly error: CaucusError | undefined } | undefined
  #resolve: () => void = () => undefined
  #reject: (error: unknown) => void = () => undefined

  constructor(options: AnswererOptions) {
    this.#options = options
    this.done = new Promise((resolve, reject) => {
      this.#resolve = resolve
      this.#reject = reject
    })
    const { topics, request, log } = options
    const { topic, id } = request
    this.#producer = topics.produce(
      { ...request, queueLimit: QUEUE_LIMIT },
      (payload, context) => this.#serve(payload, context),
      {
        ready: () => log('info', 'answering', { event: 'producer.registered', topic, id }),
        ended: (error) => {
          this.#left = { error }
          this.#settle()
        },
      },
    )
  }

  /** Takes no more requests and finishes those that it has; what goes on after `limitMs` is ended. */
  drain(limitMs: Millis): void {
    const { clock } = this.#options
    this.#limit = clock.setTimer(clock.now() + limitMs, () => this.#producer.close())
    // It resolves with the end that its listener is told, too.
    void this.#producer.drain()
  }

  /** Leaves at once, and kills what runs. */
  kill(): void {
    this.#producer.close()
    for (const run of this.#runs) run.kill()
  }

  async #serve(payload: unknown, context: RequestContext): Promise<unknown> {
    const { log } = this.#options
    const ended = await this.#run(payload, context)
    const { code, signal, isTooLong } = ended
    if (isTooLong) {
      const message = `the program wrote more than ${MAX_PAYLOAD_BYTES} bytes, and was ended`
      log('warn', message, { event: 'program.failed', code, signal })
    } else if (context.signal.aborted)
      log('debug', 'nobody waits for this reply any more', { event: 'reply.dropped', code, signal })
    else if (code === null && signal === null) log('error', UNKILLABLE, { event: 'kill.failed' })
    else if (code !== 0) log('warn', 'the program failed', { event: 'program.failed', code, signal })
    return replyOf(ended)
  }

  async #run(payload: unknown, { signal, topic, from, remainingMs }: RequestContext): Promise<Ended> {
    const { command, graceMs, clock, minder, said, log } = this.#options
    const run = new Run({
      command,
      env: {
        ...process.env,
        CAUCUS_TOPIC: topic,
        CAUCUS_FROM: from,
        CAUCUS_WITHIN_MS: String(Math.floor(remainingMs)),
      },
      input: inputOf(payload),
      outputBytes: MAX_PAYLOAD_BYTES,
      graceMs,
      clock,
      watch: (pgid, known) => minder.watch(pgid, known),
      forget: (pgid) => minder.forget(pgid),
      said,
    })
    this.#runs.add(run)
    log('debug', 'started', { event: 'program.spawned', from })
    const stop = () => run.stop()
    signal.addEventListener('abort', stop, { once: true })
    if (signal.aborted) stop()
    try {
      return await run.done
    } finally {
      signal.removeEventListener('abort', stop)
      this.#runs.delete(run)
      this.#settle()
    }
  }

  #settle(): void {
    if (this.#left === undefined || this.#runs.size > 0) return
    this.#limit?.clear()
    const { error } = this.#left
    if (error === undefined) this.#resolve()
    else this.#reject(error)
  }
}

const UNKILLABLE =
  'the program cannot be killed: it runs as another user, as with sudo, or hangs in the kernel. It is left alone; end it by hand'
