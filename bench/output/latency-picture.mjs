import { caseOf, colourOf, contested } from './contenders.mjs'
import { logScale, Picture, scale } from './svg.mjs'
import { figure } from './table.mjs'

const WIDTH = 320
const HEIGHT = 170
const COLUMNS = 2
const GRID = [0.01, 0.25, 0.5, 0.75, 0.99]
const STEPS = [1, 2, 5]

/** 1, 2, 5, 10 … as far as they lie between the two. */
const ticks = (from, to) => {
  const all = []
  for (let power = 10 ** Math.floor(Math.log10(from)); power <= to; power *= 10) {
    all.push(...STEPS.map((step) => step * power).filter((value) => value >= from && value <= to))
  }
  return all
}

const panel = (picture, left, top, row) => {
  const { shares, latencies } = row.series
  const bottom = top + HEIGHT
  const all = Object.values(latencies).flat()
  const [least, most] = [Math.min(...all), Math.max(...all)]
  const x = logScale(least, most, left, left + WIDTH)
  const y = scale(0, 1, bottom, top)
  picture.text(left, top - 10, caseOf(row))
  for (const share of GRID) {
    picture.line(left, y(share), left + WIDTH, y(share), 'grid')
    picture.text(left - 6, y(share) + 4, `${figure(share * 100)} %`, 'small end')
  }
  for (const ms of ticks(least, most)) {
    picture.line(x(ms), top, x(ms), bottom, 'grid')
    picture.text(x(ms), bottom + 14, `${figure(ms)} ms`, 'small middle')
  }
  for (const [name, times] of Object.entries(latencies)) {
    picture.path(
      times.map((ms, i) => [x(ms), y(shares[i])]),
      `line ${colourOf(name)}`,
    )
  }
}

/** Which share of all asks had ended after how long, by powers of ten: the further to the left, the better. */
export const latencyPicture = (rows) => {
  const measured = contested(rows)
  if (measured.length === 0) return undefined
  const lines = Math.ceil(measured.length / COLUMNS)
  const bottom = 70 + lines * (HEIGHT + 70)
  const picture = new Picture(800, bottom, 'How long an ask takes: the share that has ended by then')
  for (const [i, row] of measured.entries()) {
    panel(picture, 60 + (i % COLUMNS) * (WIDTH + 75), 70 + Math.floor(i / COLUMNS) * (HEIGHT + 70), row)
  }
  for (const [i, name] of Object.keys(measured[0].series.latencies).entries()) {
    picture.text(60 + i * 110, bottom - 14, name, `small ${colourOf(name)}`)
  }
  return picture
}
