/** Where the cells of a strip are, in CSS pixels. */
export interface Layout {
  readonly columns: number
  readonly rows: number
  /** From the left edge of one cell to that of the next. */
  readonly pitch: number
  readonly gap: number
  readonly width: number
  readonly height: number
}

const LARGEST = 36
const SMALLEST = 7

/** The largest cells with which `count` of them fit into `width` by about `height`; below the smallest it grows in height. */
export const layoutOf = (count: number, width: number, height: number): Layout => {
  const room = Math.max(width, SMALLEST)
  if (count === 0) return { columns: 1, rows: 0, pitch: LARGEST, gap: 2, width: room, height: 0 }
  let pitch = SMALLEST
  for (let size = LARGEST; size > SMALLEST; size--) {
    const columns = Math.floor(room / size)
    if (columns > 0 && Math.ceil(count / columns) * size <= height) {
      pitch = size
      break
    }
  }
  const columns = Math.max(1, Math.min(count, Math.floor(room / pitch)))
  const rows = Math.ceil(count / columns)
  return { columns, rows, pitch, gap: pitch >= 14 ? 2 : 1, width: room, height: rows * pitch }
}

export interface Box {
  readonly x: number
  readonly y: number
  readonly size: number
}

export const boxOf = ({ columns, pitch, gap }: Layout, at: number): Box => ({
  x: (at % columns) * pitch,
  y: Math.floor(at / columns) * pitch,
  size: pitch - gap,
})

/** Which cell is there, if one is. */
export const cellAt = ({ columns, pitch }: Layout, count: number, x: number, y: number): number | undefined => {
  const column = Math.floor(x / pitch)
  if (x < 0 || y < 0 || column >= columns) return undefined
  const at = Math.floor(y / pitch) * columns + column
  return at < count ? at : undefined
}

/** Where a key leads to from a cell; `undefined`: it is no such key. */
export const cellByKey = (key: string, at: number, count: number, columns: number): number | undefined => {
  const to = (
    {
      ArrowLeft: at - 1,
      ArrowRight: at + 1,
      ArrowUp: at - columns,
      ArrowDown: at + columns,
      Home: 0,
      End: count - 1,
    } as Readonly<Record<string, number>>
  )[key]
  if (to === undefined) return undefined
  return to < 0 || to >= count ? at : to
}

/** Which rows of a long list are seen, with a few more at both ends. */
export const windowOf = (
  list: { readonly count: number; readonly rowHeight: number },
  seen: { readonly top: number; readonly height: number },
): { readonly from: number; readonly to: number } => {
  const MORE = 6
  const from = Math.max(0, Math.floor(seen.top / list.rowHeight) - MORE)
  const to = Math.min(list.count, Math.ceil((seen.top + seen.height) / list.rowHeight) + MORE)
  return { from: Math.min(from, to), to }
}
