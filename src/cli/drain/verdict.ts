import { quoted } from '../../core/group/explain/quoted.ts'
import { rangesOf } from '../../core/group/explain/words.ts'
import { TENURE } from '../../core/group/messages.ts'
import type { PastEvent } from '../../core/group/past.ts'
import type { GroupView, MemberView } from '../../core/group/view.ts'

/** What a server showed of a member that is to be drained. */
export interface Sight {
  readonly member?: MemberView | undefined
  /** The group and its past about this member: looked for only where the member is not there or not drained. */
  readonly group?: GroupView | undefined
  readonly events: readonly PastEvent[]
}

/** Who is being drained. */
export interface Drained {
  readonly id: string
  /** The process of that id; `undefined` while it has not been seen yet. */
  readonly incarnation: number | undefined
}

/** Whether a member that is to be drained has nothing any more. */
export type Verdict =
  | { readonly type: 'empty' }
  /** The process is no member any more, and has nothing. */
  | { readonly type: 'gone' }
  /** It may be given work again. */
  | { readonly type: 'order lost' }
  | { readonly type: 'waiting'; readonly why: string }
  /** It may have something, and nothing that the server knows will ever say that it has not. */
  | { readonly type: 'unknown'; readonly why: string }

/** Says what a sight means. Never `empty` or `gone` while the process may still hold something. */
export const verdictOn = ({ member, group, events }: Sight, drained: Drained): Verdict => {
  const name = quoted(drained.id)
  // Drained under another incarnation it is the same process all the same: the order is about a process.
  if (member?.drained === true) {
    return isEmpty(member) ? { type: 'empty' } : { type: 'waiting', why: `${name} ${whatItHas(member)}` }
  }
  const settled = group === undefined || group.state === 'settled'
  const end = endOf(events, drained)
  if (end === 'left') return { type: 'gone' }
  if (end !== undefined) {
    // It may work until its lease has run out, and the group settles no earlier.
    return settled ? { type: 'gone' } : { type: 'waiting', why: `${name} ${HOW_IT_WENT[end]}; its leases run out` }
  }
  if (member !== undefined) return { type: 'order lost' }
  if (group !== undefined && settled && isGivenOut(group)) return { type: 'gone' }
  const why = `the server does not know ${name}, as after a restart; waiting for it to come back`
  return settled ? { type: 'unknown', why } : { type: 'waiting', why }
}

const HOW_IT_WENT = {
  expired: 'was not heard for the grant time',
  fenced: 'was fenced by a newer process of its id',
  evicted: 'was removed by an operator',
} as const

type End = 'left' | keyof typeof HOW_IT_WENT

const endOf = (events: readonly PastEvent[], { id, incarnation }: Drained): End | undefined => {
  const last = events.findLast(
    ({ event }) =>
      (event.type === 'member.left' || event.type === 'member.expired' || event.type === 'member.joined') &&
      event.member === id &&
      (incarnation === undefined || event.incarnation === incarnation),
  )?.event
  if (last?.type === 'member.expired') return 'expired'
  if (last?.type !== 'member.left') return undefined
  return last.because === 'fenced' || last.because === 'evicted' ? last.because : 'left'
}

/** All there is belongs to somebody who is here, so nobody else can have any of it. */
const isGivenOut = ({ share, members, kept = [] }: GroupView): boolean => {
  if (share === 'index') return members.length > 0 && members.every(({ index }) => index !== undefined)
  if (share === 'none' || share === 'once') return true
  if (share === 'tenure') return members.some(({ leads }) => leads === true)
  const owned = [...members, ...kept].flatMap(({ partitions = [] }) => partitions)
  return new Set(owned).size === share.partitions
}

const isEmpty = ({ index, partitions = [], leads, runs, revoked = [] }: MemberView): boolean =>
  index === undefined && partitions.length === 0 && leads !== true && runs !== true && revoked.length === 0

const whatItHas = (member: MemberView): string => {
  const { index, partitions, leads, runs, revoked = [] } = member
  const held = index !== undefined ? `index ${index}` : partitions?.length ? `partitions ${rangesOf(partitions)}` : ''
  const parts = [
    ...(leads === true ? ['leads until it is asked to let go'] : []),
    ...(runs === true ? ['runs it to the end'] : []),
    ...(held === '' ? [] : [`has ${held} until the group has settled`]),
    // Indexes begin with 1, and whoever is in a group of partitions has a list of them.
    ...(revoked.length === 0
      ? []
      : [
          `is still finishing ${partitions === undefined && revoked.includes(TENURE) ? 'its tenure' : rangesOf(revoked)}`,
        ]),
  ]
  return parts.join(' and ')
}
