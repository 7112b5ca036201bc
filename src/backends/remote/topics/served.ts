import type { Due } from '../../../core/deadlines.ts'
import type { TopicsDown, TraceContext } from '../../../core/dispatch/link-messages.ts'
import type { Instant, Millis } from '../../../core/time.ts'
import { type Asked, Delivery, type Handler } from '../../../runtime/dispatch/delivery.ts'

export type RequestMessage = Extract<TopicsDown, { type: 'request' }>

/** What is known here of the ask behind a request. There are a great many of them: it is its own `from` and `request`. */
export class RemoteAsked implements Asked {
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

  constructor(message: RequestMessage, topic: string, payload: unknown, now: () => Instant) {
    this.ask = message.request
    this.name = message.from
    this.trace = message.trace
    this.topic = topic
    this.payload = payload
    this.deadline = now() + message.remainingMs
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

/** One request in the hands of a producer of this process. */
export class ServedRequest extends Delivery implements Due {
  /** The link over which it came: on another one its number is somebody else's. */
  readonly link: number
  lookAt: Instant
  place = -1
  readonly #asked: RemoteAsked

  constructor(link: number, asked: RemoteAsked, producer: Handler) {
    super(asked, 0, producer)
    this.link = link
    this.lookAt = asked.deadline
    this.#asked = asked
  }

  /** Its ask has ended. */
  over(): void {
    this.#asked.isOver = true
  }
}
