import type { GroupEvent } from '../reasons.ts'
import type { GroupView, MemberView } from '../view.ts'
import { drainClause, drainedSince, endOf, lastEndOf, triggerOf } from './causes.ts'
import { quoted } from './quoted.ts'
import type { Step, Trail } from './trail.ts'
import { changeOf, listOf, MOST_NAMED } from './words.ts'

type Granted = Extract<GroupEvent, { readonly type: 'partition.granted' }>
type Revoked = Extract<GroupEvent, { readonly type: 'partition.revoked' }>

/** Why a partition is where it is, is on its way, or is with nobody. */
export const explainPartition = (view: GroupView | undefined, trail: Trail, partition: number): string => {
  const granted = trail.latest(['partition.granted'], { is: (event) => event.partition === partition })
  if (view === undefined)
    return `Partition ${partition} is with nobody: the group is not there any more${lastOwner(trail, granted)}.`
  const owner = view.members.find(({ partitions }) => partitions?.includes(partition))
  const drains = view.members.find(({ revoked }) => revoked?.includes(partition))
  const sentence =
    drains !== undefined
      ? onItsWay(view, trail, partition, drains)
      : owner !== undefined
        ? owned(trail, partition, owner, granted)
        : ownerless(view, trail, partition, granted)
  return `${sentence}${pinNote(view, partition, owner)}`
}

const lastOwner = (trail: Trail, granted: Step<Granted> | undefined): string =>
  granted === undefined ? '' : `; the last to get it was ${quoted(granted.event.member)}, ${trail.when(granted)}`

const owned = (trail: Trail, partition: number, { id }: MemberView, granted: Step<Granted> | undefined): string => {
  const head = `Partition ${partition} is with ${quoted(id)}`
  if (granted?.event.member === id) {
    return `${head}, which got it at epoch ${granted.event.epoch} ${trail.when(granted)} ${whyGranted(trail, granted)}.`
  }
  // A claim makes no event for each partition: the holder goes on with what it has.
  const adopted = trail.latest(['member.joined'], {
    is: ({ member, because }) => member === id && because === 'adopted',
  })
  if (adopted !== undefined) {
    return `${head}, which held it already when the coordinator changed and claimed it ${trail.when(adopted)}; ${trail.lost()}.`
  }
  return `${head}, and how it came there is not known: ${trail.lost()}.`
}

const whyGranted = (trail: Trail, granted: Step<Granted>): string => {
  const { partition, because, member } = granted.event
  const ofThis = (event: { readonly partition: number }) => event.partition === partition
  const before = trail.latest(['partition.granted'], { before: granted, is: ofThis })
  const revoked = trail.latest(['partition.revoked'], { before: granted, is: ofThis })
  const trigger = () => `, after the group had begun to settle ${triggerOf(trail, revoked ?? granted)}`
  const isAsked = revoked !== undefined && revoked.at > (before?.at ?? -1)
  if (isAsked && (because === 'released' || because === 'drain-overrun' || because === 'expired')) {
    const from = revoked.event.member
    const asked = `it was asked to give it up ${trail.when(revoked)}, since ${whyAsked(trail, revoked, member)}`
    // By the time it had let go, a later plan gave it to the same member.
    if (from === member)
      return `once more: ${asked}${trigger()}, and the plan had changed when it ${HOW_IT_ENDED[because]}`
    return `because ${quoted(from)} ${HOW_IT_ENDED[because]}: ${asked}${trigger()}`
  }
  switch (because) {
    case 'released':
    case 'expired':
    case 'drain-overrun':
      return `because ${earlierOwner(trail, before, granted)} ${HOW_IT_ENDED[because]}${trigger()}`
    case 'unclaimed':
      return `because nobody had claimed it, and nobody could hold it any more from before the start of the coordinator${trigger()}`
    default:
      return `because ${changeOf(because, member)}${trigger()}`
  }
}

const HOW_IT_ENDED = {
  released: 'had let go of it',
  expired: 'was gone and its lease had run out',
  'drain-overrun': 'did not finish within the drain limit, and its lease had run out',
} as const

const earlierOwner = (trail: Trail, before: Step<Granted> | undefined, granted: Step<Granted>): string => {
  if (before === undefined) return 'its earlier owner'
  trail.cite(before)
  const { member } = before.event
  if (member === granted.event.member) return `it had got it ${trail.when(before)} already and`
  const ended = lastEndOf(trail, member, granted)
  if (ended === undefined || ended.at < before.at) return quoted(member)
  trail.cite(ended)
  return `${quoted(member)}, which had got it ${trail.when(before)},`
}

/** Why its owner was asked for it, as a clause. `to`: who got it, where somebody has. */
const whyAsked = (trail: Trail, revoked: Step<Revoked>, to?: string): string => {
  const { because, member, partition } = revoked.event
  if (because === 'rebalance') return 'the loads have to be fair'
  if (because === 'drained') return drainClause(trail, member, revoked)
  if (because !== 'pinned') return changeOf(because, member)
  const pinned = trail.latest(['partition.pinned'], { before: revoked, is: (event) => event.partition === partition })
  if (pinned !== undefined) return `an operator pinned it to ${quoted(pinned.event.member)} ${trail.when(pinned)}`
  return `it was pinned to ${to === undefined || to === member ? 'another member' : quoted(to)}`
}

