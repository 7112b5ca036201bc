import type { Millis } from '../../core/time.ts'
import type { DiagramEvent } from '../diagram.ts'
import { type Fault, faultText } from './fault.ts'
import { type ClusterViolation, msText } from './violation.ts'

/** One line about what was found. */
export const violationText = ({ invariant, atMs, message }: ClusterViolation): string =>
  `${invariant} at ${msText(atMs)}: ${message}`

/** What was done, one sentence a line. `beganMs`: when the faults began. */
export const scheduleText = (schedule: readonly Fault[], beganMs: Millis): string[] =>
  schedule.map((fault) => `${msText(beganMs + fault.atMs).padStart(12)}  ${faultText(fault)}`)

/** Without the messages that say what their sender had said before: a diagram of the others can be read. */
export const telling = (events: readonly DiagramEvent[]): readonly DiagramEvent[] => {
  const receivers = new Map(events.filter(({ kind }) => kind !== 'send').map(({ message, who }) => [message, who]))
  const said = new Map<string, string>()
  const dull = new Set<DiagramEvent['message']>()
  for (const { kind, message, who, what } of events) {
    if (kind !== 'send' || message === undefined) continue
    const to = `${who} ${receivers.get(message)}`
    const says = what.replaceAll(/\b(renew|share) [\d/]+/g, '$1')
    if (said.get(to) === says) dull.add(message)
    said.set(to, says)
  }
  return events.filter(({ message }) => message === undefined || !dull.has(message))
}
