import type { TopicsDown } from '../../core/dispatch/link-messages.ts'
import type { ByteReader } from './byte-reader.ts'
import { errorBytes, readError } from './errors.ts'
import { FrameWriter } from './frame-writer.ts'
import { decodeFrame } from './messages.ts'
import {
  ENDINGS,
  FIXED_BYTES,
  isCarried,
  kindOf,
  listBytes,
  payloadBytes,
  readEnding,
  readIds,
  readPayload,
  readSummary,
  readTime,
  readTrace,
  UNIT_BYTES,
  writeIds,
  writePayload,
  writeSummary,
  writeTime,
  writeTrace,
} from './parts.ts'
import { appendStream, readStream } from './streams.ts'

const TYPE = {
  produced: 33,
  fenced: 34,
  denied: 35,
  request: 36,
  cancel: 37,
  asked: 38,
  answered: 39,
  failed: 40,
  finished: 41,
  heard: 42,
  gap: 43,
} as const

const KIND = 0b11
const REQUEST = { trace: 4, all: 7 } as const
const DENIED = ['producer', 'ask', 'listener'] as const

/** Makes frames of what a server says to a process. */
export class DownWriter extends FrameWriter {
  /** What it holds is copied. */
  append(message: TopicsDown): void {
    switch (message.type) {
      case 'request':
        return this.#request(message)
      case 'answered':
        return this.#reply(TYPE.answered, message.ask, message)
      case 'finished': {
        const { missing, left, released } = message.summary
        const to = this.begin(FIXED_BYTES + listBytes(missing) + listBytes(left) + listBytes(released))
        to.byte(TYPE.finished)
        to.number(message.ask)
        return writeSummary(to, message.summary)
      }
      case 'cancel': {
        const to = this.begin(FIXED_BYTES)
        to.byte(TYPE.cancel)
        to.number(message.request)
        return to.byte(ENDINGS.indexOf(message.because))
      }
      case 'heard':
        return this.#reply(TYPE.heard, message.listener, message)
      case 'asked': {
        const to = this.begin(FIXED_BYTES + listBytes(message.expected))
        to.byte(TYPE.asked)
        to.number(message.ask)
        return writeIds(to, message.expected)
      }
      case 'failed': {
        const error = errorBytes(message.error)
        const to = this.begin(FIXED_BYTES + UNIT_BYTES * message.from.length + error.length)
        to.byte(TYPE.failed)
        to.number(message.ask)
        to.text(message.from)
        to.byte(message.outcome === 'refused' ? 1 : 0)
        return to.bytes(error)
      }
      case 'gap': {
        const to = this.begin(FIXED_BYTES)
        to.byte(TYPE.gap)
        to.number(message.listener)
        return to.number(message.dropped)
      }
      case 'denied': {
        const error = errorBytes(message.error)
        const to = this.begin(FIXED_BYTES + error.length)
        to.byte(TYPE.denied)
        to.byte(DENIED.indexOf(message.what))
        to.number(message.key)
        return to.bytes(error)
      }
      case 'produced':
        return this.#named(TYPE.produced, message.producer)
      case 'fenced':
        return this.#named(TYPE.fenced, message.producer)
      default:
        return appendStream(this, message)
    }
  }

  #named(type: number, key: number): void {
    const to = this.begin(FIXED_BYTES)
    to.byte(type)
    to.number(key)
  }

  #request({ request, producer, from, remainingMs, trace, payload }: Extract<TopicsDown, { type: 'request' }>): void {
    const carried = trace !== undefined && isCarried(trace) ? trace : undefined
    const traceLength = carried === undefined ? 0 : carried.traceparent.length + (carried.tracestate?.length ?? 0)
    const to = this.begin(FIXED_BYTES + UNIT_BYTES * (from.length + traceLength) + payloadBytes(payload))
    to.byte(TYPE.request)
    to.number(request)
    to.number(producer)
    to.text(from)
    writeTime(to, Math.max(0, remainingMs))
    to.byte(kindOf(payload) | (carried === undefined ? 0 : REQUEST.trace))
    if (carried !== undefined) writeTrace(to, carried)
    writePayload(to, payload)
  }

  #reply(type: number, key: number, { from, payload }: Extract<TopicsDown, { type: 'answered' | 'heard' }>): void {
    const to = this.begin(FIXED_BYTES + UNIT_BYTES * from.length + payloadBytes(payload))
    to.byte(type)
    to.number(key)
    to.text(from)
    to.byte(kindOf(payload))
    writePayload(to, payload)
  }
}

/**
 * The messages of a server's frame, all of them sound but for their JSON; or, as a string, what is wrong with it. Payloads and chunks are
 * parts of the frame: copy what outlives the turn of the loop.
 */
export const decodeDown = (frame: Uint8Array): readonly TopicsDown[] | string => decodeFrame(frame, readDown)

const readDown = (from: ByteReader): TopicsDown | undefined => {
  const type = from.byte()
  switch (type) {
    case TYPE.request:
      return readRequest(from)
    case TYPE.answered: {
      const ask = from.number()
      return { type: 'answered', ask, from: from.id('producer id'), payload: readReply(from) }
    }
    case TYPE.finished: {
      const ask = from.number()
      return { type: 'finished', ask, summary: readSummary(from) }
    }
    case TYPE.cancel: {
      const request = from.number()
      return { type: 'cancel', request, because: readEnding(from) }
    }
    case TYPE.heard: {
      const listener = from.number()
      return { type: 'heard', listener, from: from.id('producer id'), payload: readReply(from) }
    }
    case TYPE.asked: {
      const ask = from.number()
      return { type: 'asked', ask, expected: readIds(from) }
    }
    case TYPE.failed: {
      const ask = from.number()
      const id = from.id('producer id')
      return {
        type: 'failed',
        ask,
        from: id,
        outcome: from.flags(1) === 1 ? 'refused' : 'error',
        error: readError(from),
      }
    }
    case TYPE.gap: {
      const listener = from.number()
      return { type: 'gap', listener, dropped: from.number() }
    }
    case TYPE.denied:
      return readDenied(from)
    case TYPE.produced:
      return { type: 'produced', producer: from.number() }
    case TYPE.fenced:
      return { type: 'fenced', producer: from.number() }
    default:
      return readStream(from, type)
  }
}

const readRequest = (from: ByteReader): TopicsDown => {
  const request = from.number()
  const producer = from.number()
  const asker = from.id("the asker's name")
  const remainingMs = readTime(from)
  const flags = from.flags(REQUEST.all)
  const trace = (flags & REQUEST.trace) === 0 ? undefined : readTrace(from)
  const kind = flags & KIND
  if (kind === 3) from.fail('a request is no stream')
  return {
    type: 'request',
    request,
    producer,
    from: asker,
    remainingMs,
    trace,
    payload: readPayload(from, kind, 'the request'),
  }
}

const readReply = (from: ByteReader) => {
  const kind = from.flags(KIND)
  return kind === 3 ? { kind: 'stream' as const, stream: from.number() } : readPayload(from, kind, 'the reply')
}

const readDenied = (from: ByteReader): TopicsDown => {
  const what = DENIED[from.byte()]
  if (what === undefined) from.fail('nothing that is known is denied')
  const key = from.number()
  return { type: 'denied', what: what ?? 'ask', key, error: readError(from) }
}
