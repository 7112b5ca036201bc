import { useEffect, useRef, useState } from 'preact/hooks'
import { columnsOf, MARKS, type Mark, markOf, nextView, type Told } from '../model/marks.ts'
import { clockOf, countOf } from '../model/words.ts'
import { useIsDark } from '../parts/theme.ts'

/** Anything that is known to have happened at a time. */
export interface Happened {
  readonly atMs: number
  readonly event: Told
}

interface TimeSliderProps {
  readonly events: readonly Happened[]
  /** How many of them have happened at the moment that is shown; `undefined`: now. */
  readonly position: number | undefined
  readonly forgotten: boolean
  readonly move: (position: number | undefined) => void
  /** What a view is called here. */
  readonly view?: string
  /** What the marks stand for here, where that is something else. */
  readonly words?: Partial<Readonly<Record<Mark, string>>>
}

/** What a mark is called where its own name would say less. */
const WORDS: Partial<Readonly<Record<Mark, string>>> = { lease: 'lease over' }

/** Back and forth through what is still known. */
export const TimeSlider = ({ events, position, forgotten, move, view = 'view', words = {} }: TimeSliderProps) => {
  if (events.length === 0) return null
  const at = Math.min(position ?? events.length, events.length)
  const marks = events.map(({ event }) => markOf(event))
  const text = textOf(events, position, forgotten)
  const go = (to: number | undefined) => move(to === undefined || to >= events.length ? undefined : Math.max(0, to))
  const before = nextView(marks, at, 'back')
  const after = nextView(marks, at, 'on')
  return (
    <div class="slider">
      <label>
        Time
        <input
          type="range"
          min={0}
          max={events.length}
          ref={(input) => {
            // After its limit, which would cut it off.
            if (input !== null) input.value = String(at)
          }}
          aria-valuetext={text}
          onInput={(event) => go(Number(event.currentTarget.value))}
        />
      </label>
      <Marks marks={marks} words={words} />
      <div class="buttons">
        <button type="button" onClick={() => go(before)} disabled={before === undefined}>
          Previous {view}
        </button>
        <button type="button" onClick={() => go(at - 1)} disabled={at === 0}>
          One event back
        </button>
        <button type="button" onClick={() => go(at + 1)} disabled={position === undefined}>
          One event on
        </button>
        <button type="button" onClick={() => go(after)} disabled={position === undefined || after === undefined}>
          Next {view}
        </button>
        <button type="button" onClick={() => move(undefined)} disabled={position === undefined}>
          Now
        </button>
        <span class="shown" aria-live="polite">
          Shown: {text} <span class="quiet">({countOf(events.length, 'event')} known)</span>
        </span>
      </div>
    </div>
  )
}

const textOf = (events: readonly Happened[], position: number | undefined, forgotten: boolean): string => {
  if (position === undefined) return 'now'
  const last = events[Math.min(position, events.length) - 1]
  if (last === undefined) {
    return `before ${clockOf(events[0]?.atMs ?? 0)}, where ${forgotten ? 'what is kept' : 'the record'} begins`
  }
  return `${clockOf(last.atMs)}, after ${last.event.type}`
}

const HEIGHT = 14
interface MarksProps extends Required<Pick<TimeSliderProps, 'words'>> {
  readonly marks: readonly Mark[]
}

/** What lies where on the slider, for those who see it; it is read out event by event. */
const Marks = ({ marks, words }: MarksProps) => {
  const canvas = useRef<HTMLCanvasElement>(null)
  const [width, setWidth] = useState(0)
  const isDark = useIsDark()
  const last = marks.at(-1)
  useEffect(() => {
    const box = canvas.current
    if (box === null) return
    const observer = new ResizeObserver(([entry]) => setWidth(Math.floor(entry?.contentRect.width ?? 0)))
    observer.observe(box)
    return () => observer.disconnect()
  }, [])
  useEffect(() => {
    const box = canvas.current
    const context = box?.getContext('2d')
    if (box === null || !context || width === 0) return
    box.width = width
    box.height = HEIGHT
    const colours = getComputedStyle(box)
    for (const [x, mark] of columnsOf(marks, width).entries()) {
      if (mark === undefined) continue
      context.fillStyle = colours.getPropertyValue(`--mark-${mark}`)
      context.fillRect(x, 0, 1, HEIGHT * (mark === 'view' ? 1 : mark === 'grant' ? 0.45 : 0.7))
    }
  }, [width, isDark, marks.length, last])
  const there = new Set(marks)
  return (
    <div class="marks" aria-hidden="true">
      <canvas ref={canvas} />
      <p class="legend">
        {MARKS.filter((mark) => there.has(mark)).map((mark) => (
          <span key={mark}>
            <span class={`dot ${mark}`} /> {words[mark] ?? WORDS[mark] ?? mark}
          </span>
        ))}
      </p>
    </div>
  )
}
