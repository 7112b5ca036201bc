import type { HubInput, ListenerKey, TopicView } from '../../core/dispatch/messages.ts'
import type { Instant, Millis } from '../../core/time.ts'
import { CaucusError } from '../../errors.ts'
import type { Clock } from '../../ports/clock.ts'
import type { Cable, Came, Subscription } from './cable.ts'
import { Census } from './census.ts'
import { inParts, type NatsMessage } from './messages.ts'
import type { Entry, Neighbour } from './neighbour.ts'
import type { Lane, Outbox } from './outbox.ts'
import type { Subjects } from './subjects.ts'

/** A roster of which nobody asks anything for so long is not kept any more. */
export const KEPT_MS: Millis = 300_000
/** What a roster says of itself when the server knows that nobody is there begins with this. */
const WHO = 'w'
/** Whoever answers without being expected is told so no more often than this. */
const DISOWNED_MS: Millis = 1_000

/** Who is on one topic, as this connection knows it. */
export class TopicRoster {
  readonly topic: string
  /** Requests to everybody. */
  readonly lane: Lane
  /** What listeners hear. */
  readonly heard: Lane
  readonly subscription: Subscription
  /** Whoever was there has said so: from now on changes are heard. */
  isReady = false
  usedAt: Instant
  askedAt: Instant
  /** How many asks are under way. */
  asks = 0
  /** How many questions are. */
  censuses = 0
  readonly waiting = new Set<() => void>()
  readonly entries = new Set<Entry>()
  /** Our hub's names for those that have listeners. */
  readonly listeners = new Map<Neighbour, ListenerKey>()

  constructor(
    topic: string,
    { lane, heard }: { readonly lane: Lane; readonly heard: Lane },
    subscription: Subscription,
    now: Instant,
  ) {
    this.topic = topic
    this.lane = lane
    this.heard = heard
    this.subscription = subscription
    this.usedAt = now
    this.askedAt = now
  }
}

export interface RostersHome {
  readonly clock: Clock
  readonly outbox: Outbox
  readonly subjects: Subjects
  /** What our producers' handlers know our asks by. */
  readonly name: string
  post(input: HubInput): void
  topic(name: string): TopicView | undefined
  /** What came on the subject of a roster. */
  came(came: Came): void
  /** It should have answered and has not. */
  suspect(neighbour: Neighbour): void
}

type Of<Type extends NatsMessage['type']> = Extract<NatsMessage, { type: Type }>

/**
 * Who is on the topics on which this connection asks. It asks all of them once, hears of changes from then on, and tells each producer that
 * it expects answers of it before it asks anything of it: a producer serves nobody who has not said so.
 */
export class Rosters {
  readonly #home: RostersHome
  readonly #rosters = new Map<string, TopicRoster>()
  readonly #censuses = new Map<number, Census>()
  readonly #entries = new Map<number, Entry>()
  /** Those that are to be told that we know them, once the frame that names them has been read. */
  readonly #known = new Map<Neighbour, Map<string, number[]>>()
  #cable: Cable | undefined
  #lastCensus = 0
  #lastKey = 0

  constructor(home: RostersHome) {
    this.#home = home
  }

  opened(cable: Cable): void {
    this.#cable = cable
  }

