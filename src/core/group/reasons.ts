import type { Epoch } from '../lease.ts'
import type { InstanceRecord } from '../registry/instance.ts'
import { quoted } from './explain/quoted.ts'
import type { Incarnation, Ran } from './messages.ts'

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
  | 'weighed'
  | 'returned'
  | 'renumbered'
  | 'graced'
  | 'drained'
  | 'undrained'
  | 'thawed'
  | 'pinned'
  | 'unpinned'

/** A tenure's holder, and under which token. */
interface OfTenure {
  readonly member: string
  readonly epoch: Epoch
  readonly because: Because
}

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
  /** Without a member it is an operator's order about the whole group. */
  | { readonly type: 'group.settling'; readonly because: Because; readonly member?: string }
  | { readonly type: 'group.frozen' }
  | { readonly type: 'group.thawed' }
  /** Orders about one member or partition, and a member's own word about its weight. What moves because of them is told by itself. */
  | { readonly type: 'member.drained'; readonly member: string }
  | { readonly type: 'member.undrained'; readonly member: string }
  | { readonly type: 'member.weighed'; readonly member: string; readonly weight: number }
  | { readonly type: 'partition.pinned'; readonly partition: number; readonly member: string }
  | { readonly type: 'partition.unpinned'; readonly partition: number }
  | { readonly type: 'place.kept'; readonly member: string; readonly because: Because }
  | { readonly type: 'place.freed'; readonly member: string; readonly because: Because }
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
  | ({ readonly type: 'tenure.revoked' } & OfTenure)
  | ({ readonly type: 'tenure.granted' } & OfTenure)
  | { readonly type: 'once.granted'; readonly member: string; readonly epoch: Epoch }
  /** In the words of whoever ran it. Without a member it was somebody whom an earlier coordinator knew. */
  | {
      readonly type: 'once.finished'
      readonly member?: string
      readonly epoch: Epoch
      readonly outcome: Ran['outcome']
    }
  | { readonly type: 'once.lost'; readonly member: string; readonly epoch: Epoch }
  | {
      readonly type: 'service.registered'
      readonly member: string
      readonly incarnation: Incarnation
      readonly because: Because
      readonly instance: InstanceRecord
    }
  /** An instance says something else of itself, or is drained by an operator. */
  | {
      readonly type: 'service.updated'
      readonly member: string
      readonly incarnation: Incarnation
      readonly instance: InstanceRecord
    }
  | {
      readonly type: 'service.withdrawn'
      readonly member: string
      readonly incarnation: Incarnation
      readonly because: Because
    }

const REASONS: Record<Because, string> = {
  joined: 'a member joined',
  left: 'it left by itself and had let go of its share',
  expired: 'no renewal of it was processed within the grant time',
  fenced: 'a newer process took the same member id',
  evicted: 'an operator removed it',
  rebalance: 'the loads have to be fair, by the members and weights that there are',
  released: 'the earlier owner had let go of it',
  adopted: 'its holder claimed it with a running lease after the coordinator changed',
  unclaimed: 'nobody claimed it, and nobody can hold it from before the coordinator started',
  'drain-overrun': 'the earlier owner did not finish within the drain limit, so its lease had to run out',
  settled: 'the members did not change for the settle time',
  weighed: 'its weight changed',
  returned: 'it came back to the place that was kept for it',
  renumbered: 'it kept its index of the same total under a new view',
  graced: 'it did not come back within the grace',
  drained: 'an operator has it drained',
  undrained: 'an operator gives it work again',
  thawed: 'an operator thawed the group',
  pinned: 'an operator pinned a partition to it',
  unpinned: 'an operator took a pin away',
}

/** The same of what a member had. */
const TAKEN_BACK: Partial<Record<Because, string>> = {
  drained: 'an operator has that member drained',
  pinned: 'an operator pinned it to another member',
}

/** Of a tenure there is nothing to be balanced. */
const OF_TENURE: Partial<Record<Because, string>> = {
  rebalance: 'it may no longer have it',
  released: 'whoever had it before had let go of it',
}

