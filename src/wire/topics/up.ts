import type { TopicsUp } from '../../core/dispatch/link-messages.ts'
import { isCount, MAX_REPLIES } from '../../core/dispatch/until.ts'
import { metadataFault } from '../faults.ts'
import { MAX_METADATA_BYTES } from '../limits.ts'
import { type ByteReader, isJson } from './byte-reader.ts'
import { errorBytes, readError } from './errors.ts'
import { FrameWriter } from './frame-writer.ts'
import { decodeFrame } from './messages.ts'
import {
  FIXED_BYTES,
  isCarried,
  kindOf,
  payloadBytes,
  readLimit,
  readPayload,
  readTarget,
  readTrace,
  readUntil,
  UNIT_BYTES,
  writePayload,
  writeTime,
  writeTrace,
  writeUntil,
} from './parts.ts'
import { appendStream, readStream } from './streams.ts'

const TYPE = {
  produce: 1,
  withdraw: 2,
  leave: 3,
  listen: 4,
  unlisten: 5,
  ask: 6,
  abandon: 7,
  reply: 8,
  fail: 9,
} as const

/** What an ask and a producer may have besides. */
const KIND = 0b11
const ASK = { trace: 4, named: 8, to: 16, patient: 32, all: 63 } as const
const PRODUCE = { queue: 1, metadata: 2, all: 3 } as const

/** Makes frames of what a process says to its server. */
export class UpWriter extends FrameWriter {
  /** What it holds is copied. Payloads, names and targets have been checked before: what is too long is a fault of the caller's. */
  append(message: TopicsUp): void {
    switch (message.type) {
      case 'reply':
        return this.#reply(message)
      case 'ask':
        return this.#ask(message)
      case 'produce':
        return this.#produce(message)
      case 'listen': {
        const to = this.begin(FIXED_BYTES + UNIT_BYTES * message.topic.length)
        to.byte(TYPE.listen)
        to.number(message.listener)
        return to.text(message.topic)
      }
      case 'unlisten':
        return this.#named(TYPE.unlisten, message.listener)
      case 'withdraw':
        return this.#named(TYPE.withdraw, message.producer)
      case 'leave':
        return this.#named(TYPE.leave, message.producer)
      case 'abandon':
        return this.#named(TYPE.abandon, message.ask)
      case 'fail': {
        const error = errorBytes(message.error)
        const to = this.begin(FIXED_BYTES + error.length)
        to.byte(TYPE.fail)
        to.number(message.request)
        to.byte(message.outcome === 'refused' ? 1 : 0)
        return to.bytes(error)
      }
      default:
        return appendStream(this, message)
    }
  }

  #named(type: number, key: number): void {
    const to = this.begin(FIXED_BYTES)
    to.byte(type)
    to.number(key)
  }

  #reply({ request, payload }: Extract<TopicsUp, { type: 'reply' }>): void {
    const to = this.begin(FIXED_BYTES + payloadBytes(payload))
    to.byte(TYPE.reply)
    to.number(request)
    to.byte(kindOf(payload))
    // The number of a stream is that of its request.
    if (payload.kind !== 'stream') writePayload(to, payload)
  }

  #ask({
    ask,
    topic,
    until,
    to: target,
    withinMs,
    named,
    patient,
    trace,
    payload,
  }: Extract<TopicsUp, { type: 'ask' }>): void {
    const carried = trace !== undefined && isCarried(trace) ? trace : undefined
    const chosen = target && Buffer.from(JSON.stringify(target))
    const traceLength = carried === undefined ? 0 : carried.traceparent.length + (carried.tracestate?.length ?? 0)
    const texts = UNIT_BYTES * (topic.length + traceLength)
    const to = this.begin(FIXED_BYTES + texts + (chosen?.length ?? 0) + payloadBytes(payload))
    to.byte(TYPE.ask)
    to.number(ask)
    to.text(topic)
    to.byte(
      kindOf(payload) |
        (carried === undefined ? 0 : ASK.trace) |
        (named ? ASK.named : 0) |
        (patient ? ASK.patient : 0) |
        (chosen === undefined ? 0 : ASK.to),
    )
    writeUntil(to, until)
    writeTime(to, withinMs)
    if (carried !== undefined) writeTrace(to, carried)
    if (chosen !== undefined) to.bytes(chosen)
    writePayload(to, payload)
  }

  #produce({ producer, topic, id, concurrency, queue, metadata }: Extract<TopicsUp, { type: 'produce' }>): void {
    const json = metadata === undefined ? undefined : Buffer.from(JSON.stringify(metadata))
    const units = topic.length + id.length + (queue?.length ?? 0)
    const to = this.begin(FIXED_BYTES + UNIT_BYTES * units + (json?.length ?? 0))
    to.byte(TYPE.produce)
    to.number(producer)
    to.text(topic)
    to.text(id)
    to.number(concurrency)
    to.byte((queue === undefined ? 0 : PRODUCE.queue) | (json === undefined ? 0 : PRODUCE.metadata))
    if (queue !== undefined) to.text(queue)
    if (json !== undefined) to.bytes(json)
  }
}