const onItsWay = (view: GroupView, trail: Trail, partition: number, { id }: MemberView): string => {
  const last = trail.latest(['partition.revoked', 'partition.granted'], {
    is: (event) => event.partition === partition,
  })
  const name = quoted(id)
  const awaited = `it goes to the next owner as soon as ${name} has finished with it, or its lease has run out`
  const pin = view.pins?.find((each) => each.partition === partition)
  const to = pin === undefined || pin.member === id ? '' : `, to ${quoted(pin.member)}, to which it is pinned`
  const head = `Partition ${partition} is on its way from ${name}${to}`
  if (last?.event.type !== 'partition.revoked') {
    return `${head}: ${name} is letting go of it by itself, as it does when it leaves; ${awaited}.`
  }
  const revoked = last as Step<Revoked>
  return `${head}: ${name} was asked to let go of it ${trail.when(revoked)}, since ${whyAsked(trail, revoked)}, after the group had begun to settle ${triggerOf(trail, revoked)}; ${awaited}.`
}

const ownerless = (view: GroupView, trail: Trail, partition: number, granted: Step<Granted> | undefined): string => {
  const head = `Partition ${partition} is with nobody`
  const kept = view.kept?.find(({ partitions }) => partitions?.includes(partition))
  if (kept !== undefined) {
    const step = trail.latest(['place.kept'], { is: ({ member }) => member === kept.id })
    const since = step === undefined ? '' : ` since ${trail.when(step)}`
    return `${head}: it is kept${since} for ${quoted(kept.id)}, which has stopped; it goes back to it when it returns, and to somebody else when its grace is over.`
  }
  if (view.members.length === 0) return `${head}: the group has no members${lastOwner(trail, granted)}.`
  const owner = granted?.event.member
  const name = quoted(owner ?? '')
  const ended = owner === undefined ? undefined : lastEndOf(trail, owner)
  if (granted !== undefined && ended !== undefined && ended.at > granted.at) {
    return `${head}: ${name} got it ${trail.when(granted)}, and then ${endOf(trail, ended)}; it is given to somebody else once the group has settled on who is there and ${name} can believe in it no more.`
  }
  if (view.members.every(({ drained, weight }) => drained === true || weight === 0)) {
    return `${head}: nobody here is given anything: ${whyNobody(view, trail)}.`
  }
  if (granted === undefined) {
    return `${head}: it has not been given to anybody yet; ${whatIsAwaitedAtFirst(view, trail)}.`
  }
  const revoked = trail.latest(['partition.revoked'], { is: (event) => event.partition === partition })
  const asked = revoked !== undefined && revoked.at > granted.at ? `, as it was asked to ${trail.when(revoked)}` : ''
  return `${head}: ${name} got it ${trail.when(granted)} and has let go of it since${asked}; it is given again as soon as the group has settled, which it began to ${triggerOf(trail)}.`
}

/** Why none of the members is given anything. */
const whyNobody = ({ members }: GroupView, trail: Trail): string => {
  const reasons = members.slice(0, MOST_NAMED).map(({ id, drained }) => {
    if (drained === true) return `an operator has ${quoted(id)} drained${drainedSince(trail, id)}`
    const weighed = trail.latest(['member.weighed'], { is: ({ member }) => member === id })
    return `the weight of ${quoted(id)} is 0${weighed === undefined ? '' : ` since ${trail.when(weighed)}`}`
  })
  const rest = members.length - reasons.length
  return listOf(rest > 0 ? [...reasons, `it is so with ${rest} more`] : reasons)
}

const whatIsAwaitedAtFirst = (view: GroupView, trail: Trail): string => {
  const settling = trail.latest(['group.settling'])
  const since = settling === undefined ? '' : ` (settling ${triggerOf(trail)})`
  return view.epoch === 0
    ? `the group has not settled for the first time${since}`
    : `whatever was held before the coordinator started has to be claimed or to have run out first${since}`
}

const pinNote = (view: GroupView, partition: number, owner: MemberView | undefined): string => {
  const pin = view.pins?.find((each) => each.partition === partition)
  if (pin === undefined) return ''
  if (pin.member === owner?.id) return ` An operator pinned it there.`
  const target = view.members.find(({ id }) => id === pin.member)
  if (target === undefined) return ` It is pinned to ${quoted(pin.member)}, which is not a member.`
  if (target.drained === true) return ` It is pinned to ${quoted(pin.member)}, which is drained.`
  return view.frozen === true
    ? ` It is pinned to ${quoted(pin.member)}, and the group is frozen.`
    : ` It is pinned to ${quoted(pin.member)}.`
}