/** The same of an instance of a service, which shares nothing. */
const WITHDRAWN: Partial<Record<Because, string>> = { left: 'it said that it stops' }

const addressOf = ({ host, port, status }: InstanceRecord): string => `${quoted(host)} port ${port}, ${status}`

const joinedAgain = (because: Because): string =>
  because === 'adopted' ? 'it came back after the coordinator changed' : REASONS[because]

/** One sentence a person can act on. */
export const explain = (event: GroupEvent): string => {
  const member = quoted('member' in event ? (event.member ?? '') : '')
  switch (event.type) {
    case 'member.joined':
      return event.because === 'joined'
        ? `${member} joined.`
        : `${member} is a member again: ${joinedAgain(event.because)}.`
    case 'member.left':
    case 'member.expired':
      return `${member} is no longer a member: ${REASONS[event.because]}.`
    case 'group.settling':
      return event.member === undefined
        ? `The group is settling: ${REASONS[event.because]}.`
        : `The group is settling because of ${member}: ${REASONS[event.because]}.`
    case 'group.frozen':
      return 'An operator froze the group: no partition is taken from a member that lives.'
    case 'group.thawed':
      return 'An operator thawed the group: partitions move again.'
    case 'member.drained':
      return `An operator has ${member} drained: it is given nothing more.`
    case 'member.undrained':
      return `An operator gives ${member} work again.`
    case 'member.weighed':
      return `${member} has the weight ${event.weight} now.`
    case 'partition.pinned':
      return `An operator pinned partition ${event.partition} to ${member}.`
    case 'partition.unpinned':
      return `An operator took the pin of partition ${event.partition} away.`
    case 'place.kept':
      return `The place of ${member} is kept for a while: ${REASONS[event.because]}.`
    case 'place.freed':
      return `The place of ${member} is not kept any more: ${REASONS[event.because]}.`
    case 'group.settled':
      return `The group settled with ${event.members} ${event.members === 1 ? 'member' : 'members'} at epoch ${event.epoch}.`
    case 'partition.revoked':
      return `Partition ${event.partition} was taken back from ${member}: ${TAKEN_BACK[event.because] ?? REASONS[event.because]}.`
    case 'partition.granted':
      return `Partition ${event.partition} went to ${member} at epoch ${event.epoch}: ${REASONS[event.because]}.`
    case 'tenure.revoked':
      return `${member} was asked to let go of the tenure of token ${event.epoch}: ${OF_TENURE[event.because] ?? TAKEN_BACK[event.because] ?? REASONS[event.because]}.`
    case 'tenure.granted':
      return `${member} leads with the token ${event.epoch}: ${OF_TENURE[event.because] ?? REASONS[event.because]}.`
    case 'once.granted':
      return `${member} runs it, with the token ${event.epoch}; nobody will again.`
    case 'once.finished':
      return event.member === undefined
        ? `Whoever ran it with the token ${event.epoch} says that it is ${event.outcome}.`
        : `${member} ran it with the token ${event.epoch}: ${event.outcome}.`
    case 'once.lost':
      return `${member}, which ran it with the token ${event.epoch}, was not heard to the end: nobody knows how far it came, and it is not run again.`
    case 'service.registered':
      return event.because === 'joined'
        ? `${member} registered: ${addressOf(event.instance)}.`
        : `${member} is registered again (${addressOf(event.instance)}): ${joinedAgain(event.because)}.`
    case 'service.updated':
      return `${member} has changed: ${addressOf(event.instance)}.`
    case 'service.withdrawn':
      return `${member} is no longer registered: ${WITHDRAWN[event.because] ?? REASONS[event.because]}.`
    case 'slot.revoked':
      return `${member} was asked to let go of index ${event.index} of ${event.total}: ${REASONS[event.because]}.`
    case 'slot.granted':
      return `${member} has index ${event.index} of ${event.total} at epoch ${event.epoch}: ${REASONS[event.because]}.`
  }
}
