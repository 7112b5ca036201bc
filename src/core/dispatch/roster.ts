import type { ListenerKey, Registration, Target, TopicView } from './messages.ts'

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
  late = 0
  readonly #byId = new Map<string, Seated>()
  #listeners: readonly ListenerKey[] = []
  /** Everybody, as a list that is never changed: an ask keeps it as the set that it expects. */
  #everybody: readonly Seated[] | undefined
  #queued = 0
  #choices = 0

  constructor(topic: string) {
    this.topic = topic
  }

  get isEmpty(): boolean {
    return this.#byId.size === 0 && this.#listeners.length === 0
  }

  get size(): number {
    return this.#byId.size
  }

  get listeners(): readonly ListenerKey[] {
    return this.#listeners
  }

  find(id: string): Seated | undefined {
    return this.#byId.get(id)
  }

  add(producer: Seated): void {
    this.#byId.set(producer.id, producer)
    this.#everybody = undefined
    if (producer.queue !== undefined) this.#queued++
  }

  /** Takes it off, unless another has its place by now. */
  remove(producer: Seated): void {
    if (this.#byId.get(producer.id) !== producer) return
    this.#byId.delete(producer.id)
    this.#everybody = undefined
    if (producer.queue !== undefined) this.#queued--
  }

  listen(listener: ListenerKey): void {
    this.#listeners = [...this.#listeners, listener]
  }

  unlisten(listener: ListenerKey): void {
    this.#listeners = this.#listeners.filter((other) => other !== listener)
  }

  /** Whom an ask for `to` expects answers from, in this view. */
  choose(to: Target | undefined): readonly Seated[] {
    this.#everybody ??= [...this.#byId.values()]
    const asked = to === undefined ? this.#everybody : this.#everybody.filter(matching(to))
    const chosen = this.#queued === 0 ? asked : this.#oneOfEachQueue(asked)
    return to?.pick === undefined || to.pick >= chosen.length ? chosen : this.#leastBusy(chosen, to.pick)
  }

  view(): TopicView {
    const producers = [...this.#byId.values()].map(({ id, concurrency, outstanding, metadata, queue }) => ({
      id,
      concurrency,
      queued: Math.max(0, outstanding - concurrency),
      ...(metadata !== undefined && { metadata }),
      ...(queue !== undefined && { queue }),
    }))
    return { topic: this.topic, producers, listeners: this.#listeners.length, late: this.late }
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
    const chosen = producers.toSorted((a, b) => a.outstanding - b.outstanding || a.chosen - b.chosen).slice(0, count)
    for (const producer of chosen) producer.chosen = ++this.#choices
    return chosen
  }
}

const matching = ({ id, metadata }: Target): ((producer: Registration) => boolean) => {
  const ids = id === undefined ? undefined : new Set(typeof id === 'string' ? [id] : id)
  const wanted = metadata === undefined ? [] : Object.entries(metadata)
  return (producer) =>
    (ids?.has(producer.id) ?? true) && wanted.every(([key, value]) => isSame(value, memberOf(producer.metadata, key)))
}

const memberOf = (value: unknown, key: string): unknown =>
  typeof value === 'object' && value !== null && Object.hasOwn(value, key)
    ? (value as Record<string, unknown>)[key]
    : undefined

/** Equal as JSON, whatever the order of keys. Both sides have been checked for their depth. */
const isSame = (left: unknown, right: unknown): boolean => {
  if (Object.is(left, right)) return true
  if (typeof left !== 'object' || typeof right !== 'object' || left === null || right === null) return false
  if (Array.isArray(left) !== Array.isArray(right)) return false
  const keys = Object.keys(left)
  return (
    keys.length === Object.keys(right).length &&
    keys.every((key) => Object.hasOwn(right, key) && isSame(memberOf(left, key), memberOf(right, key)))
  )
}
