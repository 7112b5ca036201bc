import { logScale, Picture } from './svg.mjs'
import { chapterOf, figure } from './table.mjs'

const LEFT = 250
const RIGHT = 730
const ROW = 44
const STEPS = [1, 2, 5]

/** A number in -0.5 to 0.5 that looks like chance and is the same each time. */
const jitter = (i) => ((i * 0.618_034) % 1) - 0.5

/** 1, 2, 5, 10 … as far as they lie between the two. */
const ticks = (from, to) => {
  const all = []
  for (let power = 10 ** Math.floor(Math.log10(from)); power <= to; power *= 10) {
    all.push(...STEPS.map((step) => step * power).filter((value) => value >= from && value <= to))
  }
  return all
}

const middle = (values) => values.toSorted((a, b) => a - b)[Math.floor(values.length / 2)]

/** Each run of each way in which leadership passes on as a dot, by powers of ten: its median, and the most that ours may take. */
export const failoverPicture = (rows) => {
  const lines = rows
    .filter((row) => chapterOf(row) === 'cluster' && row.series !== undefined)
    .flatMap(({ series: { took, most } }) =>
      Object.entries(took).map(([name, times], i) => ({ name, times, most: i === 0 ? most : undefined })),
    )
  if (lines.length === 0) return undefined
  const bottom = 50 + lines.length * ROW
  const picture = new Picture(760, bottom + 48, 'How long it takes until there is another leader, run by run')
  const all = lines.flatMap(({ times, most }) => [...times, most ?? times[0]])
  const [least, highest] = [Math.min(...all) * 0.9, Math.max(...all) * 1.1]
  const x = logScale(least, highest, LEFT, RIGHT)
  for (const ms of ticks(least, highest)) {
    picture.line(x(ms), 44, x(ms), bottom, 'grid')
    picture.text(x(ms), bottom + 16, `${figure(ms)} ms`, 'small middle')
  }
  for (const [i, { name, times, most }] of lines.entries()) {
    const y = 50 + i * ROW + ROW / 2
    const median = middle(times)
    picture.text(LEFT - 10, y + 5, name, 'small end')
    for (const [n, ms] of times.entries())
      picture.dot(x(ms), y + 18 * jitter(n), 3.5, name.startsWith('etcd') ? 'c dot' : 'a dot')
    picture.line(x(median), y - 12, x(median), y + 12, 'line b')
    picture.text(x(median), y - 14, figure(Math.round(median)), 'small middle')
    if (most !== undefined) picture.line(x(most), y - 12, x(most), y + 12, 'mark')
  }
  picture.text(LEFT - 120, bottom + 36, 'dots: runs; orange: the median; red: the most that is allowed', 'small')
  return picture
}
