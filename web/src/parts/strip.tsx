import { useEffect, useId, useRef, useState } from 'preact/hooks'
import { cssOf, Palette } from '../model/colours.ts'
import { cellAt, cellByKey, layoutOf } from '../model/layout.ts'
import type { Picture } from '../model/picture.ts'
import { countOf, describeCell } from '../model/words.ts'
import { Painter } from './painter.ts'
import { useIsDark } from './theme.ts'

export const palette = new Palette()

interface StripProps {
  readonly name: string
  readonly picture: Picture
  readonly chosen: string | undefined
  readonly choose: (at: number) => void
}

const NOUNS = { partitions: 'partition', slots: 'index', tenure: 'tenure', once: 'run', none: 'item' } as const

/** Everything that a group shares out, coloured by whose it is. */
export const Strip = ({ name, picture, chosen, choose }: StripProps) => {
  const canvas = useRef<HTMLCanvasElement>(null)
  const frame = useRef<HTMLDivElement>(null)
  const painter = useRef<Painter | undefined>(undefined)
  const [width, setWidth] = useState(0)
  const [cursor, setCursor] = useState<number>()
  const isDark = useIsDark()
  const help = useId()
  const { cells, kind } = picture
  useEffect(() => {
    if (canvas.current === null || frame.current === null) return
    painter.current = new Painter(canvas.current, palette)
    const observer = new ResizeObserver(([entry]) => setWidth(Math.floor(entry?.contentRect.width ?? 0)))
    observer.observe(frame.current)
    return () => {
      observer.disconnect()
      painter.current?.close()
    }
  }, [])
  const layout = layoutOf(cells.length, width, 260)
  useEffect(() => {
    if (width > 0) painter.current?.show(cells, { layout, isDark, cursor, chosen })
  })
  const at = cursor === undefined ? undefined : Math.min(cursor, cells.length - 1)
  const cell = at === undefined ? undefined : cells[at]
  const told = at === undefined || cell === undefined ? '' : describeCell(kind, at, cell, picture.pins.get(at))
  const owners = new Map<string, number>()
  for (const { owner } of cells) if (owner !== undefined) owners.set(owner, (owners.get(owner) ?? 0) + 1)
  const free = cells.filter(({ owner }) => owner === undefined).length
  const what = kind === 'slots' ? countOf(cells.length, 'index', 'indexes') : countOf(cells.length, NOUNS[kind])
  const label = `${name}: ${what} of ${countOf(owners.size, 'owner')}, ${free} with nobody`
  const onKeyDown = (event: KeyboardEvent) => {
    if (event.key === 'Enter' || event.key === ' ') {
      event.preventDefault()
      if (at !== undefined) choose(at)
      return
    }
    const to = cellByKey(event.key, at ?? 0, cells.length, layout.columns)
    if (to === undefined) return
    event.preventDefault()
    // The first arrow comes to the first one.
    setCursor(at === undefined && event.key.startsWith('Arrow') ? 0 : to)
  }
  const under = ({ offsetX, offsetY }: MouseEvent) => cellAt(layout, cells.length, offsetX, offsetY)
  return (
    <div class="strip" ref={frame}>
      {/* biome-ignore lint/a11y/noNoninteractiveTabindex: arrows move from cell to cell */}
      <div role="application" aria-label={label} aria-describedby={help} tabIndex={0} onKeyDown={onKeyDown}>
        <canvas
          ref={canvas}
          onPointerMove={(event) => setCursor(under(event))}
          onPointerLeave={() => setCursor(undefined)}
          onClick={(event) => {
            const clicked = under(event)
            if (clicked !== undefined) choose(clicked)
          }}
        />
      </div>
      <p class="told" aria-live="polite">
        {told === '' ? <Owners owners={owners} isDark={isDark} /> : told}
      </p>
      <p id={help} class="hidden">
        Arrow keys move from one to the next, Enter explains it.
      </p>
    </div>
  )
}

/** More than these are looked up in the list of members. */
const MOST_OWNERS = 12

/** Whose colour is whose, while no cell is named. */
const Owners = ({ owners, isDark }: { owners: ReadonlyMap<string, number>; isDark: boolean }) => (
  <span class="legend" aria-hidden="true">
    {[...owners].slice(0, MOST_OWNERS).map(([id, count]) => (
      <span key={id}>
        <span class="swatch" style={{ background: cssOf(palette.rgbOf(id, isDark)) }} /> {id}{' '}
        {count > 1 && <span class="quiet">{count}</span>}
      </span>
    ))}
    {owners.size > MOST_OWNERS && <span class="quiet">and {owners.size - MOST_OWNERS} more</span>}
  </span>
)
