import { conditionOf } from '../../core/group/explain/words.ts'
import type { GroupView, MemberView } from '../../core/group/view.ts'
import { instanceIn } from '../../core/registry/instance.ts'
import { serviceOf } from '../../core/registry/services.ts'
import { describeNotes, describeOrders, describePlace, describeShare } from '../groups.ts'
import { type Cell, type Column, type Line, line, span, tableOf } from './lines.ts'
import { membersInOrder, shownName } from './looking.ts'
import { movingIn } from './moves.ts'
import type { TopState } from './state.ts'

/** One group: what it does, its members, and what happened last, in at most so many rows. */
export const detailLines = (state: TopState, name: string, rows: number): readonly Line[] => {
  const group = state.picture?.groups.find((group) => group.name === name)
  const events = eventLines(state)
  if (group === undefined) {
    const gone = [line(''), [span(shownName(name), 'strong'), span(': nobody is in it now')]]
    return [...gone, ...last(events, rows - 2)]
  }
  const title = titleOf(group, state)
  const room = rows - title.length
  // Half of the screen for each; what one does not need the other has.
  const wanted = Math.min(events.length, Math.max(Math.floor(room / 2), room - group.members.length - 2))
  const members = memberLines(group, state, room - wanted)
  return [...title, ...members, ...last(events, room - members.length)]
}

const titleOf = (group: GroupView, { moved }: TopState): readonly Line[] => {
  const { name, state, epoch, share, members } = group
  const kind = serviceOf(name) !== undefined ? 'service' : share === 'tenure' ? 'election' : describeShare(share)
  const orders = describeOrders(group)
  const condition = conditionOf(state, members.length)
  return [
    line(''),
    [
      span(shownName(name), 'strong'),
      span(`  ${kind}  `),
      span(condition, condition === 'settling' ? 'warn' : 'good'),
      span(`  epoch ${epoch}  ${members.length} ${members.length === 1 ? 'member' : 'members'}`),
      span(`  moving ${movingIn(group)}, moved ${moved.get(name) ?? 0}${orders === '' ? '' : `  ${orders}`}`),
    ],
  ]
}

const MEMBER_COLUMNS: readonly Column[] = [
  { head: 'MEMBER', most: 32 },
  { head: 'SHARE', most: 32 },
  { head: 'EPOCH', side: 'right', most: 16 },
  { head: 'WEIGHT', side: 'right' },
  { head: 'NOTES', most: 32 },
  { head: 'METADATA', most: 200 },
]

const memberLines = (group: GroupView, { looking }: TopState, room: number): readonly Line[] => {
  if (room < 3) return []
  const count = group.members.length
  const shown = Math.min(count, room - 2)
  const above = Math.min(Math.max(0, looking.above), count - shown)
  const some = membersInOrder(group, looking).slice(above, above + shown)
  const { head, rows } = tableOf(
    MEMBER_COLUMNS,
    some.map((member) => memberRow(group, member)),
  )
  const hidden = [
    ...(above > 0 ? [`${above} above`] : []),
    ...(above + shown < count ? [`${count - above - shown} below`] : []),
  ].join(', ')
  return [line(''), hidden === '' ? head : [...head, span(`  (${hidden})`, 'soft')], ...rows]
}

const memberRow = ({ name, total, share }: GroupView, member: MemberView): readonly Cell[] => {
  const instance = serviceOf(name) === undefined ? undefined : instanceIn(member)
  const notes = [describeNotes(member), instance?.status ?? ''].filter((note) => note !== '').join(', ')
  return [
    { text: member.id },
    { text: instance === undefined ? describePlace(member, total) : `${instance.host}:${instance.port}` },
    { text: String(member.epoch) },
    { text: typeof share === 'string' ? String(instance?.weight ?? '') : String(member.weight ?? 1) },
    { text: notes, ...(notes !== '' && notes !== 'up' && { style: 'warn' as const }) },
    { text: jsonOf(instance === undefined ? member.metadata : instance.metadata) },
  ]
}

const jsonOf = (metadata: unknown): string =>
  metadata === undefined || metadata === null ? '' : JSON.stringify(metadata)

const eventLines = ({ opened }: TopState): readonly Line[] => {
  const events = opened?.events ?? []
  const head = span('LAST EVENTS', 'soft')
  const problem = opened?.problem === undefined ? [] : [span(`  (${opened.problem}; still trying)`, 'bad')]
  const none = events.length === 0 && opened?.problem === undefined ? [line('none yet', 'soft')] : []
  return [line(''), [head, ...problem], ...none, ...events.map((event) => line(event))]
}

/** The head of the events, and as many of the newest as there is room for. */
const last = (events: readonly Line[], room: number): readonly Line[] =>
  room < 3 ? [] : [...events.slice(0, 2), ...events.slice(2).slice(-(room - 2))]
