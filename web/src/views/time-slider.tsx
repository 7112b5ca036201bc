import type { RecordedEvent } from '../../../src/ports/hosting.ts'
import { clockOf, countOf } from '../model/words.ts'

interface TimeSliderProps {
  readonly events: readonly RecordedEvent[]
  /** How many of them have happened at the moment that is shown; `undefined`: now. */
  readonly position: number | undefined
  readonly forgotten: boolean
  readonly move: (position: number | undefined) => void
}

/** Back and forth through what is still known. */
export const TimeSlider = ({ events, position, forgotten, move }: TimeSliderProps) => {
  if (events.length === 0) return null
  const at = Math.min(position ?? events.length, events.length)
  const last = events[at - 1]
  const text =
    position === undefined
      ? 'now'
      : last === undefined
        ? `before ${clockOf(events[0]?.atMs ?? 0)}, where ${forgotten ? 'what is kept' : 'the record'} begins`
        : `${clockOf(last.atMs)}, after ${last.event.type}`
  const go = (to: number) => move(to >= events.length ? undefined : Math.max(0, to))
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
      <div class="buttons">
        <button type="button" onClick={() => go(at - 1)} disabled={at === 0}>
          One event back
        </button>
        <button type="button" onClick={() => go(at + 1)} disabled={position === undefined}>
          One event on
        </button>
        <button type="button" onClick={() => move(undefined)} disabled={position === undefined}>
          Now
        </button>
        <span aria-live="polite">
          Shown: {text} <span class="quiet">({countOf(events.length, 'event')} known)</span>
        </span>
      </div>
    </div>
  )
}
