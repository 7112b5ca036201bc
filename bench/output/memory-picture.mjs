import { Picture, scale } from './svg.mjs'
import { figure } from './table.mjs'

const LEFT = 70
const RIGHT = 730
const TOP = 50
const BOTTOM = 250

/** Heap and resident set of the server over the minutes of a mixed load. */
export const memoryPicture = (rows) => {
  const measured = rows.filter(({ row, series }) => row.startsWith('memory over') && series !== undefined)
  if (measured.length === 0) return undefined
  const lines = measured.flatMap(({ series }) => Object.entries(series))
  const points = lines.flatMap(([, line]) => line)
  const x = scale(0, Math.max(...points.map(([minutes]) => minutes)), LEFT, RIGHT)
  const most = Math.ceil(Math.max(...points.map(([, mib]) => mib)) / 50) * 50
  const y = scale(0, most, BOTTOM, TOP)
  const picture = new Picture(760, 300, 'Memory of the server under everything at once')
  for (let mib = 0; mib <= most; mib += 50) {
    picture.line(LEFT, y(mib), RIGHT, y(mib), 'grid')
    picture.text(LEFT - 6, y(mib) + 4, `${mib} MiB`, 'small end')
  }
  const last = Math.max(...points.map(([minutes]) => minutes))
  for (let minutes = 0; minutes <= last; minutes += last > 12 ? 10 : 1) {
    picture.text(x(minutes), BOTTOM + 18, `${figure(minutes)} min`, 'small middle')
  }
  for (const [i, [name, line]] of lines.entries()) {
    const colour = i === 0 ? 'a' : 'b'
    picture.path(
      line.map(([minutes, mib]) => [x(minutes), y(mib)]),
      `line ${colour}`,
    )
    const [, level] = line[Math.floor(line.length / 2)]
    picture.text(LEFT + 12, y(level) - 10, name, 'small')
  }
  return picture
}
