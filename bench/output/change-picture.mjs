import { logScale, Picture } from './svg.mjs'
import { figure } from './table.mjs'

const TOP = 60
const BOTTOM = 290
const WIDTH = 290

const powers = (from, to) => {
  const all = []
  for (let power = from; power <= to; power *= 10) all.push(power)
  return all
}

const panel = (picture, left, { title, points, of }) => {
  const values = points.map(of)
  const least = 10 ** Math.floor(Math.log10(Math.min(...values)))
  const most = 10 ** Math.ceil(Math.log10(Math.max(...values)))
  const sizes = points.map(({ n }) => n)
  const x = logScale(Math.min(...sizes), Math.max(...sizes, 10 * Math.min(...sizes)), left, left + WIDTH)
  const y = logScale(least, most, BOTTOM, TOP)
  picture.text(left, TOP - 14, title)
  for (const n of powers(Math.min(...sizes), Math.max(...sizes))) {
    picture.line(x(n), TOP, x(n), BOTTOM, 'grid')
    picture.text(x(n), BOTTOM + 16, figure(n), 'small middle')
  }
  for (const value of powers(least, most)) {
    picture.line(left, y(value), left + WIDTH, y(value), 'grid')
    picture.text(left - 6, y(value) + 4, figure(value), 'small end')
  }
  for (const [i, kind] of [...new Set(points.map((point) => point.kind))].entries()) {
    const mine = points.filter((point) => point.kind === kind)
    const colour = i === 0 ? 'a' : 'b'
    picture.path(
      mine.map((point) => [x(point.n), y(of(point))]),
      `line ${colour}`,
    )
    for (const point of mine) picture.dot(x(point.n), y(of(point)), 4, colour)
    picture.text(left + 10, TOP + 16 + 16 * i, kind, `small ${colour}`)
  }
}

/** What one join or leave costs by the size of the group, both axes by powers of ten: a line of slope one is cost for each member. */
export const changePicture = (rows) => {
  const points = rows
    .filter(({ row, series }) => row.startsWith('a join or a leave') && series !== undefined)
    .flatMap(({ series }) => Object.entries(series).map(([kind, point]) => ({ kind, ...point })))
  if (points.length === 0) return undefined
  const picture = new Picture(760, 340, 'One join or leave in a group of n')
  panel(picture, 70, { title: 'messages, both ways', points, of: ({ messages }) => messages })
  panel(picture, 440, { title: 'processor time, ms', points, of: ({ ms }) => ms })
  picture.text(70, 328, 'members before the change →', 'small')
  return picture
}
