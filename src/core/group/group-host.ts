import type { Generation } from '../lease.ts'
import type { Instant } from '../time.ts'
import type { GroupSettings } from './book.ts'
import type { InstantDesk } from './instants.ts'
import type { CoordinatorMessage, ShareKind } from './messages.ts'
import type { GroupOrders } from './orders.ts'
import type { GroupEvent } from './reasons.ts'
import type { GroupRoll } from './roll-call.ts'
import type { Address } from './session.ts'

/** What a group gets from its coordinator. */
export interface GroupHost {
  readonly generation: Generation
  nextEpoch(): number
  hasEpoch(): boolean
  send(to: Address, message: CoordinatorMessage): void
  sayHello(to: Address): void
  emit(group: string, event: GroupEvent): void
  /** What runs only once is over: nothing of this group is needed any more. */
  ended(group: string): void
}

export interface GroupOptions {
  readonly name: string
  readonly share: ShareKind
  readonly settings: GroupSettings
  /** Nothing unclaimed is given to anybody before. */
  readonly ceilingUntil: Instant
  /** Who may hold something of it from before, and has not been heard. */
  readonly roll: GroupRoll
  /** Of what runs only once. */
  readonly instant?: InstantDesk | undefined
  /** What operators ordered of it, under earlier coordinators too. */
  readonly orders: GroupOrders
}
