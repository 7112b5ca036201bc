import type { GroupEvent } from '../../core/group/reasons.ts'
import type { GroupView, MemberView } from '../../core/group/view.ts'
import { must } from './violation.ts'

/** What happened to an election in one step, and who in it is on the way out. */
export interface TenureStep {
  readonly events: readonly GroupEvent[]
  readonly leaving: (member: string) => boolean
}

/** T1: nobody's coming or going takes it from whoever has it. T2: candidates get it in the order in which they came. */
export class Tenures {
  #run = 0
  /** Who had it last, by election. */
  readonly #last = new Map<string, string>()

  stepped(run: number, view: GroupView, { events, leaving }: TenureStep): void {
    if (run !== this.#run) this.#last.clear()
    this.#run = run
    // Several orders may become durable in one step: whom the last of them lets in was out of it when the first one gave it away.
    const letIn = events.flatMap((event) => (event.type === 'member.undrained' ? [event.member] : []))
    const isOut = (member: string) => leaving(member) || letIn.includes(member)
    for (const event of events) {
      if (event.type === 'tenure.revoked') checkRevoke(view, event, leaving)
      if (event.type === 'tenure.granted') {
        this.#checkTurn(view, event.member, isOut)
        this.#last.set(view.name, event.member)
      }
      if (event.type !== 'member.left' && event.type !== 'member.expired') continue
      if (this.#last.get(view.name) === event.member) this.#last.delete(view.name)
    }
    // Also who claimed it.
    const leader = view.members.find(({ leads }) => leads === true)
    if (leader !== undefined) this.#last.set(view.name, leader.id)
  }

  #checkTurn({ name, members }: GroupView, member: string, isOut: (member: string) => boolean): void {
    // It is its turn still: what it was told had got lost, or came too late.
    if (this.#last.get(name) === member) return
    const holder = members.find(({ id }) => id === member)
    const earlier = members.find(
      (other) => other.incarnation < (holder?.incarnation ?? 0) && other.drained !== true && !isOut(other.id),
    )
    must(earlier === undefined, 'T2', () => `${member} leads ${name}, for which ${earlier?.id} had waited longer`)
  }
}

const checkRevoke = (
  { name }: GroupView,
  { member, because }: Extract<GroupEvent, { type: 'tenure.revoked' }>,
  leaving: (member: string) => boolean,
): void => {
  // Two orders may become durable in one step, so that it is not drained any more at the end of that.
  must(because === 'drained' || leaving(member), 'T1', () => `${member} was asked to let go of ${name} (${because})`)
}

/** What must hold of an election at the moment when the coordinator calls it settled. */
export const checkTenureSettled = ({ name, members }: GroupView, lacking: boolean): void => {
  const leaders = members.filter(({ leads }) => leads === true)
  must(leaders.length <= 1, 'G4', () => `${namesOf(leaders)} lead ${name}, all of them`)
  const drained = leaders.find((member) => member.drained === true)
  must(drained === undefined, 'D1', () => `${name} has settled, and ${drained?.id}, which is to be drained, leads it`)
  const candidates = members.filter(({ drained }) => drained !== true)
  must(lacking || candidates.length === 0 || leaders.length === 1, 'G8', () => {
    return `settled election ${name} has the candidates ${namesOf(candidates)}, and nobody leads`
  })
}

const namesOf = (members: readonly MemberView[]): string => members.map(({ id }) => id).join(', ')
