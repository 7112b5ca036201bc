import type { TraceContext } from '../../core/dispatch/link-messages.ts'
import type { Instant, Millis } from '../../core/time.ts'
import type { Asked } from '../../runtime/dispatch/delivery.ts'
import type { Asking } from './messages.ts'

/** What is known here of the ask behind a request. There are a great many of them: it is its own `from` and `request`. */
export class NatsAsked implements Asked {
  readonly ask: number
  readonly name: string
  readonly trace: TraceContext | undefined
  readonly topic: string
  readonly payload: unknown
  /** The asker judges replies in its own process. */
  readonly accept = undefined
  readonly deadline: Instant
  isOver = false
  awaited = 1
  late = 0
  readonly #now: () => Instant

  constructor({ ask, trace, withinMs }: Asking, name: string, topic: string, payload: unknown, now: () => Instant) {
    this.ask = ask
    this.name = name
    this.trace = trace
    this.topic = topic
    this.payload = payload
    this.deadline = now() + withinMs
    this.#now = now
  }

  get from(): this {
    return this
  }

  get request(): this {
    return this
  }

  /** By our own clock. */
  get remainingMs(): Millis {
    return Math.max(0, this.deadline - this.#now())
  }

  accepted(): void {
    // Without `accept` nobody calls it.
  }
}
