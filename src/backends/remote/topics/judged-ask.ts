import { Gather } from '../../../core/dispatch/gather.ts'
import type { Answer, Ending, Reply, Seat, Summary } from '../../../core/dispatch/messages.ts'
import type { Seated } from '../../../core/dispatch/roster.ts'
import type { Instant } from '../../../core/time.ts'
import type { CaucusError } from '../../../errors.ts'
import type { AskPort, AskRequest, AskSink } from '../../../ports/topics.ts'
import { handlerFailure } from '../../../runtime/dispatch/failure.ts'
import { type AskHome, endedByServer, GRACE_MS, neverEnded, type PendingAsk } from './ask.ts'

/**
 * An ask whose replies are judged here before they count, so that only this side knows when it has enough. The server asks for all, and
 * names whom; what it says at the end tells who has left.
 */
export class JudgedAsk implements PendingAsk, AskPort {
  readonly ask: number
  lookAt: Instant
  place = -1
  late = 0
  readonly #request: AskRequest
  readonly #accept: (value: unknown) => unknown
  readonly #sink: AskSink
  readonly #home: AskHome
  readonly #limitAt: Instant
  readonly #seats = new Map<string, Seat>()
  #gather: Gather | undefined
  /** Replies that a schema is still looking at. */
  #judging = 0
  #isFinished = false
  #isOver = false

  constructor(
    ask: number,
    request: AskRequest,
    accept: (value: unknown) => unknown,
    sink: AskSink,
    limitAt: Instant,
    home: AskHome,
  ) {
    this.ask = ask
    this.#request = request
    this.#accept = accept
    this.#sink = sink
    this.#limitAt = limitAt
    this.lookAt = limitAt + GRACE_MS
    this.#home = home
  }

  asked(expected: readonly string[]): void {
    const { topic, until } = this.#request
    const now = this.#home.now()
    expected.forEach((id, seat) => {
      this.#seats.set(id, seat)
    })
    const withinMs = this.#limitAt - now
    const message = { ask: this.ask, peer: 0, asker: undefined, topic, payload: undefined, until, withinMs }
    this.#gather = new Gather(message, expected.map(seated), now)
  }

  answered(answer: Answer): void {
    if (answer.type === 'error') return this.#take(answer, answer)
    let taken: unknown
    try {
      taken = this.#accept(answer.value)
    } catch (error) {
      return this.#refused(answer, error)
    }
    if (!(taken instanceof Promise)) return this.#take({ type: 'reply', from: answer.from, value: taken }, answer)
    this.#judging++
    taken.then(
      (value: unknown) => {
        this.#judging--
        this.#take({ type: 'reply', from: answer.from, value }, answer)
      },
      (error: unknown) => {
        this.#judging--
        this.#refused(answer, error)
      },
    )
  }

  finished(summary: Summary): void {
    this.#isFinished = true
    const gather = this.#gather
    if (gather === undefined) {
      // Nobody was there, or the server said nothing of who was: its word has to do.
      this.#over()
      return this.#sink.finished(summary, this)
    }
    if (summary.ending === 'abandoned') return this.fail(endedByServer())
    for (const id of summary.left) gather.leave(this.#seats.get(id) ?? -1)
    const ending = gather.ending()
    if (ending !== undefined) this.#end(ending)
    else if (summary.ending === 'timeout' || this.#judging === 0) this.#end('timeout')
    else this.#lookAgain()
  }

  fail(error: CaucusError): void {
    if (this.#isOver) return
    this.#over()
    this.#sink.failed(error)
  }

  due(now: Instant): void {
    const gather = this.#gather
    if (gather === undefined) {
      this.#over()
      return this.#sink.failed(neverEnded())
    }
    const ending = gather.expiry(now)
    // The server's timer ends an ask: who has left is known there.
    if (ending === 'met' || (ending === 'timeout' && (this.#isFinished || now >= this.#limitAt + GRACE_MS))) {
      this.#end(ending)
    } else this.#lookAgain()
  }

  abandon(): void {
    if (!this.#isOver) this.#over()
  }

  #refused(reply: Reply, error: unknown): void {
    this.#home.discard(reply)
    const { from } = reply
    const failure: Answer = { type: 'error', outcome: 'error', from, error: handlerFailure(error) }
    this.#take(failure, failure)
  }

  #take(answer: Answer, given: Answer): void {
    const gather = this.#gather
    if (this.#isOver || gather === undefined) {
      if (answer.type === 'reply') this.late++
      return this.#home.discard(given)
    }
    if (!gather.take(this.#seats.get(answer.from) ?? -1, answer, this.#home.now())) return this.#home.discard(given)
    this.#sink.answered(answer)
    const ending = gather.ending()
    if (ending !== undefined) this.#end(ending)
    else if (this.#isFinished && this.#judging === 0) this.#end('timeout')
    else if (gather.dueAt() < this.lookAt) this.#lookAgain()
  }

  #lookAgain(): void {
    const dueAt = this.#gather?.dueAt() ?? this.#limitAt
    this.lookAt = dueAt < this.#limitAt || this.#isFinished ? dueAt : this.#limitAt + GRACE_MS
    this.#home.moved(this)
  }

  #end(ending: Ending): void {
    const gather = this.#gather
    this.#over()
    gather?.close()
    if (gather !== undefined) this.#sink.finished(gather.summary(ending), this)
  }

  #over(): void {
    this.#isOver = true
    this.#home.over(this, !this.#isFinished)
  }
}

const seated = (id: string, producer: number): Seated => ({
  producer,
  peer: 0,
  topic: '',
  id,
  concurrency: 1,
  outstanding: 0,
  chosen: 0,
})
