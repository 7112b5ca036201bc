import { instanceIn } from '../../registry/instance.ts'
import type { GroupView } from '../view.ts'
import { quoted } from './quoted.ts'
import type { Trail } from './trail.ts'
import { countOf } from './words.ts'

/** How many instances a service has, and what happened to it last. */
export const explainService = (view: GroupView, trail: Trail): string => {
  const up = view.members.filter((member) => instanceIn(member)?.status === 'up').length
  const last = trail.latest(['service.registered', 'service.updated', 'service.withdrawn'])
  const since =
    last === undefined ? trail.lost() : `the last that changed is ${quoted(last.event.member)}, ${trail.when(last)}`
  return `The service has ${countOf(view.members.length, 'instance')}, ${up} of them up; ${since}.`
}

/** Where an instance is, how it is, and since when; or why it is not there. */
export const explainInstance = (view: GroupView | undefined, trail: Trail, id: string): string | undefined => {
  const is = (event: { readonly member: string }) => event.member === id
  const member = view?.members.find((each) => each.id === id)
  if (member === undefined) {
    const gone = trail.latest(['service.withdrawn'], { is })
    return gone && `${quoted(id)} was withdrawn ${trail.when(gone)}: ${WHY[gone.event.because] ?? gone.event.because}.`
  }
  const instance = instanceIn(member)
  if (instance === undefined) return `${quoted(id)} is there and has not said yet where it is.`
  const { host, port, status } = instance
  const came = trail.latest(['service.registered'], { is })
  const said = trail.latest(['service.updated'], { is })
  const registered = came === undefined ? '' : `, registered ${trail.when(came)}`
  const updated =
    said === undefined || said.at < (came?.at ?? -1) ? '' : `, and changed what it says ${trail.when(said)}`
  return `${quoted(id)} is ${status} at ${quoted(host)} port ${port}${registered}${updated}.`
}

const WHY: Readonly<Record<string, string>> = {
  left: 'it said that it stops',
  expired: 'no renewal of it was processed within the grant time',
  fenced: 'a newer process registered under its id',
  evicted: 'an operator removed it',
}
