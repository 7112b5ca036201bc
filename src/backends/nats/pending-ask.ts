import type { Payload, Streamed } from '../../core/dispatch/link-messages.ts'
import type { Answer, Reply, Summary } from '../../core/dispatch/messages.ts'
import type { Seated } from '../../core/dispatch/roster.ts'
import type { Instant } from '../../core/time.ts'
import type { CaucusError } from '../../errors.ts'
import type { AskPort, AskRequest, AskSink } from '../../ports/topics.ts'
import { connectionClosed } from '../../runtime/dispatch/round.ts'
import { dropSource } from '../../runtime/dispatch/source.ts'
import type { TopicRoster } from './rosters.ts'

const NOBODY: readonly Seated[] = []

export interface PendingAskHome {
  abandoned(ask: PendingAsk): void
  over(ask: PendingAsk): void
}

/** One ask of this connection, from its call to its end. */
export class PendingAsk implements AskPort {
  readonly ask: number
  readonly request: AskRequest
  readonly payload: Payload
  readonly roster: TopicRoster
  readonly limitAt: Instant
  /** By seat, once it was sent. */
  expected: readonly Seated[] = NOBODY
  /** It waits until it is known who is there, and ends that with this. */
  waits: (() => void) | undefined = undefined
  /** It went to everybody in one message, not to each in one of its own. */
  isForAll = false
  /** The turn of the outbox in which it was sent. */
  sentIn = -1
  sentAt: Instant = 0
  /** Replies that a schema let through too late. */
  late = 0
  isOver = false
  readonly #sink: AskSink
  readonly #home: PendingAskHome

  constructor(
    ask: number,
    request: AskRequest,
    payload: Payload,
    roster: TopicRoster,
    limitAt: Instant,
    sink: AskSink,
    home: PendingAskHome,
  ) {
    this.ask = ask
    this.request = request
    this.payload = payload
    this.roster = roster
    this.limitAt = limitAt
    this.#sink = sink
    this.#home = home
  }

  answered(answer: Answer): void {
    if (this.isOver) return dropSource(answer)
    this.#sink.answered(answer)
  }

  finished(summary: Summary): void {
    if (this.isOver) return
    if (summary.ending === 'abandoned') return this.failed(connectionClosed())
    this.#end()
    this.#sink.finished(summary, this)
  }

  failed(error: CaucusError): void {
    if (this.isOver) return
    this.#end()
    this.#sink.failed(error)
  }

  abandon(): void {
    if (this.isOver) return
    this.#end()
    this.#home.abandoned(this)
  }

  #end(): void {
    this.isOver = true
    this.#home.over(this)
  }
}

/** A reply as its asker takes it, with what came: listeners hear that. */
export class Arrived implements Reply {
  readonly type = 'reply'
  readonly from: string
  readonly value: unknown
  readonly #payload: Payload | Streamed

  constructor(from: string, value: unknown, payload: Payload | Streamed) {
    this.from = from
    this.value = value
    this.#payload = payload
  }

  get carried(): Payload | Streamed {
    return this.#payload
  }
}
