import type { ErrorCode } from '../../errors.ts'
import type { Instant, Millis } from '../time.ts'
import type { Answer, Ending, Seat, Until } from './messages.ts'
import { type AskSight, OUTCOMES, type Outcome, sightOf } from './sight.ts'

/** What is known of an ask by whoever gathers its answers. */
export interface Asked {
  readonly until: Until
  readonly startedAt: Instant
  readonly withinMs: Millis
  readonly seats: readonly { readonly id: string }[]
  outcomeOf(seat: Seat): Outcome
}

/** What is new for somebody who looks. */
export interface News {
  /** What to look on from the next time. */
  readonly version: number
  /** These are all: what was seen before is to be forgotten. */
  readonly anew: boolean
  /** New or changed, oldest first. */
  readonly asks: readonly AskSight[]
  /** So many that are not kept, since somebody watches. */
  readonly untold: number
}

/** So many asks are kept, and so many new ones a second: nobody reads faster, and what is watched must not become slow by it. */
const MAX_ASKS = 64
const NEW_PER_SECOND = 20
/** Of those that ended with somebody missing or failed, so many more: whoever looks wants to see these. */
const FAULTY_PER_SECOND = 10

const WAITING = OUTCOMES.indexOf('waiting')

/** One ask that is watched, with what became of everybody who was asked, and when. */
export class WatchedAsk {
  readonly number: number
  readonly asked: Asked
  /** By seat, the places of outcomes in their list. */
  readonly outcomes: Uint8Array
  /** By seat, how long after its beginning; `NaN`: not yet, or nobody looked. */
  readonly afterMs: Float64Array
  /** By seat, of those who answered with an error. */
  codes: Map<Seat, ErrorCode> | undefined
  ending: Ending | undefined
  tookMs: Millis | undefined
  /** The version of the watch in which it changed last. */
  changed: number
  readonly #watch: AskWatch

  constructor(number: number, asked: Asked, watch: AskWatch) {
    const { length } = asked.seats
    this.number = number
    this.asked = asked
    this.outcomes = Uint8Array.from({ length }, (_, seat) => OUTCOMES.indexOf(asked.outcomeOf(seat)))
    this.afterMs = new Float64Array(length).fill(Number.NaN)
    this.#watch = watch
    this.changed = watch.change()
  }

  answered(seat: Seat, answer: Answer, now: Instant): void {
    if (answer.type === 'error') {
      this.codes ??= new Map()
      this.codes.set(seat, answer.error.code)
    }
    this.#mark(seat, answer.type === 'reply' ? 'reply' : answer.outcome, now)
  }

  left(seat: Seat, now: Instant): void {
    this.#mark(seat, 'left', now)
  }

  ended(ending: Ending, now: Instant): void {
    this.ending = ending
    this.tookMs = now - this.asked.startedAt
    const open = OUTCOMES.indexOf(ending === 'timeout' ? 'timeout' : 'released')
    for (let seat = 0; seat < this.outcomes.length; seat++) {
      if (this.outcomes[seat] !== WAITING) continue
      this.outcomes[seat] = open
      this.afterMs[seat] = this.tookMs
    }
    this.changed = this.#watch.change()
  }

  #mark(seat: Seat, outcome: Outcome, now: Instant): void {
    this.outcomes[seat] = OUTCOMES.indexOf(outcome)
    this.afterMs[seat] = now - this.asked.startedAt
    this.changed = this.#watch.change()
  }
}

/**
 * The asks of one topic, as long as somebody watches: those under way and the last that ended. What it keeps and does is bounded, however
 * many there are: then it is a sample of them, and says so.
 */
export class AskWatch {
  /** Oldest first. */
  readonly #asks: WatchedAsk[] = []
  readonly #fresh: Ration
  readonly #faulty: Ration
  #numbers = 0
  #version = 0
  /** The last change of any that is not kept any more. */
  #forgotten = 0
  #untold = 0

  constructor(now: Instant) {
    this.#fresh = new Ration(NEW_PER_SECOND, now)
    this.#faulty = new Ration(FAULTY_PER_SECOND, now)
  }

  /** Something has changed; gives the version in which it has. */
  change(): number {
    return ++this.#version
  }

  /** One that was under way before anybody looked. */
  found(asked: Asked): WatchedAsk | undefined {
    return this.#keep(asked)
  }

  /** One that begins; `undefined`: it is one too many to be looked at. */
  began(asked: Asked, now: Instant): WatchedAsk | undefined {
    return this.#fresh.take(now) ? this.#keep(asked) : this.#leaveOut()
  }

  /** One has ended that was not looked at so far. */
  endedUnwatched(asked: Asked, ending: Ending, now: Instant): void {
    if (!this.#faulty.take(now)) return
    const kept = this.#keep(asked)
    if (kept === undefined) return
    // It was counted as left out when it began. When who answered, nobody has noted.
    this.#untold--
    kept.ended(ending, now)
  }

  /** What has changed since `version`; `undefined`: everything. */
  since(version: number | undefined, now: Instant): News {
    const anew = version === undefined || version < this.#forgotten
    const changed = anew ? this.#asks : this.#asks.filter((ask) => ask.changed > version)
    return { version: this.#version, anew, asks: changed.map((ask) => sightOf(ask, now)), untold: this.#untold }
  }

  get version(): number {
    return this.#version
  }

  #keep(asked: Asked): WatchedAsk | undefined {
    if (this.#asks.length >= MAX_ASKS) {
      const at = this.#asks.findIndex(({ ending }) => ending !== undefined)
      // Whatever is under way is followed to its end.
      if (at < 0) return this.#leaveOut()
      const [oldest] = this.#asks.splice(at, 1)
      this.#forgotten = Math.max(this.#forgotten, oldest?.changed ?? 0)
    }
    const kept = new WatchedAsk(++this.#numbers, asked, this)
    this.#asks.push(kept)
    return kept
  }

  #leaveOut(): undefined {
    this.#untold++
    return undefined
  }
}

/** So many a second, evenly; at first, and after a silence, as many as that at once. */
class Ration {
  readonly #perSecond: number
  #left: number
  #at: Instant

  constructor(perSecond: number, now: Instant) {
    this.#perSecond = perSecond
    this.#left = perSecond
    this.#at = now
  }

  take(now: Instant): boolean {
    this.#left = Math.min(this.#perSecond, this.#left + ((now - this.#at) * this.#perSecond) / 1_000)
    this.#at = now
    if (this.#left < 1) return false
    this.#left--
    return true
  }
}
