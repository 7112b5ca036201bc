import { Picture, scale } from './svg.mjs'
import { chapterOf, figure } from './table.mjs'

const LEFT = 330
const RIGHT = 730
const ROW = 48
const MARGIN_MS = 50

/** A number in 0 to 1 that looks like chance and is the same each time. */
const jitter = (i) => ((i * 0.618_034) % 1) - 0.5

/** Each run of each hand-over as a dot, its median, and the most that it may take. */
export const timesPicture = (rows) => {
  const timed = rows.filter(
    (row) => row.unit === 'ms' && row.floor > 0 && row.series !== undefined && chapterOf(row) === 'groups',
  )
  if (timed.length === 0) return undefined
  const bottom = 50 + timed.length * ROW
  const picture = new Picture(760, bottom + 48, 'How long a change takes, run by run')
  const most = Math.max(...timed.flatMap(({ floor, series }) => [floor + MARGIN_MS, ...Object.values(series).flat()]))
  const x = scale(0, most * 1.05, LEFT, RIGHT)
  for (let ms = 0; ms <= most * 1.05; ms += 200) {
    picture.line(x(ms), 44, x(ms), bottom, 'grid')
    picture.text(x(ms), bottom + 16, `${ms} ms`, 'small middle')
  }
  for (const [i, { row, ours, floor, series }] of timed.entries()) {
    const y = 50 + i * ROW + ROW / 2
    const [name, after] = row.split(/ → | \(/)
    picture.text(LEFT - 10, y - 2, name, 'small end')
    picture.text(LEFT - 10, y + 12, (after ?? '').replace(')', ''), 'small end')
    for (const [n, ms] of Object.values(series).flat().entries()) picture.dot(x(ms), y + 18 * jitter(n), 3.5, 'a dot')
    picture.line(x(ours), y - 14, x(ours), y + 14, 'line b')
    picture.text(x(ours), y - 17, `${figure(Math.round(ours))}`, 'small middle')
    picture.line(x(floor + MARGIN_MS), y - 14, x(floor + MARGIN_MS), y + 14, 'mark')
  }
  picture.text(LEFT, bottom + 36, 'dots: runs; orange: the median; red: the most that is allowed', 'small')
  return picture
}
