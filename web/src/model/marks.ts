/** What a mark on the time slider stands for, the most telling first: of many events in one place only that is seen. */
export const MARKS = ['view', 'lease', 'member', 'order', 'revoke', 'grant'] as const
export type Mark = (typeof MARKS)[number]

const OF: Readonly<Record<string, Mark>> = {
  'group.settled': 'view',
  'leader.elected': 'view',
  'member.expired': 'lease',
  'partition.revoked': 'revoke',
  'slot.revoked': 'revoke',
  'tenure.revoked': 'revoke',
  'leader.lost': 'revoke',
  'partition.granted': 'grant',
  'slot.granted': 'grant',
  'tenure.granted': 'grant',
  'once.granted': 'grant',
  'group.frozen': 'order',
  'group.thawed': 'order',
  'member.drained': 'order',
  'member.undrained': 'order',
  'partition.pinned': 'order',
  'partition.unpinned': 'order',
}

/** What is told of an event here. */
export interface Told {
  readonly type: string
  readonly because?: string
}

/** Anything else is about a member: that it came, went, or changed. */
export const markOf = ({ type, because }: Told): Mark =>
  type === 'service.withdrawn' && because === 'expired' ? 'lease' : (OF[type] ?? 'member')

/** The widest that one event is drawn. */
const WIDEST = 5

/** What is drawn in each of `width` columns, where `marks` are spread over them: each before the position that shows what it did. */
export const columnsOf = (marks: readonly Mark[], width: number): readonly (Mark | undefined)[] => {
  const columns: (Mark | undefined)[] = new Array<Mark | undefined>(Math.max(0, width)).fill(undefined)
  for (const [i, mark] of marks.entries()) {
    const to = Math.min(width, Math.max(1, Math.floor(((i + 1) / marks.length) * width)))
    const from = Math.max(0, Math.floor((i / marks.length) * width), to - WIDEST)
    for (let at = Math.min(from, to - 1); at < to; at++) {
      const there = columns[at]
      if (there === undefined || MARKS.indexOf(mark) < MARKS.indexOf(there)) columns[at] = mark
    }
  }
  return columns
}

/** Where the slider is after the next view before or behind `at`; `undefined`: there is none. */
export const nextView = (marks: readonly Mark[], at: number, direction: 'back' | 'on'): number | undefined => {
  const step = direction === 'back' ? -1 : 1
  for (let to = at + step; to >= 0 && to <= marks.length; to += step) {
    if (to > 0 && marks[to - 1] === 'view') return to
  }
  return undefined
}