  /** Nothing of it is known any more. The hub has forgotten it too. */
  lost(): void {
    this.#cable = undefined
    const why = 'the connection to NATS was lost before everybody had said who is there; try again'
    for (const census of [...this.#censuses.values()]) census.fail(new CaucusError('CAUCUS_CONNECTION_LOST', why))
    this.#rosters.clear()
    this.#entries.clear()
    this.#known.clear()
  }

  /** The roster of a topic, which is kept from now on. It may not be ready. */
  use(topic: string): TopicRoster | undefined {
    const cable = this.#cable
    if (cable === undefined) return undefined
    const now = this.#home.clock.now()
    const known = this.#rosters.get(topic)
    if (known !== undefined) {
      known.usedAt = now
      // Whoever has not heard of us for long may have forgotten us, and some have gone without a word.
      if (known.censuses === 0 && (!known.isReady || now - known.askedAt > KEPT_MS)) this.#ask(known, cable)
      return known
    }
    const { outbox, subjects } = this.#home
    const subscription = cable.subscribe(subjects.roster(topic), (came) => this.#home.came(came))
    const lanes = { lane: outbox.lane(subjects.ask(topic)), heard: outbox.lane(subjects.heard(topic)) }
    const roster = new TopicRoster(topic, lanes, subscription, now)
    this.#rosters.set(topic, roster)
    this.#ask(roster, cable)
    return roster
  }

  /** Resolves with who is there now, in everybody's own words. */
  view(topic: string, signal: AbortSignal | undefined): Promise<TopicView | undefined> {
    return new Promise((resolve, reject) => {
      const cable = this.#cable
      const roster = this.use(topic)
      if (cable === undefined || roster === undefined) {
        return reject(new CaucusError('CAUCUS_UNAVAILABLE', 'there is no connection to NATS just now; try again'))
      }
      const abort = () => census.fail(signal?.reason)
      const settled = () => signal?.removeEventListener('abort', abort)
      const census = this.#ask(roster, cable, {
        done: () => {
          settled()
          resolve(this.#viewOf(census))
        },
        failed: (error) => {
          settled()
          reject(error)
        },
      })
      signal?.addEventListener('abort', abort, { once: true })
    })
  }

  entry(key: number): Entry | undefined {
    return this.#entries.get(key)
  }

  producer(neighbour: Neighbour, message: Of<'producer'>): void {
    const { topic, producer, id, concurrency, queue, metadata } = message
    if (message.census !== 0) this.#censusOf(message)?.producers.push(message)
    const roster = this.#rosters.get(topic)
    if (roster === undefined) return
    const known = neighbour.entries.get(producer)
    if (known !== undefined && (known.topic !== topic || known.isGone)) return
    if (known === undefined) {
      const key = ++this.#lastKey
      const entry: Entry = { key, neighbour, producer, topic, seat: 0, judging: 0, isGone: false }
      neighbour.entries.set(producer, entry)
      this.#entries.set(key, entry)
      roster.entries.add(entry)
      this.#home.post({ type: 'produce', producer: key, peer: 0, topic, id, metadata, queue, concurrency })
      // There may be too many.
      if (!this.#entries.has(key)) return
    }
    const topics = this.#known.get(neighbour) ?? new Map<string, number[]>()
    const producers = topics.get(topic)
    if (producers === undefined) topics.set(topic, [producer])
    else producers.push(producer)
    this.#known.set(neighbour, topics)
  }

  withdraw(neighbour: Neighbour, { producer }: Of<'withdraw'>): void {
    const entry = neighbour.entries.get(producer)
    if (entry !== undefined) this.#home.post({ type: 'withdraw', producer: entry.key })
  }

  leave(neighbour: Neighbour, { producer }: Of<'leave'>): void {
    const entry = neighbour.entries.get(producer)
    if (entry !== undefined) this.#gone(entry)
  }

  listeners(neighbour: Neighbour, message: Of<'listeners'>): void {
    const { topic, count } = message
    const census = this.#censusOf(message)
    if (census !== undefined) census.listeners += count
    const roster = this.#rosters.get(topic)
    if (roster === undefined) return
    const listener = roster.listeners.get(neighbour)
    if (count > 0 && listener === undefined) {
      const key = ++this.#lastKey
      roster.listeners.set(neighbour, key)
      this.#home.post({ type: 'listen', listener: key, peer: 0, topic })
    } else if (count === 0 && listener !== undefined) {
      roster.listeners.delete(neighbour)
      this.#home.post({ type: 'unlisten', listener })
    }
  }

  told(neighbour: Neighbour, message: Of<'told'>): void {
    this.#censusOf(message)?.answered(neighbour)
  }

  /** The frame has been read. */
  settle(): void {
    if (this.#known.size === 0) return
    const { outbox, name } = this.#home
    for (const [neighbour, topics] of this.#known) {
      const messages = [...topics].flatMap(([topic, all]) =>
        inParts(all).map((producers) => ({ type: 'known' as const, topic, producers, name })),
      )
      // Before anything is asked of them.
      outbox.tell(neighbour.lane.subject, messages)
    }
    this.#known.clear()
  }

  /** Everybody of that connection has gone, or stands still. Gives the topics on which somebody was. */
  forget(neighbour: Neighbour, because: 'ended' | 'silent'): ReadonlySet<string> {
    const topics = new Set<string>()
    if (because === 'silent') this.#disown(neighbour.entries.values())
    for (const entry of [...neighbour.entries.values()]) {
      topics.add(entry.topic)
      this.#gone(entry)
    }
    for (const roster of this.#rosters.values()) {
      if (!roster.listeners.has(neighbour)) continue
      topics.add(roster.topic)
      this.listeners(neighbour, { type: 'listeners', topic: roster.topic, count: 0, census: 0 })
    }
    return topics
  }

  /** Our hub has put another one in its place, or had no room for it. */
  dropped(key: number): void {
    const entry = this.#entries.get(key)
    if (entry === undefined) return
    this.#remove(entry)
    this.#disown([entry])
  }

  /** It has answered, and is not on our rosters: it was given up, and thinks that we expect it. */
  unexpected(neighbour: Neighbour, producer: number): void {
    const { clock, outbox } = this.#home
    const now = clock.now()
    if (now - neighbour.disownedAt < DISOWNED_MS) return
    neighbour.disownedAt = now
    outbox.tell(neighbour.lane.subject, [{ type: 'unknown', producers: [producer] }])
  }

  /** A schema has looked at one more reply of it. */
  judged(entry: Entry): void {
    entry.judging--
    if (entry.judging === 0 && entry.isGone) this.#left(entry)
  }

  /** The server says that nobody is there. True when that answers a question of ours. */
  nobody(token: string): boolean {
    if (!token.startsWith(WHO)) return false
    const census = this.#censuses.get(Number(token.slice(WHO.length)))
    census?.nobody()
    return true
  }

  /** Those of whom nobody has asked anything for long are not kept any more. */
  tidy(): void {
    const longAgo = this.#home.clock.now() - KEPT_MS
    for (const roster of [...this.#rosters.values()]) {
      if (roster.usedAt > longAgo || roster.asks > 0 || !roster.isReady) continue
      roster.subscription.end()
      this.#disown(roster.entries)
      for (const entry of [...roster.entries]) this.#gone(entry)
      for (const [, listener] of roster.listeners) this.#home.post({ type: 'unlisten', listener })
      this.#rosters.delete(roster.topic)
    }
  }

  #ask(roster: TopicRoster, cable: Cable, then?: { done(): void; failed(error: unknown): void }): Census {
    const { clock, outbox, subjects } = this.#home
    const { topic } = roster
    roster.askedAt = clock.now()
    roster.censuses++
    const before = roster.isReady ? this.#neighboursOf(roster) : undefined
    const over = () => {
      roster.censuses--
      this.#censuses.delete(census.id)
    }
    const census: Census = new Census(++this.#lastCensus, topic, {
      clock,
      cable,
      expected: () => before,
      done: () => {
        over()
        this.#concluded(roster, census, before)
        then?.done()
      },
      failed: (error) => {
        over()
        then?.failed(error)
      },
    })
    this.#censuses.set(census.id, census)
    const replyTo = subjects.gone(outbox.node, `${WHO}${census.id}`)
    outbox.tell(subjects.who(topic), [{ type: 'who', topic, census: census.id }], replyTo)
    void census.begin()
    return census
  }

  #concluded(roster: TopicRoster, census: Census, before: ReadonlySet<Neighbour> | undefined): void {
    for (const neighbour of before ?? []) if (!census.told.has(neighbour)) this.#home.suspect(neighbour)
    if (roster.isReady) return
    roster.isReady = true
    const waiting = [...roster.waiting]
    roster.waiting.clear()
    for (const run of waiting) run()
  }

  #neighboursOf({ entries, listeners }: TopicRoster): ReadonlySet<Neighbour> {
    return new Set([...[...entries].map(({ neighbour }) => neighbour), ...listeners.keys()])
  }

  #censusOf({ topic, census }: { readonly topic: string; readonly census: number }): Census | undefined {
    const found = census === 0 ? undefined : this.#censuses.get(census)
    return found?.topic === topic ? found : undefined
  }

