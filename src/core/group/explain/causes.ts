import type { GroupEvent } from '../reasons.ts'
import { meanwhile } from './meanwhile.ts'
import { quoted } from './quoted.ts'
import type { Step, Trail } from './trail.ts'
import { changeOf } from './words.ts'

type Ended = Extract<GroupEvent, { readonly type: 'member.left' | 'member.expired' }>

/** What made the group plan anew before this: `because b joined 12 s ago (…), and meanwhile c left`. */
export const triggerOf = (trail: Trail, before?: Step): string => {
  const settling = trail.latest(['group.settling'], { before })
  if (settling === undefined) return `because of a change that is not known any more (${trail.lost()})`
  const { because, member } = settling.event
  citeChange(trail, settling, member)
  return `because ${changeOf(because, member)} ${trail.when(settling)}${meanwhile(trail, settling, before)}`
}

/** What was done or ordered, which comes just before what the group made of it. */
const citeChange = (trail: Trail, settling: Step, member: string | undefined): void => {
  const done =
    member === undefined
      ? trail.latest(['group.thawed', 'partition.unpinned'], { before: settling })
      : trail.latest(OF_MEMBER, { before: settling, is: (event) => event.member === member })
  // Only that and nothing of earlier times: they follow one another.
  if (done !== undefined && settling.at - done.at <= 3) trail.cite(done)
}

const OF_MEMBER = [
  'member.joined',
  'member.left',
  'member.expired',
  'member.drained',
  'member.undrained',
  'member.weighed',
  'partition.pinned',
  'place.kept',
  'place.freed',
] as const

/** The order by which a member is drained; `undefined` when it was given before what is remembered. */
export const drainOrder = (trail: Trail, member: string, before?: Step): Step | undefined => {
  const last = trail.latest(['member.drained', 'member.undrained'], { before, is: (event) => event.member === member })
  return last?.event.type === 'member.drained' ? last : undefined
}

/** How a member went, as a clause: `b was not heard for the grant time 3 s ago (…)`. */
export const endOf = (trail: Trail, ended: Step<Ended>): string =>
  `${changeOf(ended.event.because, ended.event.member)} ${trail.when(ended)}`

/** The latest end of a member, if it has not come back since. */
export const lastEndOf = (trail: Trail, member: string, before?: Step): Step<Ended> | undefined => {
  const last = trail.latest(['member.left', 'member.expired', 'member.joined'], {
    before,
    is: (event) => event.member === member,
  })
  return last?.event.type === 'member.joined' ? undefined : (last as Step<Ended> | undefined)
}

/** Since when an operator has it drained, as the end of a clause: ` since 4 s ago (…)`. */
export const drainedSince = (trail: Trail, member: string): string => {
  const order = drainOrder(trail, member)
  return order === undefined
    ? `, by an order from before what is remembered (${trail.lost()})`
    : ` since ${trail.when(order)}`
}

/** Why a drained member was asked for what it had, as a clause. */
export const drainClause = (trail: Trail, member: string, before: Step): string => {
  const order = drainOrder(trail, member, before)
  return order === undefined
    ? `an operator has ${quoted(member)} drained`
    : `an operator ordered ${quoted(member)} to be drained ${trail.when(order)}`
}
