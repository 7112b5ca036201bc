import type { Random } from '../../core/random.ts'
import type { Agenda } from './agenda.ts'
import { exponential } from './conditions.ts'

export type Direction = 'up' | 'down'

/** One direction of one link: what is sent first arrives first, unless reordering is switched on. */
export interface Lane {
  readonly node: string
  readonly direction: Direction
  readonly random: Random
  arrivedAt: number
}

/** A full queue: what is sent waits in it until `until`, and what does not find room is refused. */
interface Queue {
  readonly until: number
  room: number
  readonly overflows: () => void
}

/** What goes wrong in it by itself. */
export type NetworkFault = 'loss' | 'duplication' | 'reordering' | 'fullQueue'

export interface NetworkConditions {
  readonly faults: ReadonlySet<string>
  readonly delayMs: number
  readonly timing: { readonly heartbeatMs: number; readonly leaseMs: number }
}

/** Delays, loses, doubles, reorders and cuts off. It knows nothing of what it carries. */
export class Network {
  readonly #agenda: Agenda
  readonly #conditions: NetworkConditions
  readonly #count: (fault: NetworkFault) => void
  readonly #cut = new Map<string, number>()
  readonly #slow = new Set<string>()
  readonly #queues = new Map<string, Queue>()
  #kind = false
  #cuts = 0

  constructor(agenda: Agenda, conditions: NetworkConditions, count: (fault: NetworkFault) => void) {
    this.#agenda = agenda
    this.#conditions = conditions
    this.#count = count
  }

  /** From now on nothing goes wrong, or again something may. */
  set kind(kind: boolean) {
    this.#kind = kind
    if (!kind) return
    this.#cut.clear()
    this.#slow.clear()
    this.#queues.clear()
  }

  /** The other side reads nothing for a while: `room` more messages wait in the sender's queue, then `overflows` is called. */
  choke(node: string, direction: Direction, queue: { forMs: number; room: number; overflows: () => void }): void {
    const { forMs, room, overflows } = queue
    this.#queues.set(`${node}/${direction}`, { until: this.#agenda.now + forMs, room, overflows })
  }

  unchoke(node: string, direction: Direction): void {
    this.#queues.delete(`${node}/${direction}`)
  }

  /** Until when this lane is held up; `undefined` when its queue takes nothing more. */
  #heldUntil({ node, direction }: Lane): number | undefined {
    const key = `${node}/${direction}`
    const queue = this.#queues.get(key)
    if (queue === undefined) return 0
    if (queue.until <= this.#agenda.now) {
      this.#queues.delete(key)
      return 0
    }
    this.#count('fullQueue')
    if (queue.room-- > 0) return queue.until
    queue.overflows()
    return undefined
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
    if (this.#happens(lane.random, 'loss', 0.05)) return
    const heldUntil = this.#queues.size > 0 ? this.#heldUntil(lane) : 0
    if (heldUntil === undefined) return
    const { random } = lane
    // A healed network is a fast one: under a lease made shorter meanwhile, a slow one would be a fault.
    const usualMs = this.#kind
      ? Math.min(this.#conditions.delayMs, timing.heartbeatMs * 0.02)
      : this.#conditions.delayMs
    let delayMs = usualMs * 0.5 + exponential(random, usualMs * 0.5)
    if (this.#slow.has(lane.node)) delayMs += timing.heartbeatMs * 3 * random.next()
    let at = Math.max(this.#agenda.now, heldUntil) + delayMs
    const reorders = !this.#kind && faults.has('reordering')
    if (reorders && this.#happens(random, 'reordering', 0.1)) at += exponential(random, timing.leaseMs)
    else if (!reorders) at = Math.max(at, lane.arrivedAt)
    lane.arrivedAt = Math.max(lane.arrivedAt, at)
    this.#agenda.at(at, arrive)
    if (this.#happens(random, 'duplication', 0.05)) {
      this.#agenda.at(at + exponential(random, timing.leaseMs), arrive)
    }
  }

  #happens(random: Random, fault: NetworkFault, chance: number): boolean {
    if (this.#kind || !this.#conditions.faults.has(fault) || random.next() >= chance) return false
    this.#count(fault)
    return true
  }
}
