import { conditionOf } from '../../core/group/explain/words.ts'
import type { GroupView } from '../../core/group/view.ts'
import { servicesIn } from '../../core/registry/view.ts'
import { describeOrders, describeShare } from '../groups.ts'
import { type Cell, type Column, type Line, line, span, tableOf } from './lines.ts'
import { cursorIn, inOrder, shownName } from './looking.ts'
import { movingIn } from './moves.ts'
import type { Picture } from './picture.ts'
import type { TopState } from './state.ts'
import { TOPIC_COLUMNS, topicRow } from './topic-row.ts'

const MARGIN = '  '
const CURSOR = '> '

/** Groups and elections, services, and topics, in at most so many rows. Where not all fit, those around the cursor are shown. */
export const overviewLines = (state: TopState, picture: Picture, rows: number): readonly Line[] => {
  const { shared, services } = inOrder(picture.groups, state.looking)
  const names = [...shared, ...services].map(({ name }) => name)
  const cursor = state.keys ? cursorIn(names, state.looking) : -1
  const sections = [
    sectionOf(
      'no groups',
      GROUP_COLUMNS,
      shared.map((group) => groupRow(group, state)),
      cursor,
    ),
    sectionOf('', SERVICE_COLUMNS, services.map(serviceRow), cursor - shared.length),
    sectionOf('', TOPIC_COLUMNS, picture.topics.map(topicRow), -1),
  ].filter(({ isEmpty }) => !isEmpty)
  // A blank line, the head and one row of each.
  const shares = shareOut(
    sections.map(({ rows }) => rows.length + 2),
    rows,
  )
  return sections.flatMap((section, at) => linesOf(section, shares[at] ?? 0))
}

interface Section {
  readonly head: Line
  readonly rows: readonly Line[]
  /** The row under the cursor, if it is one of these. */
  readonly cursor: number
  readonly isEmpty: boolean
}

const sectionOf = (
  none: string,
  columns: readonly Column[],
  cells: readonly (readonly Cell[])[],
  cursor: number,
): Section => {
  if (cells.length === 0) return { head: line(none, 'soft'), rows: [], cursor: -1, isEmpty: none === '' }
  const { head, rows } = tableOf(columns, cells)
  return { head: [span(MARGIN), ...head], rows, cursor, isEmpty: false }
}

/** Gives each what it needs where that is less than its part, and the others the rest: the first ones more than the last ones. */
const shareOut = (needs: readonly number[], rows: number): readonly number[] => {
  const shares: number[] = []
  let left = rows
  for (const [at, need] of needs.entries()) {
    const others = needs.slice(at + 1)
    // Half of what is there, and all that the others do not need.
    const part = Math.max(
      Math.ceil(left / (others.length === 0 ? 1 : 2)),
      left - others.reduce((sum, each) => sum + each, 0),
    )
    const share = Math.max(0, Math.min(need, part))
    shares.push(share)
    left -= share
  }
  return shares
}

const linesOf = ({ head, rows, cursor }: Section, room: number): readonly Line[] => {
  if (room < 3 && rows.length > 0) return []
  const { from, to, more } = windowOf(rows.length, room - 2, cursor)
  const shown = rows.slice(from, to).map((row, at): Line => {
    if (from + at !== cursor) return [span(MARGIN), ...row]
    return [span(CURSOR, 'chosen'), ...row.map(({ text }) => span(text, 'chosen'))]
  })
  return [line(''), more === 0 ? head : [...head, span(`  (${more} more)`, 'soft')], ...shown]
}

/** Which of so many rows are shown where there is room for fewer: those around one of them. */
export const windowOf = (
  count: number,
  room: number,
  around: number,
): { readonly from: number; readonly to: number; readonly more: number } => {
  if (count <= room) return { from: 0, to: count, more: 0 }
  const from = Math.min(Math.max(0, around - Math.floor(room / 2)), count - room)
  return { from, to: from + room, more: count - room }
}

const GROUP_COLUMNS: readonly Column[] = [
  { head: 'GROUP', most: 32 },
  { head: 'KIND', most: 16 },
  { head: 'STATE', most: 10 },
  { head: 'EPOCH', side: 'right', most: 16 },
  { head: 'MEMBERS', side: 'right' },
  { head: 'MOVING', side: 'right' },
  { head: 'MOVED', side: 'right' },
  { head: 'NOTES' },
]

const groupRow = (group: GroupView, { moved }: TopState): readonly Cell[] => {
  const { name, state, epoch, share, members } = group
  const leader = share === 'tenure' ? members.find(({ leads }) => leads === true) : undefined
  const moving = movingIn(group)
  const led = share !== 'tenure' ? [] : [leader === undefined ? 'nobody leads' : `${leader.id} leads`]
  const orders = describeOrders(group)
  const condition = conditionOf(state, members.length)
  return [
    { text: shownName(name) },
    { text: share === 'tenure' ? 'election' : describeShare(share) },
    { text: condition, style: condition === 'settling' ? 'warn' : 'good' },
    { text: String(leader?.epoch ?? epoch) },
    { text: String(members.length) },
    { text: String(moving), ...(moving > 0 && { style: 'warn' as const }) },
    { text: String(moved.get(name) ?? 0) },
    { text: [...led, ...(orders === '' ? [] : [orders])].join(', ') },
  ]
}

const SERVICE_COLUMNS: readonly Column[] = [
  { head: 'SERVICE', most: 32 },
  { head: 'INSTANCES', side: 'right' },
  { head: 'UP', side: 'right' },
]

const serviceRow = (group: GroupView): readonly Cell[] => {
  const [{ instances, up } = { instances: 0, up: 0 }] = servicesIn([group])
  const style = up === 0 ? 'bad' : up < instances ? 'warn' : 'good'
  return [{ text: shownName(group.name) }, { text: String(instances) }, { text: String(up), style }]
}