  #viewOf({ topic, producers, listeners }: Census): TopicView | undefined {
    if (producers.length === 0 && listeners === 0) return undefined
    const late = this.#home.topic(topic)?.late ?? 0
    return {
      topic,
      producers: producers.map(({ id, concurrency, queued, metadata, queue }) => ({
        id,
        concurrency,
        queued,
        ...(metadata !== undefined && { metadata }),
        ...(queue !== undefined && { queue }),
      })),
      listeners,
      late,
    }
  }

  /** They may be there, but nothing is expected of them from here on. */
  #disown(entries: Iterable<Entry>): void {
    const byNeighbour = new Map<Neighbour, number[]>()
    for (const { neighbour, producer } of entries) {
      const producers = byNeighbour.get(neighbour)
      if (producers === undefined) byNeighbour.set(neighbour, [producer])
      else producers.push(producer)
    }
    for (const [{ lane }, all] of byNeighbour) {
      const messages = inParts(all).map((producers) => ({ type: 'unknown' as const, producers }))
      // What was asked before goes before it, and what is asked after it behind.
      this.#home.outbox.tell(lane.subject, messages)
    }
  }

  #gone(entry: Entry): void {
    if (entry.judging === 0) return this.#left(entry)
    entry.isGone = true
    this.#home.post({ type: 'withdraw', producer: entry.key })
  }

  #left(entry: Entry): void {
    this.#remove(entry)
    this.#home.post({ type: 'left', producer: entry.key })
  }

  #remove(entry: Entry): void {
    this.#entries.delete(entry.key)
    entry.neighbour.entries.delete(entry.producer)
    this.#rosters.get(entry.topic)?.entries.delete(entry)
  }
}
