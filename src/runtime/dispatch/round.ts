import type { Answer, AskId, Summary } from '../../core/dispatch/messages.ts'
import type { Instant, Millis } from '../../core/time.ts'
import { CaucusError } from '../../errors.ts'
import type { Clock } from '../../ports/clock.ts'
import type { AskPort, AskRequest, AskSink } from '../../ports/topics.ts'
import type { Asked, Delivery } from './delivery.ts'
import { dropSource } from './source.ts'

/** A connection, which has a name. */
export interface Asker {
  readonly name: string
}

export interface RoundHome {
  readonly clock: Clock
  abandoned(ask: AskId): void
}

export const connectionClosed = () => new CaucusError('CAUCUS_CLOSED', 'this connection has been closed; connect again')

const NONE: Delivery[] = []

/** One ask, as everybody in this process who has to do with it knows it: its asker and its deliveries, by seat. */
export class Round implements Asked, AskPort {
  readonly ask: AskId
  readonly from: Asker
  readonly request: AskRequest
  /** By seat. */
  deliveries: (Delivery | undefined)[] = NONE
  deadline: Instant = 0
  awaited = 0
  late = 0
  /** How many replies have come while it was not over, to be taken in this turn. */
  given = 0
  readonly #home: RoundHome
  readonly #sink: AskSink
  #over = false
  #taken = 0
  /** Replies as the asker takes them, where that is not as they were given. */
  #accepted: Map<Answer, Answer> | undefined = undefined

  constructor(ask: AskId, from: Asker, request: AskRequest, sink: AskSink, home: RoundHome) {
    this.ask = ask
    this.from = from
    this.request = request
    this.#sink = sink
    this.#home = home
  }

  get isOver(): boolean {
    return this.#over
  }

  get remainingMs(): Millis {
    return Math.max(0, this.deadline - this.#home.clock.now())
  }

  begin(deadline: Instant, expected: number): void {
    this.deadline = deadline
    this.awaited = expected
    this.deliveries = new Array<Delivery | undefined>(expected)
  }

  accepted(answer: Answer, taken: unknown): void {
    this.#accepted ??= new Map()
    this.#accepted.set(answer, { type: 'reply', from: answer.from, value: taken })
  }

  answered(answer: Answer): void {
    if (this.#over) return dropSource(answer)
    if (answer.type === 'reply') this.#taken++
    this.#sink.answered(this.#accepted?.get(answer) ?? answer)
  }

  finished(summary: Summary): void {
    if (this.#over) return
    // Whoever abandons it has heard the last of it: this was the connection's end.
    if (summary.ending === 'abandoned') return this.failed(connectionClosed())
    this.#over = true
    // Those that came in the same turn as the one that ended it.
    this.late += this.given - this.#taken
    this.#sink.finished(summary, this)
  }

  failed(error: CaucusError): void {
    if (this.#over) return
    this.#over = true
    this.#sink.failed(error)
  }

  abandon(): void {
    if (this.#over) return
    this.#over = true
    this.#home.abandoned(this.ask)
  }
}
