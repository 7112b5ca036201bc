import { isSame, memberOf } from '../same.ts'
import type { Instant } from '../time.ts'
import type { ListenerKey, Registration, Target, TopicView } from './messages.ts'
import { Rates } from './rates.ts'
import type { TopicUse } from './sight.ts'

/** A producer on the roster. */
export interface Seated extends Registration {
  /** How many requests it has not answered. */
  outstanding: number
  /** When it was chosen last among others, as a rising number. */
  chosen: number
}

/** Who produces on one topic, and who listens. Producers stand in the order of their registration. */
export class Roster {
  readonly topic: string
  readonly rates: Rates
  late = 0
  readonly #byId = new Map<string, Seated>()
  readonly #listeners = new Set<ListenerKey>()
  /** All of these, as a list that is never changed. */
  #ears: readonly ListenerKey[] | undefined
  /** Everybody, as a list that is never changed: an ask keeps it as the set that it expects. */
  #everybody: readonly Seated[] | undefined
  #queued = 0
  /** How many are in each queue. */
  readonly #queues = new Map<string, number>()
  #choices = 0

  constructor(topic: string, now: Instant) {
    this.topic = topic
    this.rates = new Rates(now)
  }

  get isEmpty(): boolean {
    return this.#byId.size === 0 && this.#listeners.size === 0
  }

  get size(): number {
    return this.#byId.size
  }

  get listeners(): readonly ListenerKey[] {
    this.#ears ??= [...this.#listeners]
    return this.#ears
  }

  find(id: string): Seated | undefined {
    return this.#byId.get(id)
  }

  add(producer: Seated): void {
    this.#byId.set(producer.id, producer)
    this.#everybody = undefined
    if (producer.queue !== undefined) this.#enqueue(producer.queue, 1)
  }

  /** Takes it off, unless another has its place by now. */
  remove(producer: Seated): void {
    if (this.#byId.get(producer.id) !== producer) return
    this.#byId.delete(producer.id)
    this.#everybody = undefined
    if (producer.queue !== undefined) this.#enqueue(producer.queue, -1)
  }

  listen(listener: ListenerKey): void {
    this.#listeners.add(listener)
    this.#ears = undefined
  }

  unlisten(listener: ListenerKey): void {
    this.#listeners.delete(listener)
    this.#ears = undefined
  }

  /** Whom an ask for `to` expects answers from, in this view. */
  choose(to: Target | undefined): readonly Seated[] {
    this.#everybody ??= [...this.#byId.values()]
    const asked = to === undefined ? this.#everybody : this.#everybody.filter(matching(to))
    const chosen = this.#queued === 0 ? asked : this.#oneOfEachQueue(asked)
    return to?.pick === undefined || to.pick >= chosen.length ? chosen : this.#leastBusy(chosen, to.pick)
  }

  /**
   * What an ask costs at most, in messages: one for each who would be asked, and one for each listener to each of `wanted` replies. To
   * look for somebody among all costs too, if less.
   */
  cost(to: Target | undefined, wanted: number): number {
    const chosen = Math.min(
      this.#byId.size - this.#queued + this.#queues.size,
      to?.pick ?? Number.POSITIVE_INFINITY,
      to?.id === undefined ? Number.POSITIVE_INFINITY : typeof to.id === 'string' ? 1 : to.id.length,
    )
    const looks = to === undefined && this.#queued === 0 ? 0 : this.#byId.size * looksAt(to?.metadata)
    return chosen + Math.min(chosen, wanted) * this.#listeners.size + Math.ceil(looks / LOOKS)
  }

  view(now: Instant): TopicView {
    const producers = [...this.#byId.values()].map(({ id, concurrency, outstanding, metadata, queue }) => ({
      id,
      concurrency,
      queued: Math.max(0, outstanding - concurrency),
      ...(metadata !== undefined && { metadata }),
      ...(queue !== undefined && { queue }),
    }))
    return {
      topic: this.topic,
      producers,
      listeners: this.#listeners.size,
      late: this.late,
      rates: this.rates.view(now),
    }
  }

  use(now: Instant): TopicUse {
    return { producers: this.#byId.size, listeners: this.#listeners.size, rates: this.rates.view(now) }
  }

  #enqueue(queue: string, more: 1 | -1): void {
    this.#queued += more
    const inIt = (this.#queues.get(queue) ?? 0) + more
    if (inIt > 0) this.#queues.set(queue, inIt)
    else this.#queues.delete(queue)
  }

  #oneOfEachQueue(asked: readonly Seated[]): readonly Seated[] {
    const queues = new Map<string, Seated[]>()
    const chosen: Seated[] = []
    for (const producer of asked) {
      if (producer.queue === undefined) chosen.push(producer)
      else if (queues.get(producer.queue)?.push(producer) === undefined) queues.set(producer.queue, [producer])
    }
    for (const members of queues.values()) chosen.push(...this.#leastBusy(members, 1))
    return chosen
  }

  /** Of those who are equally busy, the one that was chosen longest ago comes first. */
  #leastBusy(producers: readonly Seated[], count: number): readonly Seated[] {
    const chosen = count === 1 ? first(producers) : producers.toSorted(inTurn).slice(0, count)
    for (const producer of chosen) producer.chosen = ++this.#choices
    return chosen
  }
}

/** To look at one of a roster takes so small a part of what a message does. */
const LOOKS = 50

/** At how much of a producer is looked. */
const looksAt = (metadata: Target['metadata']): number =>
  metadata === undefined ? 1 : 1 + JSON.stringify(metadata).length / 2

const inTurn = (a: Seated, b: Seated): number => a.outstanding - b.outstanding || a.chosen - b.chosen

/** The one that sorting would put in front. */
const first = (producers: readonly Seated[]): readonly Seated[] => {
  let best = producers[0]
  for (const producer of producers) if (best === undefined || inTurn(producer, best) < 0) best = producer
  return best === undefined ? [] : [best]
}

const matching = ({ id, metadata }: Target): ((producer: Registration) => boolean) => {
  const ids = id === undefined ? undefined : new Set(typeof id === 'string' ? [id] : id)
  const wanted = metadata === undefined ? [] : Object.entries(metadata)
  return (producer) =>
    (ids?.has(producer.id) ?? true) && wanted.every(([key, value]) => isSame(value, memberOf(producer.metadata, key)))
}
