import { caseOf, colourOf, contested } from './contenders.mjs'
import { Picture, scale } from './svg.mjs'
import { figure } from './table.mjs'

const LEFT = 230
const RIGHT = 640
const BAR = 16
const GAP = 26
const MEASURE = 'NATS'

/** Everybody's rate as a multiple of that of NATS in the same run, and what ours has to be. */
export const contestPicture = (rows) => {
  const measured = contested(rows).filter(({ series }) => series.rates[MEASURE] > 0)
  if (measured.length === 0) return undefined
  const cases = measured.map((row) => {
    const { rates } = row.series
    const bars = Object.entries(rates).map(([name, rate]) => ({ name, rate, ratio: rate / rates[MEASURE] }))
    return { title: caseOf(row), wanted: Number(/[\d.]+/.exec(row.target)?.[0] ?? 0), bars }
  })
  const bottom = 50 + cases.reduce((sum, { bars }) => sum + bars.length * BAR + GAP, 0)
  const picture = new Picture(760, bottom + 40, `Requests a second, as a multiple of ${MEASURE} in the same run`)
  const most = Math.max(...cases.flatMap(({ bars }) => bars.map(({ ratio }) => ratio)))
  const x = scale(0, most * 1.02, LEFT, RIGHT)
  for (let times = 0; times <= most; times++) {
    picture.line(x(times), 44, x(times), bottom - 6, times === 1 ? 'axis' : 'grid')
    picture.text(x(times), bottom + 10, times, 'small middle')
  }
  let y = 50
  for (const { title, wanted, bars } of cases) {
    picture.text(16, y + 12, title.replace(', ', ' · '), 'small')
    for (const [i, { name, rate, ratio }] of bars.entries()) {
      const top = y + i * BAR
      picture.text(LEFT - 8, top + 11, name, `small end ${colourOf(name)}`)
      picture.bar(LEFT, top, x(ratio) - LEFT, BAR - 4, colourOf(name))
      if (i === 0) picture.line(x(wanted), top - 3, x(wanted), top + BAR - 1, 'mark')
      const end = i === 0 ? Math.max(ratio, wanted) : ratio
      picture.text(x(end) + 6, top + 10, `${ratio.toFixed(2)}  (${figure(rate)} /s)`, 'small')
    }
    y += bars.length * BAR + GAP
  }
  picture.text(LEFT, bottom + 30, `1 = ${MEASURE}; the red line is what ours must reach`, 'small')
  return picture
}
