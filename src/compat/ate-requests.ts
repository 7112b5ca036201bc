import { CaucusError } from '../errors.ts'
import type { Summary } from '../index.ts'
import { about, type Payload, type Report, type TopicsPort } from './ate-topics.ts'

/** As many may wait for the start as may be under way after it. */
const MAX_UNSENT = 100_000

interface Request {
  readonly topic: string
  readonly payload: Payload
  readonly ttl: number
  resolve(summary: Summary): void
  reject(error: CaucusError): void
  abandon: (() => void) | undefined
}

/** A dispatcher's requests, from `send` to the end of each: none is lost in between, and none is kept after it. */
export class Requests {
  readonly #report: Report
  readonly #unsent = new Set<Request>()
  readonly #underWay = new Set<Request>()
  #topics: TopicsPort | undefined
  #idle: (() => void)[] = []

  constructor(report: Report) {
    this.#report = report
  }

  send(topic: string, payload: Payload, ttl: number): Promise<Summary> {
    const sent = new Promise<Summary>((resolve, reject) => {
      const request: Request = { topic, payload, ttl, resolve, reject, abandon: undefined }
      if (this.#topics !== undefined) this.#send(request, this.#topics)
      else if (this.#unsent.size < MAX_UNSENT) this.#unsent.add(request)
      else this.#fail(request, new CaucusError('CAUCUS_OVERLOADED', `${MAX_UNSENT} requests wait for start() already`))
    })
    // Who does not wait for it is told by the report.
    sent.catch(() => {})
    return sent
  }

  /** Sends what has waited for it, and what comes. */
  open(topics: TopicsPort): void {
    this.#topics = topics
    for (const request of this.#unsent) this.#send(request, topics)
    this.#unsent.clear()
  }

  /** Resolves once none is under way. */
  idle(): Promise<void> {
    if (this.#underWay.size === 0) return Promise.resolve()
    return new Promise((resolve) => this.#idle.push(resolve))
  }

  /** Calls off all that there are. */
  fail(error: CaucusError): void {
    for (const request of [...this.#unsent, ...this.#underWay]) {
      request.abandon?.()
      this.#fail(request, error)
    }
  }

  #send(request: Request, topics: TopicsPort): void {
    const { topic, payload, ttl: withinMs } = request
    this.#underWay.add(request)
    const port = topics.ask(
      { topic, payload, until: 'all', withinMs },
      {
        answered: (answer) => {
          if (answer.type === 'error')
            this.#report(about(`${answer.from} on ${topic}`, answer.error, { topic, from: answer.from }))
        },
        finished: (summary) => {
          this.#forget(request)
          request.resolve(summary)
        },
        failed: (error) => this.#fail(request, error),
      },
    )
    request.abandon = () => port.abandon()
  }

  #fail(request: Request, error: CaucusError): void {
    this.#forget(request)
    this.#report(about(`a request on ${request.topic}`, error, { topic: request.topic }))
    request.reject(error)
  }

  #forget(request: Request): void {
    this.#unsent.delete(request)
    if (!this.#underWay.delete(request) || this.#underWay.size > 0) return
    for (const resolve of this.#idle.splice(0)) resolve()
  }
}
