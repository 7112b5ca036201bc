import type { Due } from '../../../core/deadlines.ts'
import type { Answer, Summary } from '../../../core/dispatch/messages.ts'
import type { Instant, Millis } from '../../../core/time.ts'
import { CaucusError } from '../../../errors.ts'
import type { AskPort, AskSink } from '../../../ports/topics.ts'

/** How long after its limit an ask is given up that the server never ended. */
export const GRACE_MS: Millis = 1_000

/** One ask that is under way, as the link knows it. */
export interface PendingAsk extends Due {
  readonly ask: number
  /** Everybody who is expected, by name; only to an ask that wanted to know. */
  asked(expected: readonly string[]): void
  answered(answer: Answer): void
  /** The server's last word on it. */
  finished(summary: Summary): void
  /** It has ended without one. */
  fail(error: CaucusError): void
  due(now: Instant): void
}

/** What an ask needs of the connection. */
export interface AskHome {
  /** It is over here; with `abandon` the server is to know. */
  over(ask: PendingAsk, abandon: boolean): void
  moved(ask: PendingAsk): void
  now(): Instant
  /** What came in vain. */
  discard(answer: Answer): void
}

/** An ask of which the server decides how it goes and when it ends. */
export class PlainAsk implements PendingAsk, AskPort {
  readonly ask: number
  lookAt: Instant
  place = -1
  /** What comes too late is dropped by the server, and counted there. */
  readonly late = 0
  readonly #sink: AskSink
  readonly #home: AskHome

  constructor(ask: number, sink: AskSink, limitAt: Instant, home: AskHome) {
    this.ask = ask
    this.lookAt = limitAt + GRACE_MS
    this.#sink = sink
    this.#home = home
  }

  asked(): void {
    // Whoever does not judge does not need to know who is expected.
  }

  answered(answer: Answer): void {
    this.#sink.answered(answer)
  }

  finished(summary: Summary): void {
    this.#home.over(this, false)
    if (summary.ending === 'abandoned') this.#sink.failed(endedByServer())
    else this.#sink.finished(summary, this)
  }

  fail(error: CaucusError): void {
    this.#home.over(this, false)
    this.#sink.failed(error)
  }

  due(): void {
    this.#home.over(this, true)
    this.#sink.failed(neverEnded())
  }

  abandon(): void {
    if (this.place >= 0) this.#home.over(this, true)
  }
}

export const endedByServer = (): CaucusError =>
  new CaucusError(
    'CAUCUS_CONNECTION_LOST',
    'the server has ended this ask, since it stops; some may have worked on it: ask again if that does no harm',
  )

export const neverEnded = (): CaucusError =>
  new CaucusError(
    'CAUCUS_TIMEOUT',
    `the server has not said within ${GRACE_MS} ms after the limit how this ask went; ask again if that does no harm`,
  )
