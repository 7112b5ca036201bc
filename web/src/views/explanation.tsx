import type { ComponentChildren } from 'preact'
import { clockOf } from '../model/words.ts'
import type { Happened } from './time-slider.tsx'

export interface Told {
  readonly sentence: string
  readonly events: readonly Happened[]
}

interface ExplanationProps {
  readonly title: string
  readonly told: Told
  /** Of which moment of the past it is. */
  readonly asOf: string | undefined
  readonly close?: () => void
  readonly children?: ComponentChildren
}

const MOST = 12

/** One sentence, and the events behind it. */
export const Explanation = ({ title, told, asOf, close, children }: ExplanationProps) => (
  <section class="card explanation" aria-live="polite">
    <h2>{title}</h2>
    {asOf !== undefined && <p class="quiet">As it was at {asOf}.</p>}
    <p class="sentence">{told.sentence}</p>
    <Causes events={told.events.slice(-MOST)} />
    <div class="buttons">
      {children}
      {close !== undefined && (
        <button type="button" onClick={close}>
          Close the explanation
        </button>
      )}
    </div>
  </section>
)

export const Causes = ({ events }: { events: readonly Happened[] }) =>
  events.length === 0 ? null : (
    <ol class="causes">
      {events.map(({ atMs, event }, i) => (
        <li key={i}>
          <time>{clockOf(atMs)}</time> {event.type}
          {whomOf(event)}
        </li>
      ))}
    </ol>
  )

/** Whom an event is about, where it says so. */
const whomOf = (event: Happened['event']): string => {
  if ('member' in event) return ` ${String(event.member)}`
  if (!('leader' in event) || typeof event.leader !== 'object' || event.leader === null) return ''
  return 'id' in event.leader ? ` ${String(event.leader.id)}` : ''
}
