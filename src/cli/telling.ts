import type { GroupEvent } from '../core/group/reasons.ts'
import { CaucusError } from '../errors.ts'
import { clean } from './logging.ts'
import { describeEvent, isObject, NOT_OURS } from './one-group.ts'
import type { Paint } from './paint.ts'
import type { ServerSentEvent } from './sse.ts'

interface Told {
  readonly atMs?: number
  readonly event?: GroupEvent
  readonly dropped?: number | null
}

/** A gap, or an event of which at least the type is known. */
const isTold = (data: unknown): data is Told =>
  isObject(data) && (!('event' in data) || (isObject(data.event) && 'type' in data.event))

/** A message of a stream of events as a line for people. */
export const describeMessage = ({ data }: ServerSentEvent, paint: Paint): string => {
  const told: unknown = parsed(data)
  if (!isTold(told)) throw new CaucusError('CAUCUS_PROTOCOL', NOT_OURS)
  if (told.event === undefined)
    return paint(`-- gap: ${clean(String(told.dropped ?? 'unknown many'))} events are missing here`, 'warn')
  return describeEvent({ atMs: told.atMs ?? 0, event: told.event }, paint)
}

const parsed = (data: string): unknown => {
  try {
    return JSON.parse(data)
  } catch (cause) {
    throw new CaucusError('CAUCUS_PROTOCOL', NOT_OURS, { cause })
  }
}
