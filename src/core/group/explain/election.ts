import type { GroupEvent } from '../reasons.ts'
import type { GroupView, MemberView } from '../view.ts'
import { drainClause, drainedSince, endOf, lastEndOf } from './causes.ts'
import { quoted } from './quoted.ts'
import type { Step, Trail } from './trail.ts'
import { namesOf } from './words.ts'

type Granted = Extract<GroupEvent, { readonly type: 'tenure.granted' }>

/** Who leads and why, or what is waited for. */
export const explainElection = (view: GroupView, trail: Trail): string => {
  const drains = view.members.find(isLettingGo)
  const leader = view.members.find(({ leads }) => leads === true)
  const sentence =
    drains !== undefined
      ? `Nobody leads: ${onItsWay(trail, drains)}`
      : leader !== undefined
        ? leads(trail, leader)
        : `Nobody leads: ${awaited(view, trail)}`
  return `${sentence}.${queueNote(view)}`
}

/** Why a candidate leads or does not. */
export const explainCandidate = (view: GroupView, trail: Trail, member: MemberView): string => {
  const { id, drained } = member
  if (isLettingGo(member)) return `${onItsWay(trail, member)}.`
  if (member.leads === true) return `${leads(trail, member)}.`
  const name = quoted(id)
  const joined = trail.latest(['member.joined'], { is: (event) => event.member === id })
  const since = joined === undefined ? '' : `; it is a candidate since ${trail.when(joined)}`
  if (drained === true) return `${name} is given nothing: an operator has it drained${drainedSince(trail, id)}${since}.`
  const before = waiting(view).findIndex((each) => each.id === id)
  const place =
    before <= 0 ? 'it is next' : `${before} ${before === 1 ? 'candidate has' : 'candidates have'} waited longer`
  const leader = view.members.find((each) => each.leads === true || isLettingGo(each))
  const does = leader?.leads === true ? 'does' : 'is letting go of it'
  const why = leader === undefined ? awaited(view, trail) : `${quoted(leader.id)} ${does}`
  return `${name} does not lead: ${why}; ${place}${since}.`
}

/** The tenure is a group's item 0. */
const isLettingGo = ({ revoked = [] }: MemberView): boolean => revoked.length > 0

const waiting = ({ members }: GroupView): readonly MemberView[] =>
  members.filter((member) => member.leads !== true && !isLettingGo(member) && member.drained !== true)

const leads = (trail: Trail, { id, epoch }: MemberView): string => {
  const head = `${quoted(id)} leads with the token ${epoch}`
  const granted = trail.latest(['tenure.granted'], { is: (event) => event.member === id && event.epoch === epoch })
  if (granted !== undefined) return `${head} since ${trail.when(granted)}, ${whyGranted(trail, granted)}`
  const adopted = trail.latest(['member.joined'], {
    is: ({ member, because }) => member === id && because === 'adopted',
  })
  if (adopted === undefined) return `${head}, and how it came to that is not known: ${trail.lost()}`
  return `${head}, as it did already when the coordinator changed and it claimed its tenure ${trail.when(adopted)}; ${trail.lost()}`
}

const whyGranted = (trail: Trail, granted: Step<Granted>): string => {
  const { because, member } = granted.event
  const before = trail.latest(['tenure.granted'], { before: granted })
  // Whoever had it long ago has nothing to do with a tenure that nobody had when it was given.
  if (before === undefined || because === 'unclaimed') {
    return because === 'unclaimed' || because === 'released'
      ? 'because nobody else had it'
      : 'because whoever had it before is gone, and its lease has run out'
  }
  trail.cite(before)
  if (before.event.member === member && because === 'released') return 'as before, because it was its turn again'
  const name = quoted(before.event.member)
  const revoked = trail.latest(['tenure.revoked'], { before: granted, is: ({ epoch }) => epoch === before.event.epoch })
  const asked =
    revoked === undefined
      ? ''
      : `, as it was asked to ${trail.when(revoked)}${revoked.event.because === 'drained' ? `, since ${drainClause(trail, revoked.event.member, revoked)}` : ''}`
  if (because === 'drain-overrun')
    return `because ${name} did not finish within the drain limit${asked}, and its lease has run out`
  const ended = lastEndOf(trail, before.event.member, granted)
  const end = ended === undefined || ended.at < before.at ? undefined : ended
  if (because === 'expired')
    return `because ${end === undefined ? `${name} was gone` : endOf(trail, end)}, and its lease has run out`
  return end === undefined ? `because ${name} let go of it${asked}` : `because ${endOf(trail, end)}${asked}`
}

const onItsWay = (trail: Trail, { id }: MemberView): string => {
  const asked = trail.latest(['tenure.revoked'], { is: (event) => event.member === id })
  const name = quoted(id)
  const why =
    asked === undefined
      ? 'by itself'
      : `as it was asked to ${trail.when(asked)}${asked.event.because === 'drained' ? `, since ${drainClause(trail, id, asked)}` : ''}`
  return `${name} is letting go of it, ${why}; the next candidate leads as soon as ${name} has finished, or its lease has run out`
}

const awaited = (view: GroupView, trail: Trail): string => {
  if (waiting(view).length === 0) {
    return view.members.length === 0 ? 'there is no candidate' : 'an operator has every candidate drained'
  }
  const granted = trail.latest(['tenure.granted'])
  const ended = granted && lastEndOf(trail, granted.event.member)
  if (granted === undefined || ended === undefined || ended.at < granted.at) {
    return 'somebody may lead from before the coordinator started, so its lease is waited for'
  }
  return `${quoted(granted.event.member)} led since ${trail.when(granted)}, and then ${endOf(trail, ended)}; what is left of its lease is waited for`
}

const queueNote = (view: GroupView): string => {
  const queue = waiting(view).map(({ id }) => quoted(id))
  if (queue.length === 0) return ''
  return queue.length === 1 ? ` ${queue[0]} waits.` : ` ${namesOf(queue)} wait, in this order.`
}
