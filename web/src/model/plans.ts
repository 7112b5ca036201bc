import { changeFault } from '../../../src/core/assignment/plan.ts'
import { movesOf, renumberedBy } from '../../../src/core/group/planned.ts'
import type { GroupView } from '../../../src/core/group/view.ts'
import { countOf } from './words.ts'

/** What somebody thinks of changing in a group. */
export type Deed =
  | { readonly what: 'drain' | 'undrain' | 'evict'; readonly member: string }
  | { readonly what: 'freeze' | 'thaw' }
  | { readonly what: 'pin'; readonly partition: number; readonly member: string }
  | { readonly what: 'unpin'; readonly partition: number }
  /** What if so many came, and these went. */
  | { readonly what: 'ask'; readonly come: number; readonly go: readonly string[] }

export interface Planned {
  readonly sentence: string
  /** From whom to whom how many would go, the most first. */
  readonly ways: readonly { readonly from: string; readonly to: string; readonly count: number }[]
}

/** What would move, by the group's own rules, before anything does. */
export const planOf = (view: GroupView, deed: Deed): Planned => {
  const { share } = view
  if (share === 'tenure') return told('If it leads, whoever has waited longest follows.')
  if (share === 'none' || share === 'once') return told('It shares nothing out, so nothing moves.')
  const changed = after(view, deed)
  const change = changeOf(view, deed)
  const present = [...view.members, ...(view.kept ?? [])].map(({ id }) => id)
  const fault = changeFault(present, change)
  if (fault !== undefined) return told(`There is no plan: ${fault}.`)
  return share === 'index' ? ofIndexes(changed, change) : ofPartitions(changed, share.partitions, change)
}

const told = (sentence: string): Planned => ({ sentence, ways: [] })

interface Change {
  readonly join: readonly string[]
  readonly leave: readonly string[]
}

const changeOf = ({ members }: GroupView, deed: Deed): Change => {
  if (deed.what === 'drain' || deed.what === 'evict') return { join: [], leave: [deed.member] }
  if (deed.what !== 'ask') return { join: [], leave: [] }
  const taken = new Set(members.map(({ id }) => id))
  const join: string[] = []
  for (let n = 1; join.length < deed.come; n++) if (!taken.has(`newcomer-${n}`)) join.push(`newcomer-${n}`)
  return { join, leave: deed.go }
}

/** The group as an order leaves it, with all that it has still to do about it. */
const after = (view: GroupView, deed: Deed): GroupView => {
  const { frozen: _frozen, ...thawed } = view
  const pins = (view.pins ?? []).filter(({ partition }) => !('partition' in deed) || partition !== deed.partition)
  switch (deed.what) {
    case 'undrain':
      return {
        ...view,
        members: view.members.map((member) => (member.id === deed.member ? worksAgain(member) : member)),
      }
    case 'freeze':
      return { ...view, frozen: true }
    case 'thaw':
      return thawed
    case 'pin':
      return { ...view, pins: [...pins, { partition: deed.partition, member: deed.member }] }
    case 'unpin':
      return { ...view, pins }
    default:
      return view
  }
}

const worksAgain = ({ drained: _drained, ...member }: GroupView['members'][number]) => member

const ofPartitions = (view: GroupView, partitions: number, change: Change): Planned => {
  const { moves, minimum } = movesOf(view, partitions, change)
  if (moves.length === 0) return told('Plan: nothing would move.')
  const ways = new Map<string, { from: string; to: string; count: number }>()
  for (const { from, to } of moves) {
    const key = JSON.stringify([from, to])
    const way = ways.get(key) ?? { from, to: to ?? 'nobody', count: 0 }
    way.count++
    ways.set(key, way)
  }
  const takers = new Set(moves.flatMap(({ to }) => to ?? []))
  const where = takers.size === 0 ? 'would be nobody’s' : `would move to ${countOf(takers.size, 'member')}`
  return {
    sentence: `Plan: ${countOf(moves.length, 'partition')} ${where}; the fewest that fair loads allow: ${minimum}.`,
    ways: [...ways.values()].sort((a, b) => b.count - a.count),
  }
}

const ofIndexes = (view: GroupView, change: Change): Planned => {
  const { renumbered, total } = renumberedBy(view, change)
  if (renumbered.length === 0) return told('Plan: nobody would get another index.')
  return told(
    `Plan: the total goes from ${total.from} to ${total.to}, and ${countOf(renumbered.length, 'member')} would get another index or none.`,
  )
}
