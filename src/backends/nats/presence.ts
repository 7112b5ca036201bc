import type { Clock } from '../../ports/clock.ts'
import type { ProduceRequest } from '../../ports/topics.ts'
import type { Cable, Came, Subscription } from './cable.ts'
import type { Announced, NatsMessage } from './messages.ts'
import type { Neighbour } from './neighbour.ts'
import type { Outbox } from './outbox.ts'
import type { Subjects } from './subjects.ts'

/** What is drawn of a rank; the rest is the time, so that whoever comes later mostly has the higher one. */
const DRAWN = 1_024

export interface PresenceHome {
  readonly clock: Clock
  readonly outbox: Outbox
  readonly subjects: Subjects
  /** What came on a subject of ours: that of a topic, or of an id on it. */
  came(came: Came, topic: string, id?: string): void
  /** Another connection has taken the id of this producer. */
  fenced(producer: number): void
}

interface Entered {
  readonly announced: Announced
  readonly rank: number
  /** It is on the rosters: whoever takes its id now comes later. */
  isConfirmed: boolean
  readonly claims: Subscription
}

/** What this connection listens to on one topic, as long as it has somebody there. */
class Stand {
  readonly producers = new Map<number, Entered>()
  /** Those that take no more requests: of what they have they may still hear that it has ended. */
  readonly draining = new Set<number>()
  listeners = 0
  who: Subscription | undefined
  asks: Subscription | undefined
  heard: Subscription | undefined
}

/** Where the producers and listeners of this connection are announced, and what has to be subscribed to for them. */
export class Presence {
  readonly #home: PresenceHome
  readonly #stands = new Map<string, Stand>()
  #cable: Cable | undefined
  /** Counts how often the server was lost. */
  #losses = 0

  constructor(home: PresenceHome) {
    this.#home = home
  }

  opened(cable: Cable): void {
    this.#cable = cable
  }

  /** All subscriptions have ended with the connection. */
  lost(): void {
    this.#cable = undefined
    this.#losses++
    this.#stands.clear()
  }

  /** `then` is called once whoever keeps a roster has been told, unless the server is lost before. */
  enter(announced: Announced, then: () => void): void {
    const cable = this.#cable
    if (cable === undefined) return
    const { outbox, subjects } = this.#home
    const { topic, id, producer } = announced
    const stand = this.#standOf(topic)
    stand.who ??= cable.subscribe(subjects.who(topic), (came) => this.#home.came(came, topic))
    stand.asks ??= cable.subscribe(subjects.ask(topic), (came) => this.#home.came(came, topic))
    const subject = subjects.id(topic, id)
    const rank = Date.now() * DRAWN + Math.floor(Math.random() * DRAWN)
    const claims = cable.subscribe(subject, (came) => this.#home.came(came, topic, id))
    const entered: Entered = { announced, rank, claims, isConfirmed: false }
    stand.producers.set(producer, entered)
    outbox.tell(subject, [{ type: 'claim', producer, rank }])
    outbox.tell(subjects.roster(topic), [{ type: 'producer', census: 0, ...announced }])
    void this.#confirmed(cable, () => {
      entered.isConfirmed = true
      then()
    })
  }

  withdraw(producer: number, { topic }: ProduceRequest): void {
    const { outbox, subjects } = this.#home
    if (!this.#stands.get(topic)?.producers.has(producer)) return
    this.#stands.get(topic)?.draining.add(producer)
    outbox.tell(subjects.roster(topic), [{ type: 'withdraw', topic, producer }])
    this.#remove(topic, producer)
  }

  leave(producer: number, { topic }: ProduceRequest): void {
    const { outbox, subjects } = this.#home
    // Also of one that has withdrawn before.
    outbox.tell(subjects.roster(topic), [{ type: 'leave', topic, producer }])
    this.#stands.get(topic)?.draining.delete(producer)
    this.#remove(topic, producer)
  }

  /** So many listen on the topic from now on. */
  listen(topic: string, listeners: number): void {
    const cable = this.#cable
    if (cable === undefined) return
    const { outbox, subjects } = this.#home
    const stand = this.#standOf(topic)
    stand.listeners = listeners
    if (listeners > 0) {
      stand.heard ??= cable.subscribe(subjects.heard(topic), (came) => this.#home.came(came, topic))
      stand.who ??= cable.subscribe(subjects.who(topic), (came) => this.#home.came(came, topic))
    } else {
      stand.heard?.end()
      stand.heard = undefined
    }
    outbox.tell(subjects.roster(topic), [{ type: 'listeners', topic, count: listeners, census: 0 }])
    this.#tidy(topic, stand)
  }

  listeners(topic: string): number {
    return this.#stands.get(topic)?.listeners ?? 0
  }

  /** Somebody takes the id of this subject. Of two that do so at the same time the one of the higher rank has it, or else of the higher number. */
  claimed(
    neighbour: Neighbour,
    { topic, id }: { readonly topic: string; readonly id: string },
    { producer, rank }: Extract<NatsMessage, { type: 'claim' }>,
  ): void {
    const { outbox, subjects } = this.#home
    for (const [own, entered] of [...(this.#stands.get(topic)?.producers ?? [])]) {
      if (entered.announced.id !== id || (neighbour.node === outbox.node && own >= producer)) continue
      const isHigher = rank === entered.rank ? neighbour.node > outbox.node : rank > entered.rank
      if (neighbour.node === outbox.node || entered.isConfirmed || isHigher) {
        this.#home.fenced(own)
        continue
      }
      outbox.tell(subjects.id(topic, id), [{ type: 'claim', producer: own, rank: entered.rank }])
      outbox.tell(subjects.roster(topic), [{ type: 'producer', census: 0, ...entered.announced }])
    }
  }

  /** The server has passed it on, and has had time for writing it to everybody; what came here meanwhile has been read. */
  async #confirmed(cable: Cable, then: () => void): Promise<void> {
    const losses = this.#losses
    if (!(await cable.confirmed()) || !(await cable.confirmed())) return
    this.#home.clock.turn(() => {
      if (this.#losses === losses) then()
    })
  }

  #standOf(topic: string): Stand {
    const known = this.#stands.get(topic)
    if (known !== undefined) return known
    const stand = new Stand()
    this.#stands.set(topic, stand)
    return stand
  }

  #remove(topic: string, producer: number): void {
    const stand = this.#stands.get(topic)
    if (stand === undefined) return
    stand.producers.get(producer)?.claims.end()
    stand.producers.delete(producer)
    this.#tidy(topic, stand)
  }

  #tidy(topic: string, stand: Stand): void {
    if (stand.producers.size === 0 && stand.draining.size === 0) {
      stand.asks?.end()
      stand.asks = undefined
    }
    if (stand.producers.size > 0 || stand.listeners > 0) return
    stand.who?.end()
    stand.who = undefined
    if (stand.draining.size === 0) this.#stands.delete(topic)
  }
}
