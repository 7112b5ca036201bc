import type { Random } from '../../core/random.ts'
import type { Agenda } from './agenda.ts'
import { type Conditions, exponential, type FaultName } from './conditions.ts'

export type Direction = 'up' | 'down'

/** One direction of one link: what is sent first arrives first, unless reordering is switched on. */
export interface Lane {
  readonly node: string
  readonly direction: Direction
  arrivedAt: number
}

/** Delays, loses, doubles, reorders and cuts off. It knows nothing of what it carries. */
export class Network {
  readonly #agenda: Agenda
  readonly #random: Random
  readonly #conditions: Conditions
  readonly #count: (fault: FaultName) => void
  readonly #cut = new Map<string, number>()
  readonly #slow = new Set<string>()
  #kind = false
  #cuts = 0

  constructor(agenda: Agenda, random: Random, conditions: Conditions, count: (fault: FaultName) => void) {
    this.#agenda = agenda
    this.#random = random
    this.#conditions = conditions
    this.#count = count
  }

  /** From now on nothing goes wrong, or again something may. */
  set kind(kind: boolean) {
    this.#kind = kind
    if (!kind) return
    this.#cut.clear()
    this.#slow.clear()
  }

  cut(node: string, directions: readonly Direction[], forMs: number): void {
    for (const direction of directions) {
      const key = `${node}/${direction}`
      const token = ++this.#cuts
      this.#cut.set(key, token)
      this.#agenda.after(forMs, () => {
        if (this.#cut.get(key) === token) this.#cut.delete(key)
      })
    }
  }

  slowDown(node: string, forMs: number): void {
    this.#slow.add(node)
    this.#agenda.after(forMs, () => this.#slow.delete(node))
  }

  carry(lane: Lane, arrive: () => void): void {
    const { faults, timing } = this.#conditions
    if (this.#cut.has(`${lane.node}/${lane.direction}`)) return
    if (this.#happens('loss', 0.05)) return
    // A healed network is a fast one: under a lease made shorter meanwhile, a slow one would be a fault.
    const usualMs = this.#kind
      ? Math.min(this.#conditions.delayMs, timing.heartbeatMs * 0.02)
      : this.#conditions.delayMs
    let delayMs = usualMs * 0.5 + exponential(this.#random, usualMs * 0.5)
    if (this.#slow.has(lane.node)) delayMs += timing.heartbeatMs * 3 * this.#random.next()
    let at = this.#agenda.now + delayMs
    const reorders = !this.#kind && faults.has('reordering')
    if (reorders && this.#happens('reordering', 0.1)) at += exponential(this.#random, timing.leaseMs)
    else if (!reorders) at = Math.max(at, lane.arrivedAt)
    lane.arrivedAt = Math.max(lane.arrivedAt, at)
    this.#agenda.after(at - this.#agenda.now, arrive)
    if (this.#happens('duplication', 0.05)) {
      this.#agenda.after(at - this.#agenda.now + exponential(this.#random, timing.leaseMs), arrive)
    }
  }

  #happens(fault: FaultName, chance: number): boolean {
    if (this.#kind || !this.#conditions.faults.has(fault) || this.#random.next() >= chance) return false
    this.#count(fault)
    return true
  }
}
