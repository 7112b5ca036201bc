import { columnsOf, cutTo, padTo, visible } from '../cells.ts'

export type Style = 'strong' | 'soft' | 'good' | 'warn' | 'bad' | 'chosen'

/** A piece of a line. Made by `span` alone, so that its text is fit for a terminal. */
export interface Span {
  readonly text: string
  readonly style?: Style
}

/** A line of the screen, from left to right. */
export type Line = readonly Span[]

/** A piece of a line from anybody's words: what could disturb the screen stands there as an escape. */
export const span = (text: string, style?: Style): Span => ({
  text: shown(text),
  ...(style !== undefined && { style }),
})

/** What nobody could see anyway is not looked at. */
const MOST_CHARACTERS = 2_000

const shown = (text: string): string => visible(text.length > MOST_CHARACTERS ? text.slice(0, MOST_CHARACTERS) : text)

export const line = (text: string, style?: Style): Line => [span(text, style)]

/** The line in at most so many columns. */
export const cutLine = (spans: Line, columns: number): Line => {
  const kept: Span[] = []
  let room = columns
  for (const [at, each] of spans.entries()) {
    const needed = columnsOf(each.text)
    // Whatever follows needs a column to say that it goes on.
    const isLast = spans.slice(at + 1).every(({ text }) => text === '')
    if (needed < room || (needed === room && isLast)) {
      kept.push(each)
      room -= needed
      continue
    }
    kept.push({ ...each, text: needed <= room ? cutTo(`${each.text} `, room) : cutTo(each.text, room) })
    break
  }
  return kept
}

export const textOf = (spans: Line): string =>
  spans
    .map(({ text }) => text)
    .join('')
    .trimEnd()

const CODES: Readonly<Record<Style, string>> = {
  strong: '1',
  soft: '2',
  good: '32',
  warn: '33',
  bad: '31',
  chosen: '7',
}

/** The line with the colours of a terminal. */
export const colouredText = (spans: Line): string =>
  spans
    .map(({ text, style }) => (style === undefined || text === '' ? text : `\x1b[${CODES[style]}m${text}\x1b[0m`))
    .join('')

export interface Cell {
  readonly text: string
  readonly style?: Style
}

export interface Column {
  readonly head: string
  readonly side?: 'left' | 'right'
  /** The most columns that it takes, whatever stands in it; the last one takes what there is. */
  readonly most?: number
}

const GAP = '  '

/** A table: its head and its rows, which a name of any length cannot push out of their columns. */
export const tableOf = (
  columns: readonly Column[],
  rows: readonly (readonly Cell[])[],
): { readonly head: Line; readonly rows: readonly Line[] } => {
  const cells = rows.map((row) => row.map(({ text, ...style }) => ({ text: shown(text), ...style })))
  const widths = columns.map(({ head, most = Number.POSITIVE_INFINITY }, at) =>
    Math.min(
      Math.max(most, head.length),
      cells.reduce((widest, row) => Math.max(widest, columnsOf(row[at]?.text ?? '')), head.length),
    ),
  )
  const cellsOf = (row: readonly Cell[]): Line =>
    row.map(({ text, style }, at) => {
      const width = widths[at] ?? 0
      const isLast = at === row.length - 1
      const side = columns[at]?.side === 'right' ? 'left' : 'right'
      const filled = isLast && side === 'right' ? cutTo(text, width) : padTo(cutTo(text, width), width, side)
      return { text: `${filled}${isLast ? '' : GAP}`, ...(style !== undefined && { style }) }
    })
  return { head: cellsOf(columns.map(({ head }) => ({ text: head, style: 'soft' }))), rows: cells.map(cellsOf) }
}
