import { onceOf } from '../onces.ts'
import type { GroupView, MemberView } from '../view.ts'
import { quoted } from './quoted.ts'
import type { Trail } from './trail.ts'
import { agoOf, inOf, namesOf } from './words.ts'

const ENDS = ['once.finished', 'once.lost'] as const

/** Whether this is something that runs only once, also when it is over and nobody is there. */
export const isRun = (view: GroupView | undefined, trail: Trail): boolean =>
  view === undefined ? trail.latest([...ENDS, 'once.granted']) !== undefined : view.share === 'once'

/** Who runs it, what is waited for, or how it ended. */
export const explainRun = (view: GroupView | undefined, trail: Trail): string => {
  if (view === undefined) return ended(trail)
  const runner = view.members.find(isRunning)
  const waiting = view.members.filter((member) => member !== runner).map(({ id }) => quoted(id))
  const what = runner === undefined ? notBegun(view, trail) : runs(trail, runner)
  if (waiting.length === 0) return `${what}.`
  return `${what}. ${namesOf(waiting)} ${waiting.length === 1 ? 'waits' : 'wait'} to be told how it ends.`
}

/** The same of one who called for it. */
export const explainCaller = (view: GroupView, trail: Trail, member: MemberView): string => {
  if (isRunning(member)) return `${runs(trail, member)}.`
  const name = quoted(member.id)
  const runner = view.members.find(isRunning)
  if (runner !== undefined) return `${name} does not run it: ${quoted(runner.id)} does, and nobody will again.`
  if (member.drained === true) return `${name} is given nothing: an operator has it drained.`
  return `${name} does not run it. ${notBegun(view, trail)}.`
}

const isRunning = ({ runs, revoked = [] }: MemberView): boolean => runs === true || revoked.length > 0

const runs = (trail: Trail, { id, epoch, runs }: MemberView): string => {
  const granted = trail.latest(['once.granted'], { is: ({ member }) => member === id })
  const since = granted === undefined ? `, as it did already; ${trail.lost()}` : ` since ${trail.when(granted)}`
  if (runs !== true) return `${quoted(id)} is stopping to run it${since}`
  return `${quoted(id)} runs it with the token ${epoch}${since}`
}

const notBegun = (view: GroupView, trail: Trail): string => {
  const atMs = onceOf(view.name)?.atMs ?? 0
  if (atMs > trail.nowMs) return `Nobody runs it yet: its instant comes ${inOf(atMs, trail.nowMs)}`
  if (view.members.every(({ drained }) => drained === true)) return 'Nobody runs it: an operator has everybody drained'
  return `Nobody runs it: it was due ${agoOf(atMs, trail.nowMs)}, and whoever may have begun it before the coordinator started is waited for; nobody begins it now`
}

const ended = (trail: Trail): string => {
  const end = trail.latest(ENDS)
  if (end === undefined) return `Nobody calls for it any more, and how it ended is not known: ${trail.lost()}.`
  trail.cite(trail.latest(['once.granted'], { before: end }))
  const { event } = end
  const who = event.member === undefined ? 'Somebody' : quoted(event.member)
  const ran = `${who} ran it with the token ${event.epoch}`
  if (event.type === 'once.finished') return `${ran}, and said ${trail.when(end)} that it is ${event.outcome}.`
  return `${ran}, and was not heard to the end: it is lost since ${trail.when(end)}, and is not run again.`
}
