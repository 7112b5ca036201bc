import type { Instant } from '../time.ts'
import type { CallerMessage } from './coordinator-io.ts'
import type { Group } from './group.ts'
import type { Ledger } from './ledger.ts'
import { compact, type GroupOrders, MAX_DRAINED, type Order, sameOrders, withOrder } from './orders.ts'
import type { Address } from './session.ts'

/** What an order book needs of its coordinator. */
export interface OrderDesk {
  readonly ledger: Ledger
  groupOf(name: string): Group | undefined
  /** A process of before the start may still come back to it. */
  mayBeHeldFromBefore(name: string, now: Instant): boolean
  /** The group of bloc's wire. */
  isPolled(name: string): boolean
  answer(to: Address, message: CallerMessage, now: Instant): void
}

/** The most orders that wait for the store. */
const MAX_WAITING = 16
/** The most groups of which something is ordered, and the most pins of all of them: they are written with every order. */
const MAX_GROUPS = 1_000
const MAX_PINS = 16_384

const NONE: GroupOrders = {}

/** What operators ordered, by group: checked, made durable, then in force. */
export class OrderBook {
  readonly #desk: OrderDesk
  readonly #orders: Map<string, GroupOrders>

  constructor(stored: Readonly<Record<string, GroupOrders>> | undefined, desk: OrderDesk) {
    this.#desk = desk
    this.#orders = new Map(Object.entries(stored ?? {}))
  }

  of(group: string): GroupOrders {
    return this.#orders.get(group) ?? NONE
  }

