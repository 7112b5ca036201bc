import type { MembershipView } from '../core/group/member.ts'
import type { GroupState, Holding } from '../core/group/messages.ts'
import { indexOf, partitionOf } from '../core/hash.ts'
import type { Epoch } from '../core/lease.ts'
import type { Instant } from '../core/time.ts'

/** One place among `total`, from 1. `epoch` is the fencing token: it rises over the whole group with every new view. */
export interface Slot {
  readonly index: number
  readonly total: number
  readonly epoch: Epoch
}

/** A picture of what a member had when it was taken. Before acting ask the membership itself, which looks at the clock. */
export interface Share {
  /** Of the group. While it settles, what this member has is still its own unless it is missing here. */
  readonly state: GroupState
  /** The epoch of the group's view. */
  readonly epoch: Epoch
  /** How many members the group has. */
  readonly members: number
  /** In a group that shares indexes; `undefined` while there is none. */
  readonly slot: Slot | undefined
  /** In a group that shares partitions: their numbers, rising. */
  readonly partitions: readonly number[]
}

/** What is being taken back, and until when it may be worked on: the signal that comes with it. */
export interface Moved {
  readonly slot: Slot | undefined
  /** Partition numbers, rising. */
  readonly partitions: readonly number[]
  /** Whether the work on this key is among what moves. */
  owns(key: string): boolean
  /** The fencing token under which a partition was held. */
  epoch(partition: number): Epoch | undefined
}

const slotOf = ({ item, of, epoch }: Holding): Slot | undefined =>
  of === undefined ? undefined : Object.freeze({ index: item, total: of, epoch })

const firstSlot = (items: Iterable<Holding>): Slot | undefined => {
  for (const holding of items) return slotOf(holding)
  return undefined
}

/** The numbers of the partitions among `items`, rising. */
export const numbersOf = (items: Iterable<Holding>): readonly number[] =>
  Object.freeze(
    [...items]
      .filter(({ of }) => of === undefined)
      .map(({ item }) => item)
      .sort((a, b) => a - b),
  )

export const shareOf = ({ group, epoch, members, held, validUntil }: MembershipView, now: Instant): Share => {
  const items = now < validUntil ? [...held.values()] : []
  return Object.freeze({ state: group, epoch, members, slot: firstSlot(items), partitions: numbersOf(items) })
}

/** The same to whoever looks: nothing was granted, taken back or counted anew in between. */
export const sameShareView = (a: MembershipView, b: MembershipView): boolean => {
  if (a.group !== b.group || a.epoch !== b.epoch || a.members !== b.members || a.held.size !== b.held.size) return false
  for (const { item, epoch, of } of a.held.values()) {
    const other = b.held.get(item)
    if (other?.epoch !== epoch || other.of !== of) return false
  }
  return true
}

export const movedOf = (items: readonly Holding[], partitions: number | undefined): Moved => {
  const slot = firstSlot(items)
  const epochs = new Map(items.filter(({ of }) => of === undefined).map(({ item, epoch }) => [item, epoch]))
  return Object.freeze({
    slot,
    partitions: numbersOf(items),
    owns: (key: string) =>
      slot === undefined
        ? partitions !== undefined && epochs.has(partitionOf(key, partitions))
        : indexOf(key, slot.total) === slot.index,
    epoch: (partition: number) => (partitions === undefined ? undefined : epochs.get(partition)),
  })
}
