import type { GroupEvent } from './reasons.ts'

/**
 * What an operator may order. Each is durable where the store is, and in force until it is taken back.
 *
 * `freeze`: no plan takes a partition from a member that lives. `pin`: the partition goes to this member whenever it is there. `drain`: the
 * process that is this member now is given nothing any more; whoever comes under its id later is another one.
 */
export type Order =
  | { readonly type: 'freeze' }
  | { readonly type: 'thaw' }
  | { readonly type: 'pin'; readonly partition: number; readonly member: string }
  | { readonly type: 'unpin'; readonly partition: number }
  | { readonly type: 'drain'; readonly member: string }
  | { readonly type: 'undrain'; readonly member: string }

/** What is ordered of one group now, as it is stored. */
export interface GroupOrders {
  readonly frozen?: true
  /** Member by partition. */
  readonly pins?: Readonly<Record<string, string>>
  /** Boot ids. */
  readonly drained?: readonly string[]
}

/** How an order is told, once it is in force. */
export const eventOf = (order: Order): GroupEvent => {
  switch (order.type) {
    case 'freeze':
      return { type: 'group.frozen' }
    case 'thaw':
      return { type: 'group.thawed' }
    case 'pin':
      return { type: 'partition.pinned', partition: order.partition, member: order.member }
    case 'unpin':
      return { type: 'partition.unpinned', partition: order.partition }
    case 'drain':
      return { type: 'member.drained', member: order.member }
    case 'undrain':
      return { type: 'member.undrained', member: order.member }
  }
}

/** The most processes of one group that may be ordered to be drained at a time. */
export const MAX_DRAINED = 1_000

/** The orders with one more. A `drain` and an `undrain` are about the process `bootId`. */
export const withOrder = (orders: GroupOrders, order: Order, bootId: string | undefined): GroupOrders => {
  const { frozen: _frozen, ...others } = orders
  switch (order.type) {
    case 'freeze':
      return { ...orders, frozen: true }
    case 'thaw':
      return others
    case 'pin':
      return { ...orders, pins: { ...orders.pins, [order.partition]: order.member } }
    case 'unpin': {
      const { [order.partition]: _pin, ...pins } = orders.pins ?? {}
      return { ...orders, pins }
    }
    case 'drain':
    case 'undrain': {
      const drained = (orders.drained ?? []).filter((each) => each !== bootId)
      return { ...orders, drained: order.type === 'drain' && bootId !== undefined ? [...drained, bootId] : drained }
    }
  }
}

export const sameOrders = (one: GroupOrders, other: GroupOrders): boolean => {
  const [pins, others] = [Object.entries(one.pins ?? {}), other.pins ?? {}]
  const [drained, alsoDrained] = [new Set(one.drained), new Set(other.drained)]
  return (
    one.frozen === other.frozen &&
    pins.length === Object.keys(others).length &&
    pins.every(([partition, member]) => Object.hasOwn(others, partition) && others[partition] === member) &&
    drained.size === alsoDrained.size &&
    [...drained].every((bootId) => alsoDrained.has(bootId))
  )
}

/** Without what says nothing; `undefined` when nothing is left. */
export const compact = ({ frozen, pins = {}, drained = [] }: GroupOrders): GroupOrders | undefined => {
  const orders: GroupOrders = {
    ...(frozen && { frozen }),
    ...(Object.keys(pins).length > 0 && { pins }),
    ...(drained.length > 0 && { drained }),
  }
  return Object.keys(orders).length === 0 ? undefined : orders
}

/** What operators ordered of a group, as it is used. */
export class StandingOrders {
  frozen: boolean = false
  readonly pins = new Map<number, string>()
  /** Boot ids. */
  readonly drained = new Set<string>()

  follow({ frozen, pins = {}, drained = [] }: GroupOrders): void {
    this.frozen = frozen ?? false
    this.pins.clear()
    for (const [partition, member] of Object.entries(pins)) this.pins.set(Number(partition), member)
    this.drained.clear()
    for (const bootId of drained) this.drained.add(bootId)
  }
}
