import type { Due } from '../../core/deadlines.ts'
import type { TraceContext } from '../../core/dispatch/link-messages.ts'
import type { AskId } from '../../core/dispatch/messages.ts'
import type { Instant, Millis } from '../../core/time.ts'
import { type Asked, Delivery, type Handler } from './delivery.ts'

export interface Received {
  /** The number by which it is answered. */
  readonly ask: AskId
  /** Who asks. */
  readonly name: string
  readonly trace: TraceContext | undefined
  readonly topic: string
  readonly payload: unknown
  /** What was left of its limit when it came. */
  readonly withinMs: Millis
}

/** What is known here of an ask of another process. There are a great many of them: it is its own `from` and `request`. */
export class ReceivedAsk implements Asked {
  readonly ask: AskId
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

  constructor({ ask, name, trace, topic, payload, withinMs }: Received, now: () => Instant) {
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

/** One request of another process in the hands of a producer of this one. */
export class ReceivedRequest extends Delivery implements Due {
  lookAt: Instant
  place = -1
  readonly #asked: ReceivedAsk

  constructor(asked: ReceivedAsk, producer: Handler) {
    super(asked, 0, producer)
    this.lookAt = asked.deadline
    this.#asked = asked
  }

  /** Its ask has ended. */
  over(): void {
    this.#asked.isOver = true
  }
}
