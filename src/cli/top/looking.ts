import { electionOf } from '../../core/group/elections.ts'
import { conditionOf } from '../../core/group/explain/words.ts'
import type { GroupView, MemberView } from '../../core/group/view.ts'
import { compareIds } from '../../core/ids.ts'
import { serviceOf } from '../../core/registry/services.ts'
import type { Key } from './keys.ts'
import { movingIn } from './moves.ts'

const GROUP_ORDERS = ['name', 'state', 'members', 'moves'] as const
const MEMBER_ORDERS = ['place', 'id', 'load', 'epoch'] as const

/** What somebody in front of the screen looks at. */
export interface Looking {
  /** The group under the cursor; of services, the group that each of them is. Unset: the first. */
  readonly chosen?: string
  /** The group whose members and events are shown. */
  readonly opened?: string
  readonly groupOrder: (typeof GROUP_ORDERS)[number]
  readonly memberOrder: (typeof MEMBER_ORDERS)[number]
  readonly reversed: boolean
  /** How many members are above the first that is shown. */
  readonly above: number
}

export const FIRST_LOOK: Looking = { groupOrder: 'name', memberOrder: 'place', reversed: false, above: 0 }

/** What there is to move about in. */
export interface Around {
  /** The groups in the order in which they are shown. */
  readonly names: readonly string[]
  /** How many members the group has that is opened. */
  readonly members: number
  /** How far a page goes. */
  readonly page: number
}

/** What is looked at after a key. Keys that end or stop the command mean nothing here. */
export const lookAfter = (key: Key, looking: Looking, around: Around): Looking => {
  const { opened, groupOrder, memberOrder, reversed } = looking
  if (key === 'reverse') return { ...looking, reversed: !reversed }
  if (key === 'sort') {
    return opened === undefined
      ? { ...looking, groupOrder: after(GROUP_ORDERS, groupOrder) }
      : { ...looking, memberOrder: after(MEMBER_ORDERS, memberOrder) }
  }
  if (key === 'back') {
    const { opened: _, ...others } = looking
    return { ...others, above: 0 }
  }
  if (opened !== undefined) {
    const above = moved(key, Math.min(looking.above, last(around.members)), around.members, around.page)
    return above === undefined ? looking : { ...looking, above }
  }
  const { names } = around
  const at = cursorIn(names, looking)
  if (key === 'open') {
    const chosen = names[at]
    return chosen === undefined ? looking : { ...looking, chosen, opened: chosen, above: 0 }
  }
  const to = moved(key, at, names.length, around.page)
  const chosen = to === undefined ? undefined : names[to]
  return chosen === undefined ? looking : { ...looking, chosen }
}

/** Where the cursor is: on the group that was chosen, or on the first when that is gone. */
export const cursorIn = (names: readonly string[], { chosen }: Looking): number =>
  chosen === undefined ? 0 : Math.max(0, names.indexOf(chosen))

const last = (count: number): number => Math.max(0, count - 1)

const moved = (key: Key, at: number, count: number, page: number): number | undefined => {
  const to = { up: at - 1, down: at + 1, pageUp: at - page, pageDown: at + page, first: 0, last: last(count) }[
    key as string
  ]
  return to === undefined ? undefined : Math.min(Math.max(0, to), last(count))
}

const after = <Each>(all: readonly Each[], one: Each): Each => all[(all.indexOf(one) + 1) % all.length] ?? one

/** Groups and elections in the order asked for, and services, which have one of their own. */
export const inOrder = (
  groups: readonly GroupView[],
  { groupOrder, reversed }: Looking,
): { readonly shared: readonly GroupView[]; readonly services: readonly GroupView[] } => {
  const shared = groups.filter(({ name }) => serviceOf(name) === undefined)
  const services = groups.filter(({ name }) => serviceOf(name) !== undefined)
  const order = groupsBy[groupOrder]
  return {
    shared: directed(shared, (a, b) => order(a, b) || compareIds(a.name, b.name), reversed),
    services: directed(services, (a, b) => compareIds(a.name, b.name), reversed && groupOrder === 'name'),
  }
}

type Compare<Each> = (a: Each, b: Each) => number

/** Most first, where it is a number. */
const groupsBy: Readonly<Record<Looking['groupOrder'], Compare<GroupView>>> = {
  name: (a, b) => compareIds(shownName(a.name), shownName(b.name)),
  // Those that settle are looked for.
  state: (a, b) => Number(isSettling(b)) - Number(isSettling(a)),
  members: (a, b) => b.members.length - a.members.length,
  moves: (a, b) => movingIn(b) - movingIn(a),
}

const isSettling = ({ state, members }: GroupView): boolean => conditionOf(state, members.length) === 'settling'

/** The name by which people know it. */
export const shownName = (group: string): string => electionOf(group) ?? serviceOf(group) ?? group

const membersBy: Readonly<Record<Looking['memberOrder'], Compare<MemberView>>> = {
  // As the server lists them.
  place: () => 0,
  id: (a, b) => compareIds(a.id, b.id),
  load: (a, b) => (b.partitions?.length ?? 0) - (a.partitions?.length ?? 0),
  epoch: (a, b) => b.epoch - a.epoch,
}

export const membersInOrder = ({ members }: GroupView, { memberOrder, reversed }: Looking): readonly MemberView[] =>
  directed(members, membersBy[memberOrder], reversed)

const directed = <Each>(all: readonly Each[], order: Compare<Each>, reversed: boolean): readonly Each[] => {
  const sorted = [...all].sort(order)
  return reversed ? sorted.reverse() : sorted
}
