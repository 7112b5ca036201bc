import type { Payload, Streamed, TraceContext } from '../../core/dispatch/link-messages.ts'
import type { Ending, Summary, Target, Until } from '../../core/dispatch/messages.ts'
import { isCount, untilFault, withinFault } from '../../core/dispatch/until.ts'
import { idFault } from '../../core/ids.ts'
import type { Millis } from '../../core/time.ts'
import { metadataFault } from '../faults.ts'
import { MAX_PAYLOAD_BYTES, MAX_TARGET_BYTES, MAX_TRACEPARENT_LENGTH, MAX_TRACESTATE_LENGTH } from '../limits.ts'
import type { ByteReader } from './byte-reader.ts'
import type { ByteWriter } from './byte-writer.ts'

/** Room for what a message has besides texts, lists and payloads. */
export const FIXED_BYTES = 96
/** Of one code unit, in UTF-8. */
export const UNIT_BYTES = 3

const KINDS = ['none', 'json', 'bytes', 'stream'] as const
const NONE: Payload = Object.freeze({ kind: 'none' })

/** Two bits. */
export const kindOf = ({ kind }: Payload | Streamed): number =>
  kind === 'json' ? 1 : kind === 'bytes' ? 2 : kind === 'stream' ? 3 : 0

export const payloadBytes = (payload: Payload | Streamed): number =>
  payload.kind === 'json' || payload.kind === 'bytes' ? payload.bytes.length : 0

/** Without its kind. */
export const writePayload = (to: ByteWriter, payload: Payload | Streamed): void => {
  if (payload.kind === 'stream') to.number(payload.stream)
  else if (payload.kind !== 'none') to.bytes(payload.bytes)
}

/** Of one that is no stream. The bytes are the frame's. */
export const readPayload = (from: ByteReader, kind: number, what: string): Payload => {
  if (kind === 0) return NONE
  return { kind: KINDS[kind as 1 | 2], bytes: from.view(MAX_PAYLOAD_BYTES, what) }
}

/** Lengths of time travel in whole microseconds, rounded up: what is above 0 stays so. */
export const writeTime = (to: ByteWriter, ms: Millis): void =>
  to.number(ms > 0 ? Math.max(1, Math.ceil(ms * 1_000 - ROUNDING)) : 0)

/** What came as whole microseconds is sent on as these: a thousand times a fraction comes out a trifle off. */
const ROUNDING = 1e-3

export const readTime = (from: ByteReader): Millis => from.number() / 1_000

/** Of one that is above 0. */
export const readLimit = (from: ByteReader, what: string): Millis => {
  const ms = readTime(from)
  const fault = withinFault(ms, what)
  if (fault !== undefined) from.fail(fault)
  return ms
}

export const writeUntil = (to: ByteWriter, until: Until): void => {
  if (until === 'all') to.byte(0)
  else if (until === 'first') to.byte(1)
  else if (typeof until === 'number') {
    to.byte(2)
    to.number(until)
  } else {
    to.byte(3)
    writeTime(to, until.quiet)
  }
}

export const readUntil = (from: ByteReader): Until => {
  switch (from.byte()) {
    case 0:
      return 'all'
    case 1:
      return 'first'
    case 2: {
      const until = from.number()
      const fault = untilFault(until)
      if (fault !== undefined) from.fail(fault)
      return until
    }
    case 3:
      return { quiet: readLimit(from, 'until.quiet') }
    default:
      from.fail('until is none')
      return 'all'
  }
}

/** Says what keeps a choice of producers from being sent, or `undefined`. */
export const targetFault = (to: Target): string | undefined =>
  Buffer.byteLength(JSON.stringify(to)) > MAX_TARGET_BYTES
    ? `to has more than ${MAX_TARGET_BYTES} bytes as JSON; choose by metadata`
    : undefined