  take({ from, group: name, order }: { from: Address; group: string; order: Order }, now: Instant): void {
    const { ledger, groupOf, answer } = this.#desk
    const fault = this.#faultOf(name, order, now)
    if (fault !== undefined) return answer(from, fault, now)
    const { type } = order
    // The process that is there now: whoever comes under its id while this is written is another one.
    const bootId =
      type === 'drain' || type === 'undrain' ? groupOf(name)?.sessions.get(order.member)?.bootId : undefined
    let written: GroupOrders | undefined
    // Said again, as whoever is not sure does: nothing is written, and nothing settles anew.
    if (ledger.idle && sameOrders(withOrder(this.of(name), order, bootId), this.of(name))) {
      return answer(from, { type: 'ordered' }, now)
    }
    ledger.ask({
      change: (foundation) => {
        const before = Object.hasOwn(foundation.orders ?? {}, name) ? foundation.orders?.[name] : undefined
        const after = compact(withOrder(this.#withoutGone(name, before ?? NONE, now), order, bootId))
        written = after
        const others = Object.entries(foundation.orders ?? {}).filter(
          ([each, of]) => each !== name && compact(this.#withoutGone(each, of, now)) !== undefined,
        )
        return { ...foundation, orders: Object.fromEntries(after === undefined ? others : [...others, [name, after]]) }
      },
      durable: (at) => {
        // Just what was written: what is in force and what is durable must not come apart.
        const orders = written ?? NONE
        if (written === undefined) this.#orders.delete(name)
        else this.#orders.set(name, written)
        groupOf(name)?.follow(orders, order, at)
        answer(from, { type: 'ordered' }, at)
      },
      failed: (at) =>
        answer(
          from,
          {
            type: 'failed',
            code: 'CAUCUS_BACKEND',
            message:
              'the store could not make the order durable, so it is not in force; look at the disk, and give it again',
          },
          at,
        ),
    })
  }

  /** Those of processes that have ended say nothing any more. Whoever fell silent may come back, unless that would be too many. */
  #withoutGone(name: string, orders: GroupOrders, now: Instant): GroupOrders {
    const { drained } = orders
    if (drained === undefined) return orders
    const group = this.#desk.groupOf(name)
    if (group === undefined) return this.#desk.mayBeHeldFromBefore(name, now) ? orders : { ...orders, drained: [] }
    const left = drained.filter((bootId) => !group.hasEnded(bootId))
    if (left.length < MAX_DRAINED) return { ...orders, drained: left }
    const present = new Set([...group.sessions.values()].map(({ bootId }) => bootId))
    return { ...orders, drained: left.filter((bootId) => present.has(bootId)) }
  }

  /** Of groups that nobody is in, and of which nothing is ordered any more, nothing need be kept. */
  #tidy(now: Instant): void {
    for (const [name, orders] of this.#orders) {
      if (compact(this.#withoutGone(name, orders, now)) === undefined) this.#orders.delete(name)
    }
  }

  #tooManyPins(): CallerMessage | undefined {
    let pins = 0
    for (const orders of this.#orders.values()) pins += pinsOf(orders)
    return pins < MAX_PINS
      ? undefined
      : fault('CAUCUS_OVERLOADED', `there are ${pins} pins already; take back what is not needed`)
  }

  #faultOf(name: string, order: Order, now: Instant): CallerMessage | undefined {
    const { ledger, groupOf, isPolled } = this.#desk
    if (isPolled(name)) {
      return fault('CAUCUS_CONFLICT', `the group "${name}" belongs to the clients of bloc's wire, which take no orders`)
    }
    if (ledger.waiting >= MAX_WAITING) {
      return fault('CAUCUS_OVERLOADED', 'too many orders wait for the store; give it again in a moment')
    }
    const group = groupOf(name)
    const orders = this.#withoutGone(name, this.of(name), now)
    // What was ordered of a group that nobody is in may be taken back.
    if (group === undefined && compact(orders) === undefined)
      return fault('CAUCUS_NOT_FOUND', `there is no group "${name}"`)
    if (compact(orders) === undefined && this.#orders.size >= MAX_GROUPS) this.#tidy(now)
    if (compact(orders) === undefined && this.#orders.size >= MAX_GROUPS) {
      return fault(
        'CAUCUS_OVERLOADED',
        `something is ordered of ${MAX_GROUPS} groups already; take back what is not needed`,
      )
    }
    switch (order.type) {
      case 'freeze':
      case 'thaw':
        return ofPartitions(group)
      case 'pin':
        return ofPartitions(group) ?? outside(group, order.partition) ?? this.#tooManyPins()
      case 'unpin':
        if (Object.hasOwn(orders.pins ?? {}, order.partition)) return undefined
        return fault('CAUCUS_NOT_FOUND', `partition ${order.partition} of "${name}" is not pinned`)
      case 'drain':
      case 'undrain':
        if (group?.sessions.get(order.member) === undefined) {
          return fault('CAUCUS_NOT_FOUND', `"${order.member}" is not a member of "${name}"`)
        }
        return (orders.drained?.length ?? 0) < MAX_DRAINED || order.type === 'undrain'
          ? undefined
          : fault('CAUCUS_OVERLOADED', `${MAX_DRAINED} members of "${name}" are being drained already`)
    }
  }
}

const pinsOf = ({ pins = {} }: GroupOrders): number => Object.keys(pins).length

const fault = (code: (CallerMessage & { type: 'failed' })['code'], message: string): CallerMessage => ({
  type: 'failed',
  code,
  message,
})

const HAS_NO_PARTITIONS = {
  index: 'shares indexes: each member has one',
  tenure: 'is an election: one candidate leads',
  once: 'is a run of once(): whoever came first has it',
  none: 'is a service: its instances share nothing',
}

const ofPartitions = (group: Group | undefined): CallerMessage | undefined => {
  if (typeof group?.share !== 'string') return undefined
  const what = HAS_NO_PARTITIONS[group.share]
  return fault('CAUCUS_CONFLICT', `the group "${group.name}" ${what}, and only partitions are frozen or pinned`)
}

const outside = (group: Group | undefined, partition: number): CallerMessage | undefined => {
  if (group === undefined) return fault('CAUCUS_NOT_FOUND', 'nobody is in this group, so nobody knows its partitions')
  const { partitions } = group.share as { partitions: number }
  return Number.isInteger(partition) && partition >= 0 && partition < partitions
    ? undefined
    : fault(
        'CAUCUS_INVALID_ARGUMENT',
        `the group "${group.name}" has the partitions 0 to ${partitions - 1}, and no ${partition}`,
      )
}
