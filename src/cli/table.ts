import { clean } from './logging.ts'

/** Rows under their heads, in columns. Ids are other people's words: nothing in them reaches the terminal as a command. */
export const formatTable = (heads: readonly string[], rows: readonly (readonly string[])[]): string => {
  const table = [heads, ...rows.map((row) => row.map(clean))]
  const widths = heads.map((_, column) => Math.max(...table.map((row) => (row[column] ?? '').length)))
  return table
    .map((row) =>
      row
        .map((cell, column) => cell.padEnd(widths[column] ?? 0))
        .join('  ')
        .trimEnd(),
    )
    .join('\n')
}
