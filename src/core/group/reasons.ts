import type { Epoch } from '../lease.ts'
import type { Incarnation } from './messages.ts'

/** Why a member is no longer there, or why something moved. */
export type Because =
  | 'joined'
  | 'left'
  | 'expired'
  | 'fenced'
  | 'evicted'
  | 'rebalance'
  | 'released'
  | 'adopted'
  | 'unclaimed'
  | 'drain-overrun'
  | 'settled'

/** What happened in a group. One spelling everywhere: metric, log, SSE and docs/events.md. */
export type GroupEvent =
  | {
      readonly type: 'member.joined'
      readonly member: string
      readonly incarnation: Incarnation
      readonly because: Because
    }
  | {
      readonly type: 'member.left'
      readonly member: string
      readonly incarnation: Incarnation
      readonly because: Because
    }
  | {
      readonly type: 'member.expired'
      readonly member: string
      readonly incarnation: Incarnation
      readonly because: Because
    }
  | { readonly type: 'group.settling'; readonly because: Because; readonly member: string }
  | { readonly type: 'group.settled'; readonly epoch: Epoch; readonly members: number }
  | {
      readonly type: 'partition.revoked'
      readonly partition: number
      readonly member: string
      readonly epoch: Epoch
      readonly because: Because
    }
  | {
      readonly type: 'partition.granted'
      readonly partition: number
      readonly member: string
      readonly epoch: Epoch
      readonly because: Because
    }
  | {
      readonly type: 'slot.revoked'
      readonly index: number
      readonly total: number
      readonly member: string
      readonly epoch: Epoch
      readonly because: Because
    }
  | {
      readonly type: 'slot.granted'
      readonly index: number
      readonly total: number
      readonly member: string
      readonly epoch: Epoch
      readonly because: Because
    }

const REASONS: Record<Because, string> = {
  joined: 'a member joined',
  left: 'it left by itself and had let go of its share',
  expired: 'no renewal of it was processed within the grant time',
  fenced: 'a newer process took the same member id',
  evicted: 'an operator removed it',
  rebalance: 'the members changed and the loads must differ by at most one',
  released: 'the earlier owner had let go of it',
  adopted: 'its holder claimed it with a running lease after the coordinator changed',
  unclaimed: 'nobody claimed it and every lease given before the coordinator started has run out',
  'drain-overrun': 'the earlier owner did not finish within the drain limit, so its lease had to run out',
  settled: 'the members did not change for the settle time',
}

/** One sentence a person can act on. */
export const explain = (event: GroupEvent): string => {
  switch (event.type) {
    case 'member.joined':
      return `${event.member} is a member since ${REASONS[event.because]}.`
    case 'member.left':
    case 'member.expired':
      return `${event.member} is no longer a member: ${REASONS[event.because]}.`
    case 'group.settling':
      return `The group is settling because of ${event.member}: ${REASONS[event.because]}.`
    case 'group.settled':
      return `The group settled with ${event.members} members at epoch ${event.epoch}.`
    case 'partition.revoked':
      return `Partition ${event.partition} was taken back from ${event.member}: ${REASONS[event.because]}.`
    case 'partition.granted':
      return `Partition ${event.partition} went to ${event.member} at epoch ${event.epoch}: ${REASONS[event.because]}.`
    case 'slot.revoked':
      return `${event.member} was asked to let go of index ${event.index} of ${event.total}: ${REASONS[event.because]}.`
    case 'slot.granted':
      return `${event.member} has index ${event.index} of ${event.total} at epoch ${event.epoch}: ${REASONS[event.because]}.`
  }
}
