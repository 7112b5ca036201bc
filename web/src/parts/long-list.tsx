import type { ComponentChildren } from 'preact'
import { useEffect, useRef, useState } from 'preact/hooks'
import { windowOf } from '../model/layout.ts'

interface LongListProps {
  readonly label: string
  readonly columns: readonly string[]
  readonly count: number
  readonly rowHeight: number
  /** The cells of one row. */
  readonly row: (at: number) => readonly ComponentChildren[]
  readonly rowKey: (at: number) => string
  readonly kind: string
}

/** A table of any length, of which only those rows are made that are seen. */
export const LongList = ({ label, columns, count, rowHeight, row, rowKey, kind }: LongListProps) => {
  const ref = useRef<HTMLDivElement>(null)
  const [seen, setSeen] = useState({ top: 0, height: 400 })
  useEffect(() => {
    const box = ref.current
    if (box === null) return
    const measure = () => setSeen({ top: box.scrollTop, height: box.clientHeight })
    const observer = new ResizeObserver(measure)
    observer.observe(box)
    box.addEventListener('scroll', measure, { passive: true })
    return () => {
      observer.disconnect()
      box.removeEventListener('scroll', measure)
    }
  }, [])
  const { from, to } = windowOf({ count, rowHeight }, seen)
  const rows = Array.from({ length: to - from }, (_, i) => from + i)
  return (
    // biome-ignore lint/a11y/useSemanticElements: rows that are not there make no sound <table>
    <div class={`long ${kind}`} role="table" aria-label={label} aria-rowcount={count + 1}>
      {/* biome-ignore lint/a11y/useSemanticElements: as above */}
      <div role="rowgroup">
        {/* biome-ignore lint/a11y/useSemanticElements: as above */}
        {/* biome-ignore lint/a11y/useFocusableInteractive: a heading is no control */}
        <div class="row head" role="row" aria-rowindex={1}>
          {columns.map((name) => (
            // biome-ignore lint/a11y/useSemanticElements: as above
            // biome-ignore lint/a11y/useFocusableInteractive: a heading is no control
            <span key={name} role="columnheader">
              {name}
            </span>
          ))}
        </div>
      </div>
      {/* biome-ignore lint/a11y/noNoninteractiveTabindex: the keyboard has to be able to scroll it */}
      {/* biome-ignore lint/a11y/useSemanticElements: as above */}
      <div class="scroll" role="rowgroup" tabIndex={0} ref={ref} aria-label={`${label}, scrollable`}>
        <div class="spacer" style={{ height: `${count * rowHeight}px` }} role="presentation">
          {rows.map((at) => (
            // biome-ignore lint/a11y/useSemanticElements: as above
            // biome-ignore lint/a11y/useFocusableInteractive: its buttons are
            <div
              key={rowKey(at)}
              class="row"
              role="row"
              aria-rowindex={at + 2}
              style={{ top: `${at * rowHeight}px`, height: `${rowHeight}px` }}
            >
              {row(at).map((cell, i) => (
                // biome-ignore lint/a11y/useSemanticElements: as above
                <span key={columns[i]} role="cell">
                  {cell}
                </span>
              ))}
            </div>
          ))}
        </div>
      </div>
    </div>
  )
}
