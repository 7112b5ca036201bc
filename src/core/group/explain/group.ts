import type { GroupView } from '../view.ts'
import { triggerOf } from './causes.ts'
import { quoted } from './quoted.ts'
import type { Step, Trail } from './trail.ts'
import { countOf, listOf, MOST_NAMED, namesOf } from './words.ts'

/** Why a group last settled, or what it waits for while it is settling. */
export const explainGroup = (view: GroupView | undefined, trail: Trail): string => {
  const settled = trail.latest(['group.settled'])
  if (view === undefined) {
    const last = trail.latest(['member.left', 'member.expired'])
    const why =
      last === undefined ? '' : `; its last member was ${quoted(last.event.member)}, which went ${trail.when(last)}`
    return `The group is not there any more${why}.`
  }
  const sentence = view.state === 'settled' ? whySettled(view, trail, settled) : whySettling(view, trail, settled)
  return `${sentence}${frozenNote(view, trail)}`
}

const whySettled = (
  view: GroupView,
  trail: Trail,
  settled: Step<{ type: 'group.settled'; epoch: number; members: number }> | undefined,
): string => {
  const members = countOf(view.members.length, 'member')
  if (settled === undefined)
    return `The group is settled with ${members}, and when it settled is not known: ${trail.lost()}.`
  return `The group settled ${trail.when(settled)} with ${countOf(settled.event.members, 'member')} at epoch ${settled.event.epoch}: it had begun to settle ${triggerOf(trail, settled)}.`
}

const whySettling = (view: GroupView, trail: Trail, settled: Step | undefined): string => {
  const settling = trail.latest(['group.settling'])
  const isCurrent = settling !== undefined && settling.at > (settled?.at ?? -1)
  const since = isCurrent ? triggerOf(trail) : `, and since when is not known (${trail.lost()})`
  return `The group is settling ${since}; it waits ${awaited(view, trail, settling)}.`
}

const awaited = (view: GroupView, trail: Trail, settling: Step | undefined): string => {
  const draining = view.members.filter(({ revoked = [] }) => revoked.length > 0)
  if (draining.length > 0) {
    const who = draining.map(({ id, revoked = [] }) => `${quoted(id)} (${countOf(revoked.length, whatOf(view))})`)
    for (const { id } of draining.slice(0, MOST_NAMED)) {
      trail.cite(trail.latest(['partition.revoked', 'slot.revoked'], { is: (event) => event.member === id }))
    }
    return `for ${namesOf(who)} to finish what was revoked, or for the drain limit and the lease to run out`
  }
  const parts = ['for nobody to come or go for the settle time']
  const gone = trail.latest(['member.expired', 'member.left'], { is: ({ because }) => because !== 'left' })
  if (gone !== undefined && gone.at >= (settling?.at ?? 0) - 1) {
    trail.cite(gone)
    parts.push(`for the leases of ${quoted(gone.event.member)} to have run out`)
  }
  if (view.epoch === 0)
    parts.push('for whatever was held before the coordinator started to be claimed or to have run out')
  return listOf(parts)
}

const whatOf = ({ share }: GroupView): string => (share === 'index' ? 'index' : 'partition')

const frozenNote = (view: GroupView, trail: Trail): string => {
  if (view.frozen !== true) return ''
  const frozen = trail.latest(['group.frozen', 'group.thawed'])
  const since = frozen?.event.type === 'group.frozen' ? ` since ${trail.when(frozen)}` : ''
  return ` An operator has it frozen${since}: no partition is taken from a member that lives.`
}
