import type { Epoch } from '../lease.ts'
import type { Group } from './group.ts'
import type { GroupState, Incarnation, ShareKind } from './messages.ts'
import type { PollGroup } from './poll-group.ts'

/** A member as others see it. `epoch` is that of its latest grant, 0 before the first. */
export interface MemberView {
  readonly id: string
  readonly incarnation: Incarnation
  readonly index?: number
  readonly partitions?: readonly number[]
  readonly epoch: Epoch
  readonly metadata: unknown
}

/** A group as others see it. */
export interface GroupView {
  readonly name: string
  readonly state: GroupState
  readonly epoch: Epoch
  readonly total: number
  readonly share: ShareKind
  readonly members: readonly MemberView[]
}

export const viewOfGroup = (group: Group): GroupView => {
  const { name, state, epoch, share } = group
  const members = [...group.sessions.values()].map(({ id, incarnation, metadata, tenures }): MemberView => {
    const held = [...tenures.values()].filter((tenure) => tenure.state === 'held' && tenure.until === undefined)
    const latest = held.reduce((highest, tenure) => Math.max(highest, tenure.epoch), 0)
    const items = held.map(({ item }) => item)
    const [index] = items
    if (share !== 'index') return { id, incarnation, partitions: items.sort((a, b) => a - b), epoch: latest, metadata }
    return index === undefined
      ? { id, incarnation, epoch: 0, metadata }
      : { id, incarnation, index, epoch: latest, metadata }
  })
  return { name, state, epoch, total: members.length, share, members: sorted(members) }
}

export const viewOfPollGroup = (group: PollGroup): GroupView => {
  const { name, state, epoch } = group
  const members = group.members.map(({ id, incarnation, index }): MemberView => {
    const known = { id, incarnation, metadata: null }
    return index === undefined ? { ...known, epoch: 0 } : { ...known, index, epoch }
  })
  return { name, state, epoch, total: members.length, share: 'index', members: sorted(members) }
}

/** By index, then by seniority: the order in which people look for somebody. */
const sorted = (members: MemberView[]): MemberView[] =>
  members.sort(
    (a, b) =>
      (a.index ?? Number.MAX_SAFE_INTEGER) - (b.index ?? Number.MAX_SAFE_INTEGER) || a.incarnation - b.incarnation,
  )
