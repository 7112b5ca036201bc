import { CaucusError } from '../errors.ts'
import { handlerFailure } from '../runtime/dispatch/failure.ts'
import { Line, Work } from './ate-line.ts'
import { about, type Backend, type Registration, type Report, type TopicsPort } from './ate-topics.ts'

/** How many responses wait for a slow listener. */
const WAITING = 10_000

interface Inside {
  readonly line: Line
  readonly registrations: Set<ListenerRegistration>
  receive(topic: string, response: unknown, report: Report): void
}
let insideOf: (listener: ResultListener) => Inside
/** Also of a class that extends it. */
export let isListener: (value: unknown) => value is ResultListener

/**
 * Gets the responses on the topics for which it is registered, one at a time, in order of arrival, whoever asked. Extend it. What its
 * method throws loses it that response and nothing else. However slow it is, nobody waits for it.
 */
export abstract class ResultListener implements AsyncDisposable {
  readonly #line = new Line(WAITING)
  readonly #inside: Inside = {
    line: this.#line,
    registrations: new Set(),
    receive: (topic, response, report) => this.#receive(topic, response, report),
  }
  #isFull = false
  /** Of whoever brought the latest response. */
  #report: Report = () => {}

  static {
    insideOf = (listener) => listener.#inside
    isListener = (value): value is ResultListener => typeof value === 'object' && value !== null && #inside in value
  }

  /** It is awaited before the next response comes. */
  abstract processDispatcherResult(topic: string, response: unknown): unknown

  /** Gets responses from now on. What arrived before has waited, up to 10 000 of them. */
  start(): void {
    this.#line.start('listener')
  }

  /** Gets no more, and is deregistered wherever it still is. Resolves once it has been given what had arrived, if it was ever started. */
  stop(): Promise<void> {
    const { wasStarted, isStopped, size } = this.#line
    if (!wasStarted && !isStopped && size > 0) this.#report(neverStarted(size))
    const stopped = this.#line.stop()
    for (const registration of this.#inside.registrations) registration.end()
    return stopped
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.stop()
  }

  #receive(topic: string, response: unknown, report: Report): void {
    this.#report = report
    const work = new Work(async () => {
      this.#isFull = false
      try {
        await this.processDispatcherResult(topic, response)
      } catch (error) {
        report(about(`a listener of ${topic}`, handlerFailure(error), { topic }))
      }
    })
    if (this.#line.add(work) !== 'never' || this.#isFull) return
    // Said once, not ten thousand times, until there is room again.
    this.#isFull = true
    report(tooSlow(topic))
  }
}

export const insideOfListener = (listener: ResultListener): Pick<Inside, 'line'> => insideOf(listener)

/** One listener on one topic. */
export class ListenerRegistration implements Registration {
  readonly #listener: ResultListener
  readonly #topic: string
  readonly #report: Report
  readonly #onEnded: () => void
  #port: ReturnType<TopicsPort['listen']> | undefined
  #isOver = false

  constructor(
    listener: ResultListener,
    topic: string,
    { report, onEnded }: { readonly report: Report; onEnded(): void },
  ) {
    this.#listener = listener
    this.#topic = topic
    this.#report = report
    this.#onEnded = onEnded
    insideOf(listener).registrations.add(this)
  }

  open(_backend: Backend, topics: TopicsPort): void {
    const { receive } = insideOf(this.#listener)
    const port = topics.listen(this.#topic, {
      heard: ({ value }) => receive(this.#topic, value, this.#report),
      missed: (dropped) => this.#report(missed(this.#topic, dropped)),
      ended: (error) => this.#ended(error),
    })
    if (!this.#isOver) this.#port = port
  }

  end(): void {
    this.#port?.close()
    this.#ended(undefined)
  }

  #ended(error: CaucusError | undefined): void {
    if (this.#isOver) return
    this.#isOver = true
    insideOf(this.#listener).registrations.delete(this)
    this.#onEnded()
    if (error !== undefined) this.#report(about(`a listener of ${this.#topic}`, error, { topic: this.#topic }))
  }
}

const neverStarted = (responses: number): CaucusError =>
  new CaucusError('CAUCUS_CLOSED', `a listener was stopped with ${responses} responses waiting, but never started`, {
    details: { responses },
  })

/** By the way from the server to this process. */
const missed = (topic: string, dropped: number | undefined): CaucusError =>
  dropped === undefined
    ? new CaucusError(
        'CAUCUS_CONNECTION_LOST',
        `the link was lost: responses to a listener of ${topic} may be missing`,
        {
          details: { topic },
        },
      )
    : new CaucusError('CAUCUS_OVERLOADED', `${dropped} responses to a listener of ${topic} were lost on the way`, {
        details: { topic, dropped },
      })

const tooSlow = (topic: string): CaucusError =>
  new CaucusError(
    'CAUCUS_OVERLOADED',
    `a listener of ${topic} has ${WAITING} responses waiting; what comes is dropped until it has caught up`,
    { details: { topic } },
  )
