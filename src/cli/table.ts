import { columnsOf, padTo, visible } from './cells.ts'
import { type Paint, plain } from './paint.ts'

/** Rows under their heads, in columns. Ids are other people's words: nothing in them reaches the terminal as a command. */
export const formatTable = (
  heads: readonly string[],
  rows: readonly (readonly string[])[],
  paint: Paint = plain,
): string => {
  const table = [heads, ...rows.map((row) => row.map(visible))]
  const widths = heads.map((_, column) =>
    table.reduce((widest, row) => Math.max(widest, columnsOf(row[column] ?? '')), 0),
  )
  return table
    .map((row) =>
      row
        .map((cell, column) => padTo(cell, widths[column] ?? 0))
        .join('  ')
        .trimEnd(),
    )
    .map((line, at) => (at === 0 ? paint(line, 'strong') : line))
    .join('\n')
}