/**
 * The messages of a process's frame, all of them sound, their JSON included; or, as a string, what is wrong with it. Payloads and chunks are
 * parts of the frame: copy what outlives the turn of the loop.
 */
export const decodeUp = (frame: Uint8Array): readonly TopicsUp[] | string => decodeFrame(frame, readUp)

const readUp = (from: ByteReader): TopicsUp | undefined => {
  const type = from.byte()
  switch (type) {
    case TYPE.reply:
      return readReply(from)
    case TYPE.ask:
      return readAsk(from)
    case TYPE.produce:
      return readProduce(from)
    case TYPE.withdraw:
      return { type: 'withdraw', producer: from.number() }
    case TYPE.leave:
      return { type: 'leave', producer: from.number() }
    case TYPE.listen:
      return { type: 'listen', listener: from.number(), topic: from.topic('topic name') }
    case TYPE.unlisten:
      return { type: 'unlisten', listener: from.number() }
    case TYPE.abandon:
      return { type: 'abandon', ask: from.number() }
    case TYPE.fail: {
      const request = from.number()
      return { type: 'fail', request, outcome: from.flags(1) === 1 ? 'refused' : 'error', error: readError(from) }
    }
    default:
      return readStream(from, type)
  }
}

const readReply = (from: ByteReader): TopicsUp => {
  const request = from.number()
  const kind = from.flags(KIND)
  if (kind === 3) return { type: 'reply', request, payload: { kind: 'stream', stream: request } }
  return { type: 'reply', request, payload: readChecked(from, kind, 'the reply') }
}

const readAsk = (from: ByteReader): TopicsUp => {
  const ask = from.number()
  const topic = from.topic('topic name')
  const flags = from.flags(ASK.all)
  const until = readUntil(from)
  const withinMs = readLimit(from, 'withinMs')
  const trace = (flags & ASK.trace) === 0 ? undefined : readTrace(from)
  const to = (flags & ASK.to) === 0 ? undefined : readTarget(from)
  const kind = flags & KIND
  if (kind === 3) from.fail('a request is no stream')
  const payload = readChecked(from, kind, 'the request')
  const named = (flags & ASK.named) !== 0
  const patient = (flags & ASK.patient) !== 0
  return { type: 'ask', ask, topic, until, to, withinMs, named, patient, trace, payload }
}

/** Whoever gets it takes it for JSON, and may be many. */
const readChecked = (from: ByteReader, kind: number, what: string) => {
  const payload = readPayload(from, kind, what)
  if (payload.kind === 'json' && from.fault === undefined && !isJson(payload.bytes)) from.fail(`${what} is not JSON`)
  return payload
}

const readProduce = (from: ByteReader): TopicsUp => {
  const producer = from.number()
  const topic = from.topic('topic name')
  const id = from.id('producer id')
  const concurrency = from.number()
  if (!isCount(concurrency)) from.fail(`concurrency is ${concurrency}; give a whole number from 1 to ${MAX_REPLIES}`)
  const flags = from.flags(PRODUCE.all)
  const queue = (flags & PRODUCE.queue) === 0 ? undefined : from.topic('queue')
  const metadata = (flags & PRODUCE.metadata) === 0 ? undefined : from.json(MAX_METADATA_BYTES, 'metadata')
  const fault = metadata === undefined ? undefined : metadataFault(metadata)
  if (fault !== undefined) from.fail(fault)
  return { type: 'produce', producer, topic, id, concurrency, queue, metadata }
}
