import type { Cell, Column } from './lines.ts'
import type { Picture } from './picture.ts'

export const TOPIC_COLUMNS: readonly Column[] = [
  { head: 'TOPIC', most: 32 },
  { head: 'PRODUCERS', side: 'right' },
  { head: 'QUEUED', side: 'right' },
  { head: 'ASKS/S', side: 'right' },
  { head: 'REPLIES/S', side: 'right' },
  { head: 'FAILED/S', side: 'right' },
  { head: 'TIMEOUTS/S', side: 'right' },
  { head: 'P50', side: 'right' },
  { head: 'P99', side: 'right' },
  { head: 'LISTENERS', side: 'right' },
  { head: 'LATE', side: 'right' },
]

/** A topic with who is on it and how it is used lately. A server that is older than this says nothing of its use. */
export const topicRow = ({ topic, producers, listeners, late, rates }: Picture['topics'][number]): readonly Cell[] => {
  const queued = producers.reduce((sum, each) => sum + each.queued, 0)
  return [
    { text: topic },
    { text: String(producers.length) },
    { text: String(queued), ...warningIf(queued > 0) },
    { text: rateOf(rates?.asksPerSecond) },
    { text: rateOf(rates?.repliesPerSecond) },
    { text: rateOf(rates?.errorsPerSecond), ...warningIf(isSome(rates?.errorsPerSecond)) },
    { text: rateOf(rates?.timeoutsPerSecond), ...warningIf(isSome(rates?.timeoutsPerSecond)) },
    { text: timeOf(rates?.p50Ms) },
    { text: timeOf(rates?.p99Ms) },
    { text: String(listeners) },
    { text: String(late) },
  ]
}

const warningIf = (is: boolean): Pick<Cell, 'style'> => (is ? { style: 'warn' } : {})

const isSome = (rate: unknown): boolean => typeof rate === 'number' && rate > 0

/** It is what somebody else's server says, and may be anything. */
const rateOf = (rate: unknown): string => {
  if (typeof rate !== 'number') return '-'
  if (rate >= 10) return String(Math.round(rate))
  return rate > 0 && rate < 0.1 ? '<0.1' : String(Number(rate.toFixed(1)))
}

const timeOf = (ms: unknown): string => {
  if (typeof ms !== 'number') return '-'
  if (ms >= 1_000) return `${Number((ms / 1_000).toFixed(1))} s`
  return `${ms >= 10 ? Math.round(ms) : Number(ms.toFixed(1))} ms`
}
