import { Picture, scale } from './svg.mjs'
import { chapterOf, figure } from './table.mjs'

const LEFT = 330
const RIGHT = 700
const ROW = 34

/** How near each rate comes to the floor of its own run, and how near it has to come. */
export const ratioPicture = (rows) => {
  const rates = rows.filter((row) => row.floor > 0 && row.unit.endsWith('/s') && chapterOf(row) === 'groups')
  if (rates.length === 0) return undefined
  const bottom = 50 + rates.length * ROW
  const picture = new Picture(760, bottom + 48, 'Rates against the floor of the same run')
  const most = Math.max(1.1, ...rates.map(({ ratio }) => ratio))
  const x = scale(0, most, LEFT, RIGHT)
  for (const part of [0, 0.25, 0.5, 0.75, 1]) {
    picture.line(x(part), 44, x(part), bottom, part === 1 ? 'axis' : 'grid')
    picture.text(x(part), bottom + 16, part, 'small middle')
  }
  for (const [i, { row, ratio, target, ours, floor }] of rates.entries()) {
    const y = 50 + i * ROW
    picture.text(LEFT - 10, y + 12, row.replace(', 64 connections', ''), 'small end')
    picture.text(LEFT - 10, y + 25, `${figure(ours)} of ${figure(floor)} /s`, 'small end')
    picture.bar(LEFT, y + 3, x(ratio) - LEFT, 20, 'a')
    const wanted = Number(/[\d.]+/.exec(target)?.[0] ?? 0)
    picture.text(x(Math.max(ratio, wanted)) + 6, y + 18, figure(ratio), 'small')
    if (wanted > 0) picture.line(x(wanted), y, x(wanted), y + 26, 'mark')
  }
  picture.text(LEFT, bottom + 36, '1 = the floor; the line in each bar is what must be reached', 'small')
  return picture
}
