import { Deadlines } from '../deadlines.ts'
import type { Machine, Tick } from '../machine.ts'
import type { Instant } from '../time.ts'
import { Gather } from './gather.ts'
import type {
  AskId,
  AskMessage,
  Ending,
  Given,
  HubCounters,
  HubEffect,
  HubInput,
  PeerKey,
  ProducerKey,
  Registration,
  TopicView,
} from './messages.ts'
import { Presence } from './presence.ts'
import type { Seated } from './roster.ts'
import type { TopicUse } from './sight.ts'
import { Table } from './table.ts'
import { wanted } from './until.ts'
import type { AskWatch } from './watch.ts'
import { Watches } from './watches.ts'

export interface HubLimits {
  /** Asks that are under way. */
  readonly asks: number
  /** Producers, and listeners, of all topics. */
  readonly producers: number
  readonly listeners: number
}

/** Counts of what is there, for the tests of what must be empty. */
export interface HubView {
  readonly topics: number
  readonly producers: number
  readonly listeners: number
  readonly asks: number
  readonly counters: HubCounters
}

type Counts = { -readonly [Name in keyof HubCounters]: number }

const NOTHING: readonly HubEffect[] = Object.freeze([])
const NOBODY: readonly Seated[] = Object.freeze([])

/**
 * Takes requests to everybody on a topic and brings the answers back: each ask ends exactly once, says what became of everybody who was
 * expected, and leaves nothing behind. Who carries the messages, and what is in them, is none of its business.
 */