export const readTarget = (from: ByteReader): Target => {
  const json = from.json(MAX_TARGET_BYTES, 'to')
  if (from.fault !== undefined) return {}
  if (typeof json !== 'object' || json === null || Array.isArray(json)) {
    from.fail('to is no object')
    return {}
  }
  const { id, metadata, pick } = json as Record<string, unknown>
  const fault = idsFault(id) ?? wantedFault(metadata)
  if (fault !== undefined) from.fail(fault)
  if (pick !== undefined && !isCount(pick)) from.fail('to.pick is no number of producers')
  return {
    ...(id !== undefined && { id: id as string | readonly string[] }),
    ...(metadata !== undefined && { metadata: metadata as Readonly<Record<string, unknown>> }),
    ...(pick !== undefined && { pick: pick as number }),
  }
}

const idsFault = (id: unknown): string | undefined => {
  if (id === undefined) return undefined
  for (const one of Array.isArray(id) ? id : [id]) {
    const fault = idFault(one, 'to.id')
    if (fault !== undefined) return fault
  }
  return undefined
}

const wantedFault = (metadata: unknown): string | undefined => {
  if (metadata === undefined) return undefined
  if (typeof metadata !== 'object' || metadata === null || Array.isArray(metadata)) return 'to.metadata is no object'
  const fault = metadataFault(metadata)
  return fault === undefined ? undefined : `to.${fault}`
}

/** What is not carried is left out: a trace that is cut off is none. */
export const isCarried = ({ traceparent, tracestate = '' }: TraceContext): boolean =>
  /^[\x20-\x7e]+$/.test(traceparent) &&
  traceparent.length <= MAX_TRACEPARENT_LENGTH &&
  /^[\x20-\x7e]*$/.test(tracestate) &&
  tracestate.length <= MAX_TRACESTATE_LENGTH

export const writeTrace = (to: ByteWriter, { traceparent, tracestate = '' }: TraceContext): void => {
  to.text(traceparent)
  to.text(tracestate)
}

export const readTrace = (from: ByteReader): TraceContext => {
  const traceparent = from.plain(MAX_TRACEPARENT_LENGTH, 'traceparent')
  const tracestate = from.plain(MAX_TRACESTATE_LENGTH, 'tracestate', true)
  return tracestate === '' ? { traceparent } : { traceparent, tracestate }
}

export const ENDINGS: readonly Ending[] = ['met', 'exhausted', 'timeout', 'nobody', 'abandoned']

export const readEnding = (from: ByteReader): Ending => {
  const ending = ENDINGS[from.byte()]
  if (ending === undefined) from.fail('nothing ends like that')
  return ending ?? 'abandoned'
}

export const listBytes = (ids: readonly string[]): number => {
  let units = 0
  for (const id of ids) units += id.length
  return units * UNIT_BYTES + 2 * ids.length + 8
}

export const writeIds = (to: ByteWriter, ids: readonly string[]): void => {
  to.number(ids.length)
  for (const id of ids) to.text(id)
}

export const readIds = (from: ByteReader): readonly string[] => {
  const ids: string[] = []
  // A count that is made up ends with the frame.
  for (let left = from.number(); left > 0 && from.fault === undefined; left--) ids.push(from.id('producer id'))
  return ids
}

export const writeSummary = (to: ByteWriter, summary: Summary): void => {
  to.byte(ENDINGS.indexOf(summary.ending))
  to.number(summary.expected)
  to.number(summary.replied)
  to.number(summary.errors)
  to.number(summary.refused)
  writeIds(to, summary.missing)
  writeIds(to, summary.left)
  writeIds(to, summary.released)
}

export const readSummary = (from: ByteReader): Summary => {
  const ending = readEnding(from)
  const expected = from.number()
  const replied = from.number()
  const errors = from.number()
  const refused = from.number()
  const missing = readIds(from)
  const left = readIds(from)
  const released = readIds(from)
  if (
    expected !== replied + errors + missing.length + released.length ||
    refused > errors ||
    left.length > missing.length
  )
    from.fail('a summary does not add up')
  const summary = { expected, replied, errors, refused, missing, left, released, ending }
  if (ending === 'nobody') return { ...summary, code: 'CAUCUS_NO_RESPONDERS' }
  return ending === 'timeout' ? { ...summary, code: 'CAUCUS_TIMEOUT' } : summary
}
