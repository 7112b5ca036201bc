import type { Epoch, Generation } from '../lease.ts'
import type { Group } from './group.ts'
import type { GroupState, ShareKind } from './messages.ts'
import type { PollGroup } from './poll-group.ts'

/** More than these are not told apart at a glance. */
const MOST_HOLDERS = 24

/** A group at a glance: in so few words that the number of its members does not matter. */
export interface GroupBrief {
  readonly name: string
  readonly state: GroupState
  readonly epoch: Epoch
  /** How many members and kept places there are. */
  readonly total: number
  readonly share: ShareKind
  readonly members: number
  readonly frozen?: true
  /** Who has how much of it, in order of seniority, what they have still to let go of included: the first 24. */
  readonly holders: readonly { readonly id: string; readonly items: number }[]
  /** How much all others have. */
  readonly others?: number
}

/** A coordinator at a glance. */
export interface CoordinatorBrief {
  readonly clusterId: string
  readonly instanceId: string
  readonly generation: Generation
  readonly groups: readonly GroupBrief[]
}

export const briefOf = (
  { clusterId, instanceId, generation }: Omit<CoordinatorBrief, 'groups'>,
  groups: Iterable<Group>,
  poll: PollGroup | undefined,
): CoordinatorBrief => {
  const briefs = [...groups].map(briefOfGroup)
  if (poll !== undefined) briefs.push(briefOfPollGroup(poll))
  return { clusterId, instanceId, generation, groups: briefs }
}

const briefOfGroup = ({ name, state, epoch, share, sessions, kept, orders }: Group): GroupBrief => ({
  name,
  state,
  epoch,
  total: sessions.size + kept.size,
  share,
  members: sessions.size,
  ...(orders.frozen && { frozen: true }),
  ...holdersAmong(sessions.values(), ({ tenures }) => tenures.size),
})

const briefOfPollGroup = ({ name, state, epoch, members }: PollGroup): GroupBrief => ({
  name,
  state,
  epoch,
  total: members.length,
  share: 'index',
  members: members.length,
  ...holdersAmong(members, ({ index }) => (index === undefined ? 0 : 1)),
})

const holdersAmong = <Holder extends { readonly id: string }>(
  all: Iterable<Holder>,
  count: (holder: Holder) => number,
): Pick<GroupBrief, 'holders' | 'others'> => {
  const holders: { id: string; items: number }[] = []
  let others = 0
  for (const holder of all) {
    const items = count(holder)
    if (items === 0) continue
    if (holders.length < MOST_HOLDERS) holders.push({ id: holder.id, items })
    else others += items
  }
  return { holders, ...(others > 0 && { others }) }
}