export class Hub implements Machine<HubInput, HubEffect, HubView> {
  readonly #limits: HubLimits
  readonly #presence = new Presence()
  readonly #asks = new Table<Gather>()
  readonly #deadlines = new Deadlines<Gather>()
  readonly #counts: Counts = {
    asks: 0,
    replies: 0,
    errors: 0,
    refused: 0,
    timedOut: 0,
    left: 0,
    released: 0,
    late: 0,
    foreign: 0,
  }
  readonly #watches = new Watches()
  #effects: HubEffect[] | undefined

  constructor(limits: HubLimits) {
    this.#limits = limits
  }

  step(input: HubInput | Tick, now: Instant): readonly HubEffect[] {
    switch (input.type) {
      case 'answers':
        for (const given of input.answers) this.#answer(given, now)
        break
      case 'ask':
        this.#ask(input, now)
        break
      case 'produce':
        this.#produce(input, now)
        break
      case 'withdraw':
        this.#presence.withdraw(input.producer)
        break
      case 'left':
        this.#release(input, now)
        this.#leave([input.producer], now)
        break
      case 'unlinked':
        this.#unlink(input.peer, now)
        break
      case 'abandon':
        this.#abandon(input.ask, now)
        break
      case 'listen':
        this.#listen(input, now)
        break
      case 'unlisten':
        this.#presence.unlisten(input.listener)
        break
      case 'watch':
        this.#watches.begin(input.topic, this.#asks.all(), now)
        break
      case 'unwatch':
        this.#watches.end(input.topic, this.#asks.all())
        break
      case 'woke':
        this.#wake(now)
        break
      case 'stalled':
        // The limit is the asker's own: it does not grow because somebody stood still. What had arrived by then has been read.
        break
    }
    const effects = this.#effects
    this.#effects = undefined
    return effects ?? NOTHING
  }

  wakeAt(): Instant | undefined {
    return this.#deadlines.first?.lookAt
  }

  view(): HubView {
    return {
      topics: this.#presence.topics,
      producers: this.#presence.producers,
      listeners: this.#presence.listeners,
      asks: this.#asks.size,
      counters: { ...this.#counts },
    }
  }

  /** What an ask costs at most, in messages; one that finds nobody costs one. */
  cost({ topic, to, until }: Pick<AskMessage, 'topic' | 'to' | 'until'>): number {
    return Math.max(1, this.#presence.roster(topic)?.cost(to, wanted(until, Number.POSITIVE_INFINITY)) ?? 0)
  }

  topic(name: string, now: Instant): TopicView | undefined {
    return this.#presence.roster(name)?.view(now)
  }

  /** All of them. */
  topics(now: Instant): readonly TopicView[] {
    return this.#presence.rosters().map((roster) => roster.view(now))
  }

  /** How a topic is used; it costs the same however many are on it. */
  use(topic: string, now: Instant): TopicUse | undefined {
    return this.#presence.roster(topic)?.use(now)
  }

  /** The asks of a topic that is watched. */
  watched(topic: string): Pick<AskWatch, 'since' | 'version'> | undefined {
    return this.#watches.of(topic)
  }

  #produce(registration: Registration, now: Instant): void {
    const { producer, topic, id } = registration
    const before = this.#presence.roster(topic)?.find(id)
    if (before === undefined && this.#presence.producers >= this.#limits.producers) {
      return this.#refuse('producer', producer, `there are ${this.#limits.producers} producers already`)
    }
    if (before !== undefined) {
      this.#leave([before.producer], now)
      this.#emit({ type: 'fenced', producer: before.producer })
    }
    this.#presence.enter(registration, now)
  }

  /** What a producer that leaves had not answered, as far as it is known. */
  #release({ producer, requests = [] }: Extract<HubInput, { type: 'left' }>, now: Instant): void {
    for (const { ask, seat } of requests) {
      const gather = this.#asks.get(ask)
      if (gather?.seats[seat]?.producer !== producer) continue
      if (!gather.leave(seat)) continue
      this.#counts.left++
      gather.watched?.left(seat, now)
      this.#endIfOver(gather, now)
    }
  }

  #leave(keys: readonly ProducerKey[], now: Instant): void {
    const gone = new Set<Seated>()
    let outstanding = 0
    for (const key of keys) {
      const producer = this.#presence.leave(key)
      if (producer === undefined) continue
      gone.add(producer)
      outstanding += producer.outstanding
    }
    // One search for all that go together, and none for those who have answered everything.
    if (outstanding === 0) return
    for (const gather of this.#asks.all()) {
      for (let seat = 0; seat < gather.seats.length; seat++) {
        if (!gone.has(gather.seats[seat] as Seated) || !gather.leave(seat)) continue
        this.#counts.left++
        gather.watched?.left(seat, now)
      }
      this.#endIfOver(gather, now)
    }
  }

  #unlink(peer: PeerKey, now: Instant): void {
    for (const gather of this.#asks.all()) if (gather.peer === peer) this.#end(gather, 'abandoned', now)
    for (const listener of this.#presence.listenersOf(peer)) this.#presence.unlisten(listener)
    this.#leave(this.#presence.producersOf(peer), now)
  }

  #ask(message: AskMessage, now: Instant): void {
    if (this.#asks.size >= this.#limits.asks) {
      return this.#refuse('ask', message.ask, `there are ${this.#limits.asks} asks under way already`, message.asker)
    }
    const roster = this.#presence.roster(message.topic)
    const seats = roster?.choose(message.to) ?? NOBODY
    const gather = new Gather(message, seats, now, roster?.rates)
    this.#counts.asks++
    if (!this.#watches.isEmpty) this.#watches.began(gather, now)
    this.#asks.set(message.ask, gather)
    this.#deadlines.add(gather)
    if (seats.length > 0) {
      const { ask, asker, payload } = message
      this.#emit({ type: 'request', ask, asker, payload, deadline: gather.limitAt, expected: seats })
    }
    this.#endIfOver(gather, now)
  }

  #answer({ ask, seat, producer, answer }: Given, now: Instant): void {
    const gather = this.#asks.get(ask)
    if (gather === undefined) return this.#countLate(producer)
    if (gather.seats[seat]?.producer !== producer || !gather.take(seat, answer, now)) {
      this.#counts.foreign++
      return
    }
    gather.watched?.answered(seat, answer, now)
    this.#emit({ type: 'answered', ask, asker: gather.asker, answer })
    if (answer.type === 'reply') {
      this.#counts.replies++
      const listeners = this.#presence.roster(gather.topic)?.listeners
      if (listeners !== undefined && listeners.length > 0) {
        this.#emit({ type: 'heard', ask, reply: answer, listeners })
      }
    } else this.#counts[answer.outcome === 'refused' ? 'refused' : 'errors']++
    this.#endIfOver(gather, now)
    // Quiet may come before the limit does.
    if (gather.place >= 0 && gather.dueAt() < gather.lookAt) this.#lookAgain(gather)
  }

  #abandon(ask: AskId, now: Instant): void {
    const gather = this.#asks.get(ask)
    if (gather !== undefined) this.#end(gather, 'abandoned', now)
  }

  #listen({ listener, peer, topic }: Extract<HubInput, { type: 'listen' }>, now: Instant): void {
    if (this.#presence.listeners >= this.#limits.listeners) {
      return this.#refuse('listener', listener, `there are ${this.#limits.listeners} listeners already`)
    }
    this.#presence.listen(listener, peer, topic, now)
  }

  #wake(now: Instant): void {
    for (let gather = this.#deadlines.first; gather !== undefined; gather = this.#deadlines.first) {
      if (gather.lookAt > now) return
      const ending = gather.expiry(now)
      if (ending === undefined) this.#lookAgain(gather)
      else this.#end(gather, ending, now)
    }
  }

  #endIfOver(gather: Gather, now: Instant): void {
    const ending = gather.ending()
    if (ending !== undefined) this.#end(gather, ending, now)
  }

  #end(gather: Gather, ending: Ending, now: Instant): void {
    const { ask, asker, seats: expected } = gather
    this.#asks.delete(ask)
    this.#deadlines.remove(gather)
    gather.rates?.ended(gather, ending, now)
    if (!this.#watches.isEmpty) this.#watches.ended(gather, ending, now)
    if (gather.outstanding > 0) {
      const seats = gather.close()
      this.#counts[ending === 'timeout' ? 'timedOut' : 'released'] += seats.length
      this.#emit({ type: 'cancel', ask, asker, seats, expected, ending })
    }
    this.#emit({ type: 'finished', ask, asker, summary: gather.summary(ending) })
  }

  #lookAgain(gather: Gather): void {
    gather.lookAt = gather.dueAt()
    this.#deadlines.moved(gather)
  }

  #countLate(producer: ProducerKey): void {
    this.#counts.late++
    const roster = this.#presence.rosterOf(producer)
    if (roster !== undefined) roster.late++
  }

  /** A list of one is the usual case, and made for one. */
  #emit(effect: HubEffect): void {
    if (this.#effects === undefined) this.#effects = [effect]
    else this.#effects.push(effect)
  }

  #refuse(what: 'producer' | 'ask' | 'listener', key: number, message: string, asker?: unknown): void {
    this.#emit({ type: 'refused', what, key, message, asker })
  }
}
