import { type BackendFactory, embedded, type RequestContext } from 'caucus'
import { ATEDispatcher, Producer, ResultListener } from 'caucus/compat'
import { onTestFinished } from 'vitest'
import type { CaucusError } from '../../../src/errors.ts'
import { SimulatedClock } from '../../../src/testing/simulated-clock.ts'

type Produce = (
  topic: string,
  args: readonly unknown[],
  kwargs: Readonly<Record<string, unknown>>,
  context: RequestContext,
) => unknown

export class Saying extends Producer {
  readonly #produce: Produce

  constructor(produce: Produce) {
    super()
    this.#produce = produce
  }

  produceDispatcherOutput(...given: Parameters<Produce>): unknown {
    return this.#produce(...given)
  }
}

export class Hearing extends ResultListener {
  readonly heard: [topic: string, response: unknown][] = []
  readonly #process: (response: unknown) => unknown

  constructor(process: (response: unknown) => unknown = () => {}) {
    super()
    this.#process = process
  }

  processDispatcherResult(topic: string, response: unknown): unknown {
    this.heard.push([topic, response])
    return this.#process(response)
  }

  get responses(): readonly unknown[] {
    return this.heard.map(([, response]) => response)
  }
}

/** A dispatcher whose time moves only when a test says so, and what it told; it is stopped with its test, which must leave no timer. */
export const world = ({ backend }: { backend?: BackendFactory } = {}) => {
  const clock = new SimulatedClock(1_000)
  const told: CaucusError[] = []
  const shared = backend ?? embedded({ clocks: clock })
  const dispatcher = new ATEDispatcher({ backend: shared, onError: (error) => told.push(error) })

  /** Lets time go by until `promise` is settled. */
  const within = async <T>(ms: number, promise: Promise<T>): Promise<T> => {
    let isDone = false
    const finish = () => {
      isDone = true
    }
    promise.then(finish, finish)
    await clock.play(0)
    for (let waited = 0; waited < ms && !isDone; waited += 10) await clock.play(10)
    if (!isDone) throw new Error(`nothing came of it within ${ms} ms of simulated time`)
    return promise
  }

  const rest = (ms: number, signal?: AbortSignal) =>
    new Promise<void>((resolve, reject) => {
      const timer = clock.setTimer(clock.now() + ms, resolve)
      signal?.addEventListener('abort', () => {
        timer.clear()
        reject(signal.reason)
      })
    })

  const started = <Member extends Producer | ResultListener>(member: Member): Member => {
    member.start()
    return member
  }

  onTestFinished(async () => {
    await within(10_000, dispatcher.stop())
    await clock.play(1)
    if (clock.pending > 0) throw new Error(`${clock.pending} timers were left behind`)
  })
  return { backend: shared, clock, dispatcher, rest, started, told, within }
}

export const codes = (told: readonly CaucusError[]) => told.map(({ code }) => code)
