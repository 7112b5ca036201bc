import type { GroupEvent } from '../reasons.ts'
import type { GroupView, KeptPlace, MemberView } from '../view.ts'
import { drainedSince, endOf, lastEndOf, triggerOf } from './causes.ts'
import { quoted } from './quoted.ts'
import type { Step, Trail } from './trail.ts'
import { changeOf, countOf, listOf, partitionsOf } from './words.ts'

/** Why a member has what it has, or why it is not there. */
export const explainMember = (view: GroupView | undefined, trail: Trail, id: string): string => {
  const member = view?.members.find((each) => each.id === id)
  if (view !== undefined && member !== undefined) {
    return `${present(view, trail, member)}${fencedBefore(trail, id)}${orders(view, member)}`
  }
  const kept = view?.kept?.find((each) => each.id === id)
  return kept === undefined ? absent(trail, id) : stopped(trail, kept)
}

const present = (view: GroupView, trail: Trail, member: MemberView): string => {
  const { id, index, partitions = [] } = member
  const name = quoted(id)
  const joined = trail.latest(['member.joined'], { is: (event) => event.member === id })
  const drain = drainOf(trail, member)
  if (index !== undefined)
    return `${name} has index ${index} of ${view.total}${sinceView(view, trail, id, joined)}${drain}.`
  if (partitions.length === 0) return `${name} has nothing${whyNothing(view, trail, member, joined)}${drain}.`
  const { share } = view
  const of = typeof share === 'string' ? '' : ` of ${share.partitions}`
  return `${name} has ${partitionsOf(partitions)} (${partitions.length}${of})${sinceGrant(trail, id, joined)}${drain}.`
}

type Joined = Step<Extract<GroupEvent, { readonly type: 'member.joined' }>> | undefined

const arrived = ({ event: { because } }: NonNullable<Joined>): string => (because === 'joined' ? 'joined' : 'came back')

const sinceView = (view: GroupView, trail: Trail, id: string, joined: Joined): string => {
  const granted = trail.latest(['slot.granted', 'slot.revoked'], { is: (event) => event.member === id })
  if (granted?.event.type === 'slot.revoked') {
    return `, but was asked to let go of it ${trail.when(granted)}, since the group settled anew ${triggerOf(trail, granted)}`
  }
  if (granted !== undefined)
    return `, which it got at epoch ${granted.event.epoch} ${trail.when(granted)}, when the group settled anew ${triggerOf(trail, granted)}`
  // Poll clients are told their place when they ask, without an event for each.
  const settled = trail.latest(['group.settled'])
  if (settled !== undefined && settled.event.epoch === view.epoch)
    return `: the group settled ${trail.when(settled)}, having begun to ${triggerOf(trail, settled)}`
  return held(trail, joined)
}

/** What it has without a grant that is known. */
const held = (trail: Trail, joined: Joined): string =>
  joined?.event.because === 'adopted'
    ? `, which it held already when the coordinator changed and claimed ${trail.when(joined)}; ${trail.lost()}`
    : `, and how it came to that is not known: ${trail.lost()}`

const sinceGrant = (trail: Trail, id: string, joined: Joined): string => {
  const granted = trail.latest(['partition.granted'], { is: (event) => event.member === id })
  const lost = trail.latest(['partition.revoked'], { is: (event) => event.member === id })
  const moved = [granted, lost].filter((step) => step !== undefined).sort((a, b) => b.at - a.at)[0]
  if (moved === undefined || (joined !== undefined && moved.at < joined.at)) return held(trail, joined)
  const { event } = moved
  const isSame = (each: GroupEvent) => each.type === event.type && each.member === id && each.epoch === event.epoch
  const first = trail.latest([event.type], { before: moved, is: (each) => !isSame(each) })
  const count = trail.count(isSame, (first?.at ?? -1) + 1)
  const since = joined === undefined ? '' : `; it ${arrived(joined)} ${trail.when(joined)}`
  const many = count === 1 ? `partition ${event.partition}` : `${count} partitions`
  return event.type === 'partition.granted'
    ? `: it got the latest (${many}) ${trail.when(moved)} at epoch ${event.epoch}, after the group had begun to settle ${triggerOf(trail, moved)}${since}`
    : `: it was last asked to let go of ${many} ${trail.when(moved)}, after the group had begun to settle ${triggerOf(trail, moved)}${since}`
}

