import { isCount, MAX_REPLIES } from '../../core/dispatch/until.ts'
import { metadataFault } from '../../wire/faults.ts'
import { MAX_FRAME_BYTES, MAX_METADATA_BYTES, MAX_TOPICS_MESSAGES } from '../../wire/limits.ts'
import { ByteReader } from '../../wire/topics/byte-reader.ts'
import { readError } from '../../wire/topics/errors.ts'
import { readEnding, readLimit, readPayload, readTrace } from '../../wire/topics/parts.ts'
import { readStream } from '../../wire/topics/streams.ts'
import type { NatsFrame, NatsMessage } from './messages.ts'

/** What every frame begins with. */
export const FORMAT = 0xca
export const VERSION = 1
const MAX_NODE = 2 ** 48 - 1
/** Of an asker's connection. */
const MAX_NAME_LENGTH = 128

/** 10 to 13 are those of streams. */
export const TYPE = {
  ask: 1,
  request: 2,
  cancel: 3,
  reply: 4,
  fail: 5,
  producer: 6,
  withdraw: 7,
  leave: 8,
  listeners: 9,
  known: 14,
  who: 15,
  told: 16,
  claim: 17,
  heard: 18,
  ping: 19,
  pong: 20,
  unknown: 21,
} as const

const KIND = 0b11
const STREAM_KIND = 3
export const TRACED = 4
export const PRODUCER = { queue: 1, metadata: 2, all: 3 } as const

/**
 * The messages of a frame, all of them sound; or, as a string, what is wrong with it. Payloads and chunks are parts of the frame: copy what
 * outlives the turn of the loop.
 */
export const decodeNats = (frame: Uint8Array): NatsFrame | string => {
  if (frame.byteLength > MAX_FRAME_BYTES) return `it has ${frame.byteLength} bytes; at most ${MAX_FRAME_BYTES}`
  const from = new ByteReader(frame)
  if (from.byte() !== FORMAT) return 'it is no message of caucus'
  const version = from.byte()
  if (version !== VERSION) return `it is of version ${version}, and this is version ${VERSION}`
  const node = from.number()
  if (node > MAX_NODE) from.fail('its sender is none')
  const messages: NatsMessage[] = []
  while (from.fault === undefined && !from.isAtEnd) {
    if (messages.length >= MAX_TOPICS_MESSAGES) return `it has more than ${MAX_TOPICS_MESSAGES} messages`
    const message = readMessage(from)
    if (message === undefined) from.fail('its type is unknown')
    else messages.push(message)
  }
  return from.fault === undefined ? { from: node, messages } : `message ${messages.length}: ${from.fault}`
}

const readMessage = (from: ByteReader): NatsMessage | undefined => {
  const type = from.byte()
  switch (type) {
    case TYPE.ask:
      return readAsking(from, undefined)
    case TYPE.request:
      return readAsking(from, readNumbers(from))
    case TYPE.cancel:
      return { type: 'cancel', ask: from.number(), because: readEnding(from) }
    case TYPE.reply: {
      const ask = from.number()
      const producer = from.number()
      return { type: 'reply', ask, producer, payload: readReply(from) }
    }
    case TYPE.fail: {
      const ask = from.number()
      const producer = from.number()
      const outcome = from.flags(1) === 1 ? 'refused' : 'error'
      return { type: 'fail', ask, producer, outcome, error: readError(from) }
    }
    case TYPE.producer:
      return readProducer(from)
    case TYPE.withdraw:
      return { type: 'withdraw', topic: from.topic('topic'), producer: from.number() }
    case TYPE.leave:
      return { type: 'leave', topic: from.topic('topic'), producer: from.number() }
    case TYPE.listeners:
      return { type: 'listeners', topic: from.topic('topic'), count: from.number(), census: from.number() }
    case TYPE.known: {
      const topic = from.topic('topic')
      return { type: 'known', topic, producers: readNumbers(from), name: from.plain(MAX_NAME_LENGTH, 'name') }
    }
    case TYPE.unknown:
      return { type: 'unknown', producers: readNumbers(from) }
    case TYPE.who:
      return { type: 'who', topic: from.topic('topic'), census: from.number() }
    case TYPE.told:
      return { type: 'told', topic: from.topic('topic'), census: from.number() }
    case TYPE.claim:
      return { type: 'claim', producer: from.number(), rank: from.number() }
    case TYPE.heard:
      return { type: 'heard', from: from.id('producer id'), payload: readReply(from) }
    case TYPE.ping:
      return { type: 'ping' }
    case TYPE.pong:
      return { type: 'pong' }
    default:
      return readStream(from, type)
  }
}

const readAsking = (from: ByteReader, producers: readonly number[] | undefined): NatsMessage => {
  const ask = from.number()
  const flags = from.flags(KIND | TRACED)
  const withinMs = readLimit(from, 'withinMs')
  const trace = (flags & TRACED) === 0 ? undefined : readTrace(from)
  const kind = flags & KIND
  if (kind === STREAM_KIND) from.fail('a request is no stream')
  const payload = readPayload(from, kind === STREAM_KIND ? 0 : kind, 'the request')
  if (producers === undefined) return { type: 'ask', ask, withinMs, trace, payload }
  return { type: 'request', producers, ask, withinMs, trace, payload }
}

const readReply = (from: ByteReader) => {
  const kind = from.flags(KIND)
  return kind === STREAM_KIND
    ? { kind: 'stream' as const, stream: from.number() }
    : readPayload(from, kind, 'the reply')
}

const readProducer = (from: ByteReader): NatsMessage => {
  const topic = from.topic('topic')
  const producer = from.number()
  const id = from.id('producer id')
  const concurrency = from.number()
  if (!isCount(concurrency)) from.fail(`concurrency is no number from 1 to ${MAX_REPLIES}`)
  const queued = from.number()
  const census = from.number()
  const flags = from.flags(PRODUCER.all)
  const queue = (flags & PRODUCER.queue) === 0 ? undefined : from.topic('queue')
  const metadata = (flags & PRODUCER.metadata) === 0 ? undefined : from.json(MAX_METADATA_BYTES, 'metadata')
  const fault = metadataFault(metadata)
  if (fault !== undefined) from.fail(fault)
  return { type: 'producer', topic, producer, id, concurrency, queued, census, queue, metadata }
}

const readNumbers = (from: ByteReader): readonly number[] => {
  const numbers: number[] = []
  // A count that is made up ends with the frame.
  for (let left = from.number(); left > 0 && from.fault === undefined; left--) numbers.push(from.number())
  return numbers
}
