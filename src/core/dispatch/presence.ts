import type { Instant } from '../time.ts'
import type { ListenerKey, PeerKey, ProducerKey, Registration } from './messages.ts'
import { Roster, type Seated } from './roster.ts'

/** Who is there: the rosters by topic, and everybody on them by key. A topic is there as long as somebody is on it. */
export class Presence {
  readonly #rosters = new Map<string, Roster>()
  /** Those who take no more requests but have not answered all, too: they are on no roster. */
  readonly #producers = new Map<ProducerKey, Seated>()
  readonly #listeners = new Map<ListenerKey, { readonly peer: PeerKey; readonly roster: Roster }>()

  get topics(): number {
    return this.#rosters.size
  }

  get producers(): number {
    return this.#producers.size
  }

  get listeners(): number {
    return this.#listeners.size
  }

  rosters(): readonly Roster[] {
    return [...this.#rosters.values()]
  }

  roster(topic: string): Roster | undefined {
    return this.#rosters.get(topic)
  }

  /** The topic of a producer, if anybody is on it. */
  rosterOf(producer: ProducerKey): Roster | undefined {
    const topic = this.#producers.get(producer)?.topic
    return topic === undefined ? undefined : this.#rosters.get(topic)
  }

  enter({ producer, peer, topic, id, metadata, queue, concurrency }: Registration, now: Instant): void {
    const seated: Seated = { producer, peer, topic, id, metadata, queue, concurrency, outstanding: 0, chosen: 0 }
    this.#producers.set(producer, seated)
    this.#opened(topic, now).add(seated)
  }

  /** Takes it off its roster. */
  withdraw(key: ProducerKey): void {
    const producer = this.#producers.get(key)
    if (producer === undefined) return
    const roster = this.#rosters.get(producer.topic)
    roster?.remove(producer)
    this.#closeIfEmpty(roster)
  }

  /** Forgets it, and gives what was known of it. */
  leave(key: ProducerKey): Seated | undefined {
    const producer = this.#producers.get(key)
    this.withdraw(key)
    this.#producers.delete(key)
    return producer
  }

  listen(listener: ListenerKey, peer: PeerKey, topic: string, now: Instant): void {
    const roster = this.#opened(topic, now)
    roster.listen(listener)
    this.#listeners.set(listener, { peer, roster })
  }

  unlisten(listener: ListenerKey): void {
    const roster = this.#listeners.get(listener)?.roster
    roster?.unlisten(listener)
    this.#listeners.delete(listener)
    this.#closeIfEmpty(roster)
  }

  producersOf(peer: PeerKey): readonly ProducerKey[] {
    return [...this.#producers.values()].filter((one) => one.peer === peer).map((one) => one.producer)
  }

  listenersOf(peer: PeerKey): readonly ListenerKey[] {
    return [...this.#listeners].filter(([, one]) => one.peer === peer).map(([listener]) => listener)
  }

  #opened(topic: string, now: Instant): Roster {
    const known = this.#rosters.get(topic)
    if (known !== undefined) return known
    const roster = new Roster(topic, now)
    this.#rosters.set(topic, roster)
    return roster
  }

  #closeIfEmpty(roster: Roster | undefined): void {
    if (roster?.isEmpty) this.#rosters.delete(roster.topic)
  }
}
