import type { Payload } from '../../../core/dispatch/link-messages.ts'
import type { Answer } from '../../../core/dispatch/messages.ts'
import { Table } from '../../../core/dispatch/table.ts'
import type { Instant } from '../../../core/time.ts'
import { CaucusError, isCaucusError } from '../../../errors.ts'
import type { Clock } from '../../../ports/clock.ts'
import type { AskPort, AskRequest, AskSink } from '../../../ports/topics.ts'
import { Alarm } from '../../../runtime/dispatch/alarm.ts'
import { targetFault } from '../../../wire/topics/parts.ts'
import { toPayload } from '../../../wire/topics/payload.ts'
import { type AskHome, type PendingAsk, PlainAsk } from './ask.ts'
import { JudgedAsk } from './judged-ask.ts'
import type { Outbox } from './outbox.ts'

/** How many asks may be under way. */
const LIMIT = 100_000
/** So many fit, however long each is. */
const FEW_IDS = 256
const NOT_SENT: AskPort = { abandon: () => {} }

/** What this process has asked and not heard the end of. */
export class Asks implements AskHome {
  readonly #clock: Clock
  readonly #outbox: Outbox
  readonly #pending = new Table<PendingAsk>()
  readonly #alarm: Alarm<PendingAsk>
  readonly #onDiscarded: (answer: Answer) => void
  #last = 0

  constructor(clock: Clock, outbox: Outbox, onDiscarded: (answer: Answer) => void) {
    this.#clock = clock
    this.#outbox = outbox
    this.#onDiscarded = onDiscarded
    this.#alarm = new Alarm(clock, (ask, now) => ask.due(now))
  }

  begin(request: AskRequest, sink: AskSink): AskPort {
    const payload = this.#prepared(request)
    if (isCaucusError(payload)) {
      sink.failed(payload)
      return NOT_SENT
    }
    const ask = ++this.#last
    const { topic, until, to, withinMs, trace, accept } = request
    const limitAt = this.#clock.now() + withinMs
    const pending =
      accept === undefined
        ? new PlainAsk(ask, sink, limitAt, this)
        : new JudgedAsk(ask, request, accept, sink, limitAt, this)
    this.#pending.set(ask, pending)
    this.#alarm.add(pending)
    const named = accept !== undefined
    // A trace says when each of them answered.
    const patient = request.patient === true && !named && trace === undefined
    this.#outbox.say({
      type: 'ask',
      ask,
      topic,
      until: named ? 'all' : until,
      to,
      withinMs,
      named,
      patient,
      trace,
      payload,
    })
    return pending
  }

  get(ask: number): PendingAsk | undefined {
    return this.#pending.get(ask)
  }

  failAll(error: () => CaucusError): void {
    for (const each of this.#pending.all()) each.fail(error())
  }

  close(): void {
    this.#alarm.close()
  }

  over(ask: PendingAsk, abandon: boolean): void {
    if (!this.#pending.delete(ask.ask)) return
    this.#alarm.remove(ask)
    if (abandon) this.#outbox.say({ type: 'abandon', ask: ask.ask })
  }

  moved(ask: PendingAsk): void {
    this.#alarm.moved(ask)
  }

  now(): Instant {
    return this.#clock.now()
  }

  discard(answer: Answer): void {
    this.#onDiscarded(answer)
  }

  /** The payload as it travels, or why nothing is sent. */
  #prepared({ payload, to }: AskRequest): Payload | CaucusError {
    if (!this.#outbox.isOpen) {
      return new CaucusError('CAUCUS_UNAVAILABLE', 'there is no link to a server just now; nothing was sent, ask again')
    }
    if (this.#pending.size >= LIMIT) {
      return new CaucusError('CAUCUS_OVERLOADED', `there are ${LIMIT} asks under way already`)
    }
    if (this.#outbox.isFull) {
      return new CaucusError('CAUCUS_OVERLOADED', 'the link does not take what is sent to it; ask less at a time')
    }
    // Only a long list of ids can be too long: metadata has been measured.
    const fault = Array.isArray(to?.id) && to.id.length > FEW_IDS ? targetFault(to) : undefined
    if (fault !== undefined) return new CaucusError('CAUCUS_INVALID_ARGUMENT', fault)
    try {
      return toPayload(payload, 'the request', 'CAUCUS_INVALID_ARGUMENT')
    } catch (error) {
      if (isCaucusError(error)) return error
      throw error
    }
  }
}
