import type { GroupEvent } from '../reasons.ts'
import { quoted } from './quoted.ts'
import type { Step, Trail } from './trail.ts'
import { MOST_NAMED, namesOf } from './words.ts'

type Settling = Extract<GroupEvent, { readonly type: 'group.settling' }>

/** Changes that came while the group was settling already, as the end of a sentence: `, and meanwhile b and c joined; d left`. */
export const meanwhile = (trail: Trail, settling: Step<Settling>, before?: Step): string => {
  const deeds = new Map<string, { readonly steps: Step[]; readonly verbs: Set<string> }>()
  for (const step of trail.between(settling, before)) {
    const deed = deedOf(step.event)
    // What it did itself is told already.
    if (deed === undefined || deed.who === settling.event.member) continue
    const known = deeds.get(deed.who) ?? { steps: [], verbs: new Set() }
    known.steps.push(step)
    known.verbs.add(deed.verb)
    deeds.set(deed.who, known)
  }
  const alike = new Map<string, string[]>()
  for (const [who, { steps, verbs }] of deeds) {
    const text = namesOf([...verbs])
    const names = alike.get(text) ?? []
    names.push(who === '' ? 'an operator' : quoted(who))
    if (names.length <= MOST_NAMED) for (const step of steps.slice(0, MOST_NAMED)) trail.cite(step)
    alike.set(text, names)
  }
  const parts = [...alike].map(([verbs, names]) => `${namesOf(names)} ${verbs}`)
  if (parts.length > MOST_NAMED) parts.splice(MOST_NAMED, parts.length, 'more of that kind happened')
  return parts.length === 0 ? '' : `, and meanwhile ${parts.join('; ')}`
}

/** Who did what; an empty name stands for the operators. */
const deedOf = (event: GroupEvent): { readonly who: string; readonly verb: string } | undefined => {
  switch (event.type) {
    case 'member.joined':
      return { who: event.member, verb: event.because === 'joined' ? 'joined' : 'came back' }
    case 'member.left':
      return { who: event.member, verb: WENT[event.because] ?? 'left' }
    case 'member.expired':
      return { who: event.member, verb: 'fell silent' }
    case 'member.drained':
      return { who: event.member, verb: 'was ordered to be drained' }
    case 'member.undrained':
      return { who: event.member, verb: 'was given work again' }
    case 'member.weighed':
      return { who: event.member, verb: 'changed its weight' }
    case 'partition.pinned':
      return { who: '', verb: `pinned partition ${event.partition} to ${quoted(event.member)}` }
    case 'partition.unpinned':
      return { who: '', verb: `took the pin of partition ${event.partition} away` }
    case 'group.frozen':
      return { who: '', verb: 'froze the group' }
    case 'group.thawed':
      return { who: '', verb: 'thawed the group' }
    default:
      return undefined
  }
}

const WENT: Readonly<Record<string, string>> = { fenced: 'was fenced', evicted: 'was removed' }