const whyNothing = (view: GroupView, trail: Trail, member: MemberView, joined: Joined): string => {
  const arrival = joined === undefined ? '' : `; it ${arrived(joined)} ${trail.when(joined)}`
  if (member.drained === true)
    return `: an operator has it drained${drainedSince(trail, member.id)}, so it is given nothing${arrival}`
  if (member.weight === 0) return `: its weight is 0, so it is given nothing${arrival}`
  if (view.state === 'settling')
    return `: the group is settling ${triggerOf(trail)}, and gives it its share when it has settled${arrival}`
  if (typeof view.share !== 'string' && view.members.length > view.share.partitions)
    return `: the group has ${view.members.length} members and only ${countOf(view.share.partitions, 'partition')}${arrival}`
  return `: the others have all there is${view.frozen === true ? ', and the group is frozen, so that nothing is taken from them' : ''}${arrival}`
}

const drainOf = (trail: Trail, { id, revoked = [] }: MemberView): string => {
  if (revoked.length === 0) return ''
  const asked = trail.latest(['partition.revoked', 'slot.revoked'], { is: (event) => event.member === id })
  const since = asked === undefined ? ' by itself' : `, as it was asked to ${trail.when(asked)}`
  return `; it is still finishing ${partitionsOf(revoked)}${since}`
}

/** Two processes under one id are what people ask about. */
const fencedBefore = (trail: Trail, id: string): string => {
  const ended = trail.latest(['member.left', 'member.expired'], { is: ({ member }) => member === id })
  // Only if that is how the one before this one ended: an orderly restart may have followed a fence of long ago.
  if (ended?.event.because !== 'fenced') return ''
  return ` An earlier process under this id was fenced ${trail.when(ended)}, when this one came.`
}

const orders = ({ pins = [] }: GroupView, { id, weight, static: isStatic, partitions = [] }: MemberView): string => {
  const pinned = pins.filter(({ member }) => member === id).map(({ partition }) => partition)
  const notes = [
    ...(weight === undefined || (weight === 0 && partitions.length === 0) ? [] : [`its weight is ${weight}`]),
    ...(isStatic === true ? ['its place is kept for a grace when it stops'] : []),
    ...(pinned.length > 0 ? [`an operator pinned ${partitionsOf(pinned)} to it`] : []),
  ]
  const text = listOf(notes)
  return text === '' ? '' : ` ${text.charAt(0).toUpperCase()}${text.slice(1)}.`
}

const stopped = (trail: Trail, { id, index, partitions = [] }: KeptPlace): string => {
  const ended = lastEndOf(trail, id)
  const place = index === undefined ? partitionsOf(partitions) : `index ${index}`
  const what = index === undefined && partitions.length === 0 ? 'its place' : `its place (${place})`
  const why = ended === undefined ? trail.lost() : endOf(trail, ended)
  trail.cite(trail.latest(['place.kept'], { is: ({ member }) => member === id }))
  return `${quoted(id)} has stopped: ${why}; ${what} is kept for it until it returns or its grace is over.`
}

const absent = (trail: Trail, id: string): string => {
  const ended = lastEndOf(trail, id)
  if (ended === undefined) return `${quoted(id)} is no member, and nothing about it is known: ${trail.lost()}.`
  const freed = trail.latest(['place.freed'], { is: ({ member }) => member === id })
  const joined = trail.latest(['member.joined'], { before: ended, is: ({ member }) => member === id })
  const since =
    joined === undefined
      ? ''
      : `; it had ${joined.event.because === 'joined' ? 'joined' : 'come back'} ${trail.when(joined)}`
  const grace =
    freed === undefined || freed.at < ended.at
      ? ''
      : `; its place was kept, and given up ${trail.when(freed)} since ${changeOf(freed.event.because, id)}`
  return `${quoted(id)} is no member any more: ${endOf(trail, ended)}${since}${grace}.`
}
