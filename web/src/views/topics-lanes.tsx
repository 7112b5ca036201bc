import { useEffect, useMemo, useState } from 'preact/hooks'
import { clockOf } from '../model/words.ts'
import {
  chosenOf,
  describeAsk,
  describeLane,
  describeMs,
  describeUntil,
  FILTERS,
  type Filter,
  isUnderWay,
  lengthOf,
  type ShownAsk,
  toneOf,
} from './topics-asks.ts'

interface AsksProps {
  readonly asks: readonly ShownAsk[]
  /** So many others were not shown. */
  readonly untold: number
  /** The server has said something. */
  readonly isHeard: boolean
}

/** So many are shown at a time. */
const MOST = 24
const TICK_MS = 250

/** The asks of a topic as they go on, each with a lane for everybody who was asked. */
export const AskList = ({ asks, untold, isHeard }: AsksProps) => {
  const [filter, setFilter] = useState<Filter>('all')
  const [held, setHeld] = useState<{ readonly asks: readonly ShownAsk[]; readonly nowMs: number }>()
  const nowMs = useNow(held === undefined && asks.some(isUnderWay))
  const shown = chosenOf(held?.asks ?? asks, filter)
  return (
    <section class="card">
      <div class="heading">
        <h2>Asks</h2>
        <div class="buttons">
          <label class="compact">
            Show{' '}
            <select value={filter} onChange={(event) => setFilter(event.currentTarget.value as Filter)}>
              {FILTERS.map((each) => (
                <option key={each} value={each}>
                  {each}
                </option>
              ))}
            </select>
          </label>
          <button
            type="button"
            aria-pressed={held !== undefined}
            onClick={() => setHeld(held === undefined ? { asks, nowMs: Date.now() } : undefined)}
          >
            Hold still
          </button>
        </div>
      </div>
      <p class="quiet">
        {untold > 0
          ? `A sample, in which those with a fault come first: ${untold.toLocaleString('en')} others were not shown.`
          : 'Who was asked, and what became of each. What was said is not shown.'}
      </p>
      {shown.length === 0 && <p aria-busy={!isHeard}>{isHeard ? NONE[filter] : 'Asking the server…'}</p>}
      {shown.length > 0 && (
        // biome-ignore lint/a11y/noNoninteractiveTabindex: the keyboard has to be able to scroll it
        <section class="asks" aria-label="Asks, the newest first, scrollable" tabIndex={0}>
          <ol>
            {shown.slice(0, MOST).map((ask) => (
              <Ask key={ask.ask} ask={ask} nowMs={isUnderWay(ask) ? (held?.nowMs ?? nowMs) : 0} />
            ))}
          </ol>
        </section>
      )}
    </section>
  )
}

const NONE: Readonly<Record<Filter, string>> = {
  all: 'Nobody has asked since somebody looks.',
  'under way': 'No ask is under way.',
  'with a fault': 'Nobody has failed or was missing since somebody looks.',
}

/** The present, as long as somebody needs it. */
const useNow = (isNeeded: boolean): number => {
  const [, render] = useState(0)
  useEffect(() => {
    if (!isNeeded) return undefined
    const timer = setInterval(() => render((before) => before + 1), TICK_MS)
    return () => clearInterval(timer)
  }, [isNeeded])
  return Date.now()
}

/** Made anew only when something of it has changed: many are shown, and most of them are over. */
const Ask = ({ ask, nowMs }: { ask: ShownAsk; nowMs: number }) => useMemo(() => askItem(ask, nowMs), [ask, nowMs])

const askItem = (ask: ShownAsk, nowMs: number) => {
  const { lanes, expected, tookMs, beganAtMs } = ask
  const lastMs = tookMs ?? Math.max(0, nowMs - beganAtMs)
  const hidden = expected - lanes.length
  return (
    <li class={`ask ${toneOf(ask)}`}>
      <p>
        <time class="quiet">{clockOf(beganAtMs)}</time> <strong>{describeAsk(ask)}</strong>{' '}
        <span class="quiet">
          {isUnderWay(ask) ? `under way for ${describeMs(lastMs)}` : `took ${describeMs(lastMs)}`}, {describeUntil(ask)}
        </span>
      </p>
      {lanes.length > 0 && (
        <ul class={lanes.length > 8 ? 'lanes many' : 'lanes'}>
          {lanes.map((lane) => (
            <li key={lane.id} class={lane.outcome}>
              <span class="who" title={lane.id}>
                {lane.id}
              </span>
              <span class="track" aria-hidden="true">
                <span style={{ width: `${100 * lengthOf(lane, lastMs)}%` }} />
              </span>
              <span class="what" title={lane.code}>
                {describeLane(lane)}
              </span>
            </li>
          ))}
        </ul>
      )}
      {hidden > 0 && <p class="quiet">and {hidden.toLocaleString('en')} more</p>}
    </li>
  )
}
