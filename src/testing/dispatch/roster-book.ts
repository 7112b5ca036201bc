import type { Registration, Target } from '../../core/dispatch/messages.ts'
import { must } from '../simulation/violation.ts'

/** A registration as a bystander knows it. */
export interface KnownProducer extends Registration {
  onRoster: boolean
  /** How many requests it has not answered. */
  outstanding: number
  /** The ask for which it was chosen last among others; `undefined`: nobody outside of the hub can tell. */
  chosen: number | undefined
}

/** Who is on which topic, and whom an ask must therefore be for. */
export class RosterBook {
  readonly #producers = new Map<number, KnownProducer>()
  readonly #listeners = new Map<number, { readonly peer: number; readonly topic: string }>()

  get producers(): number {
    return this.#producers.size
  }

  get listeners(): number {
    return this.#listeners.size
  }

  get topics(): number {
    const topics = new Set<string>()
    for (const { topic, onRoster } of this.#producers.values()) if (onRoster) topics.add(topic)
    for (const { topic } of this.#listeners.values()) topics.add(topic)
    return topics.size
  }

  enter(registration: Registration): void {
    const { producer } = registration
    this.#producers.set(producer, { ...registration, onRoster: true, outstanding: 0, chosen: 0 })
  }

  find(topic: string, id: string): KnownProducer | undefined {
    for (const one of this.#producers.values()) if (one.onRoster && one.topic === topic && one.id === id) return one
    return undefined
  }

  get(producer: number): KnownProducer | undefined {
    return this.#producers.get(producer)
  }

  withdraw(producer: number): void {
    const one = this.#producers.get(producer)
    if (one !== undefined) one.onRoster = false
  }

  /** False when it was not there. */
  leave(producer: number): boolean {
    return this.#producers.delete(producer)
  }

  ofPeer(peer: number): number[] {
    return [...this.#producers.values()].filter((one) => one.peer === peer).map(({ producer }) => producer)
  }

  listen(listener: number, peer: number, topic: string): void {
    this.#listeners.set(listener, { peer, topic })
  }

  unlisten(listener: number): void {
    this.#listeners.delete(listener)
  }

  unlistenPeer(peer: number): void {
    for (const [listener, one] of this.#listeners) if (one.peer === peer) this.#listeners.delete(listener)
  }

  listenersOf(topic: string): number[] {
    return [...this.#listeners].filter(([, one]) => one.topic === topic).map(([listener]) => listener)
  }

  /** Everybody whom an ask on this topic may be for. */
  candidates(topic: string, to: Target | undefined): KnownProducer[] {
    const all = [...this.#producers.values()].filter((one) => one.onRoster && one.topic === topic)
    return to === undefined ? all : all.filter((one) => isMeant(one, to))
  }

  /** Whether these are the ones that an ask is for: everybody, one of each queue, and of more than it wants the least busy, in turn. */
  judge(ask: number, topic: string, to: Target | undefined, expected: readonly Registration[]): void {
    const keys = new Set(expected.map(({ producer }) => producer))
    must(keys.size === expected.length, 'P3', () => `ask ${ask} goes to somebody twice: ${namesOf(expected)}`)
    const candidates = this.candidates(topic, to)
    const all = () => namesOf(candidates)
    const known = candidates.filter(({ producer }) => keys.has(producer))
    must(known.length === expected.length, 'Roster', () => {
      return `ask ${ask} is for ${namesOf(expected)}, and ${JSON.stringify(to)} on ${topic} means ${all()}`
    })
    const queues = new Map<string, KnownProducer[]>()
    for (const one of candidates) {
      if (one.queue !== undefined) queues.set(one.queue, [...(queues.get(one.queue) ?? []), one])
    }
    const each = candidates.filter(({ queue }) => queue === undefined).length + queues.size
    const count = Math.min(to?.pick ?? each, each)
    must(expected.length === count, 'Roster', () => {
      return `ask ${ask} with ${JSON.stringify(to)} is for ${count} of ${all()}, and goes to ${namesOf(expected)}`
    })
    const picks = count < each
    for (const members of queues.values()) this.#judgeQueue(ask, members, keys, picks)
    if (!picks) return
    if (queues.size === 0) this.#judgeChoice(ask, candidates, keys)
    else for (const one of known) if (one.queue === undefined) one.chosen = ask
  }

  #judgeQueue(ask: number, members: readonly KnownProducer[], keys: ReadonlySet<number>, picks: boolean): void {
    const chosen = members.filter(({ producer }) => keys.has(producer))
    must(chosen.length <= 1 && (picks || chosen.length === 1), 'Roster', () => {
      return `ask ${ask} goes to ${chosen.length} of the queue of ${namesOf(members)}`
    })
    if (chosen.length === 1 && !picks) this.#judgeChoice(ask, members, keys)
    // One was chosen among them, and then not picked: from outside nobody knows who.
    else for (const one of members) one.chosen = undefined
  }

  #judgeChoice(ask: number, candidates: readonly KnownProducer[], keys: ReadonlySet<number>): void {
    const [chosen, others] = [true, false].map((is) => candidates.filter(({ producer }) => keys.has(producer) === is))
    for (const one of chosen ?? []) {
      const better = others?.find((other) => isBefore(other, one))
      must(better === undefined, 'Roster', () => {
        return `ask ${ask} goes to ${one.id} (${one.outstanding} to answer), and ${better?.id} (${better?.outstanding}) is less busy, or was not chosen for longer`
      })
    }
    for (const one of chosen ?? []) one.chosen = ask
  }
}

const namesOf = (all: readonly Registration[]): string => all.map(({ id }) => id).join() || 'nobody'

const isBefore = (a: KnownProducer, b: KnownProducer): boolean =>
  a.outstanding < b.outstanding ||
  (a.outstanding === b.outstanding && a.chosen !== undefined && b.chosen !== undefined && a.chosen < b.chosen)

/** Metadata here has members that are numbers and words, which is all that is compared. */
const isMeant = ({ id, metadata }: Registration, to: Target): boolean => {
  const meant = to.id === undefined || (typeof to.id === 'string' ? to.id === id : to.id.includes(id))
  const has = (metadata ?? {}) as Readonly<Record<string, unknown>>
  return meant && Object.entries(to.metadata ?? {}).every(([key, value]) => has[key] === value)
}
