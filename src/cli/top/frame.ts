import { detailLines } from './detail.ts'
import { headLines, keysLine } from './head.ts'
import { cutLine, type Line, line } from './lines.ts'
import { overviewLines } from './overview.ts'
import type { TopState } from './state.ts'

/** Of a terminal, or of a page without an end. */
export interface Size {
  readonly columns: number
  readonly rows: number
}

/** The whole screen, from top to bottom: never more lines than rows, and none longer than the columns. */
export const render = (state: TopState, size: Size): readonly Line[] => {
  const { columns, rows } = size
  const head = headLines(state)
  const room = rows - head.length - 1
  const body = [...head, ...bodyLines(state, room)].slice(0, Math.max(0, rows - 1))
  // The keys stay where they are.
  const blank = Math.max(0, Math.min(rows, MOST_ROWS) - 1 - body.length)
  const all = [...body, ...Array.from({ length: blank }, () => line('')), keysLine(state)]
  return all.slice(0, Math.max(0, rows)).map((each) => cutLine(each, columns))
}

/** A terminal that says it has more is believed no further. */
const MOST_ROWS = 1_000

/** What stands there when it is printed once: everything, as wide as it is, and no keys. */
export const renderOnce = (state: TopState): readonly Line[] => [
  ...headLines(state),
  ...bodyLines(state, Number.POSITIVE_INFINITY),
]

const bodyLines = (state: TopState, rows: number): readonly Line[] => {
  const { picture, looking } = state
  if (picture === undefined) return state.lost === undefined ? [line('asking …', 'soft')] : []
  return looking.opened === undefined ? overviewLines(state, picture, rows) : detailLines(state, looking.opened, rows)
}
