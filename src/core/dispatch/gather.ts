import type { Due } from '../deadlines.ts'
import { invariant } from '../machine.ts'
import type { Instant, Millis } from '../time.ts'
import type { Answer, AskId, AskMessage, Ending, PeerKey, Seat, Summary, Until } from './messages.ts'
import type { EndedAsk, Rates } from './rates.ts'
import type { Seated } from './roster.ts'
import type { Outcome } from './sight.ts'
import { dueAt, endingOf, expiry, type Standing } from './until.ts'
import type { Asked, WatchedAsk } from './watch.ts'

const NOBODY: readonly string[] = Object.freeze([])

/** One ask: who was expected when it was sent, what became of each, and whether that is enough. The list is never changed. */
export class Gather implements Due, Standing, Asked, EndedAsk {
  readonly ask: AskId
  readonly peer: PeerKey
  readonly asker: unknown
  readonly topic: string
  readonly seats: readonly Seated[]
  readonly until: Until
  readonly withinMs: Millis
  readonly limitAt: Instant
  /** Of its topic, unless nobody is on it. */
  readonly rates: Rates | undefined
  /** There while somebody watches it. */
  watched: WatchedAsk | undefined = undefined
  lookAt: Instant
  place = -1
  replied = 0
  repliedAt: Instant | undefined = undefined
  outstanding: number
  errors = 0
  refused = 0
  #left = 0
  readonly #outcomes: Outcome[]

  constructor(message: AskMessage, seats: readonly Seated[], now: Instant, rates?: Rates) {
    const { ask, peer, asker, topic, until, withinMs } = message
    this.ask = ask
    this.peer = peer
    this.asker = asker
    this.topic = topic
    this.seats = seats
    this.until = until
    this.withinMs = withinMs
    this.rates = rates
    this.limitAt = now + withinMs
    this.lookAt = this.limitAt
    this.outstanding = seats.length
    this.#outcomes = new Array<Outcome>(seats.length).fill('waiting')
    for (const seat of seats) seat.outstanding++
  }

  get expected(): number {
    return this.seats.length
  }

  get startedAt(): Instant {
    return this.limitAt - this.withinMs
  }

  /** Somebody has failed so far, or has left. */
  get isFaulty(): boolean {
    return this.errors > 0 || this.#left > 0
  }

  outcomeOf(seat: Seat): Outcome {
    return this.#outcomes[seat] ?? 'waiting'
  }

  /** Takes the answer from `seat`; false when none is expected from there, or not any more. */
  take(seat: Seat, answer: Answer, now: Instant): boolean {
    if (!this.#settle(seat, answer.type === 'reply' ? 'reply' : answer.outcome)) return false
    if (answer.type === 'reply') {
      this.replied++
      this.repliedAt = now
    } else {
      this.errors++
      if (answer.outcome === 'refused') this.refused++
    }
    return true
  }

  /** A producer has gone; false when nothing was expected of it. */
  leave(seat: Seat): boolean {
    if (!this.#settle(seat, 'left')) return false
    this.#left++
    return true
  }

  /** How it has ended by what came; `undefined`: it goes on. */
  ending(): Ending | undefined {
    return endingOf(this.until, this)
  }

  /** How it has ended by time. */
  expiry(now: Instant): Ending | undefined {
    return dueAt(this.until, this) <= now ? expiry(this.until, this) : undefined
  }

  dueAt(): Instant {
    return dueAt(this.until, this)
  }

  /** Ends it: nobody is outstanding any more. Gives the seats of those who were. */
  close(): readonly Seat[] {
    const seats: Seat[] = []
    if (this.outstanding === 0) return seats
    for (let seat = 0; seat < this.#outcomes.length; seat++) {
      if (this.#outcomes[seat] !== 'waiting') continue
      seats.push(seat)
      ;(this.seats[seat] as Seated).outstanding--
    }
    invariant(seats.length === this.outstanding, 'as many seats are outstanding as have been counted')
    return seats
  }

  summary(ending: Ending): Summary {
    const inVain = ending === 'timeout' || ending === 'exhausted'
    const left = this.#ids('left')
    const open = this.#ids('waiting')
    const summary = {
      expected: this.expected,
      replied: this.replied,
      errors: this.errors,
      refused: this.refused,
      missing: inVain && open.length > 0 ? this.#ids('left', 'waiting') : left,
      left,
      released: inVain ? NOBODY : open,
      ending,
    }
    if (ending === 'nobody') return { ...summary, code: 'CAUCUS_NO_RESPONDERS' }
    return ending === 'timeout' ? { ...summary, code: 'CAUCUS_TIMEOUT' } : summary
  }

  #settle(seat: Seat, outcome: Outcome): boolean {
    if (this.#outcomes[seat] !== 'waiting') return false
    this.#outcomes[seat] = outcome
    this.outstanding--
    ;(this.seats[seat] as Seated).outstanding--
    return true
  }

  #ids(outcome: Outcome, or?: Outcome): readonly string[] {
    if ((outcome === 'left' ? this.#left : this.outstanding) === 0 && or === undefined) return NOBODY
    const ids: string[] = []
    for (let seat = 0; seat < this.#outcomes.length; seat++) {
      const its = this.#outcomes[seat]
      if (its === outcome || its === or) ids.push((this.seats[seat] as Seated).id)
    }
    return ids
  }
}
