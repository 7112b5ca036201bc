import type { Job } from '../../core/dispatch/desk.ts'
import type { TraceContext } from '../../core/dispatch/link-messages.ts'
import type { Answer, AskId, Ending, Seat } from '../../core/dispatch/messages.ts'
import { CaucusError, type ErrorCode } from '../../errors.ts'
import type { AskRequest, ServeContext } from '../../ports/topics.ts'

/** Why nobody needs the reply any more. */
export type Because = Ending | 'closed' | 'fenced' | 'lost'

const REASONS: Readonly<
  Record<
    Because,
    readonly [code: Extract<ErrorCode, `CAUCUS_${'TIMEOUT' | 'CLOSED' | 'FENCED' | 'CONNECTION_LOST'}`>, why: string]
  >
> = {
  met: ['CAUCUS_CLOSED', 'the asker has what it wanted; stop the work for it'],
  exhausted: ['CAUCUS_CLOSED', 'the ask has ended; stop the work for it'],
  nobody: ['CAUCUS_CLOSED', 'the ask has ended; stop the work for it'],
  abandoned: ['CAUCUS_CLOSED', 'the asker has gone; stop the work for it'],
  timeout: ['CAUCUS_TIMEOUT', 'the time limit of the ask is over; stop the work for it'],
  closed: ['CAUCUS_CLOSED', 'this producer has been closed; stop the work'],
  fenced: ['CAUCUS_FENCED', 'another producer has taken this id; stop the work'],
  lost: ['CAUCUS_CONNECTION_LOST', 'the link to the server is lost, and the ask with it; stop the work'],
}

/** What a delivery knows of its ask. */
export interface Asked {
  readonly ask: AskId
  readonly from: { readonly name: string }
  readonly request: Pick<AskRequest, 'topic' | 'payload' | 'accept' | 'trace'>
  readonly remainingMs: number
  readonly isOver: boolean
  /** How many have not answered yet. */
  awaited: number
  /** How many replies came when it was over. */
  late: number
  /** The reply, as the asker takes it. */
  accepted(answer: Answer, taken: unknown): void
}

/** Who has the delivery in hand. */
export interface Handler {
  start(delivery: Delivery): void
  cancel(delivery: Delivery, because: Because): void
}

/** One request in the hands of one producer. */
export class Delivery implements Job {
  stage: Job['stage'] = 'new'
  before: Job | undefined = undefined
  after: Job | undefined = undefined
  readonly round: Asked
  readonly seat: Seat
  readonly producer: Handler
  #because: Because | undefined = undefined
  #controller: AbortController | undefined = undefined

  constructor(round: Asked, seat: Seat, producer: Handler) {
    this.round = round
    this.seat = seat
    this.producer = producer
  }

  /** Made when a handler asks for it: most never do, and it costs more than everything else together. */
  get signal(): AbortSignal {
    if (this.#controller === undefined) {
      this.#controller = new AbortController()
      this.abort()
    }
    return this.#controller.signal
  }

  /** Nobody needs the reply any more. True when a signal has to be aborted for that. */
  revoke(because: Because): boolean {
    this.#because ??= because
    return this.#controller !== undefined
  }

  get isRevoked(): boolean {
    return this.#because !== undefined
  }

  /** Aborts the signal if the work was revoked. Runs listeners, which are somebody else's code. */
  abort(): void {
    if (this.#because === undefined || this.#controller === undefined) return
    const [code, why] = REASONS[this.#because]
    this.#controller.abort(new CaucusError(code, why))
  }
}

/** What a handler sees of its delivery. */
export class DeliveryContext implements ServeContext {
  readonly #delivery: Delivery

  constructor(delivery: Delivery) {
    this.#delivery = delivery
  }

  get signal(): AbortSignal {
    return this.#delivery.signal
  }

  get from(): string {
    return this.#delivery.round.from.name
  }

  get topic(): string {
    return this.#delivery.round.request.topic
  }

  get remainingMs(): number {
    return this.#delivery.round.remainingMs
  }

  get trace(): TraceContext | undefined {
    return this.#delivery.round.request.trace
  }

  get isCalledOff(): boolean {
    return this.#delivery.isRevoked
  }
}
