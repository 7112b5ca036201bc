import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import type { Cable } from '../../../src/backends/nats/cable.ts'
import { decodeNats } from '../../../src/backends/nats/codec.ts'
import type { NatsMessage } from '../../../src/backends/nats/messages.ts'
import { Outbox } from '../../../src/backends/nats/outbox.ts'
import { prefixFault, tokenOf } from '../../../src/backends/nats/subjects.ts'
import { CaucusError } from '../../../src/errors.ts'

const bytes = (text: string) => Buffer.from(text)
const NODE = 2 ** 48 - 1

const MESSAGES: readonly NatsMessage[] = [
  { type: 'ask', ask: 1, withinMs: 300, trace: undefined, payload: { kind: 'json', bytes: bytes('{"a":1}') } },
  {
    type: 'request',
    producers: [1, 2 ** 31],
    ask: 2,
    withinMs: 0.001,
    trace: { traceparent: '00-aa-bb-01' },
    payload: { kind: 'none' },
  },
  { type: 'cancel', ask: 3, because: 'met' },
  { type: 'reply', ask: 4, producer: 5, payload: { kind: 'bytes', bytes: bytes('x'.repeat(100_000)) } },
  { type: 'reply', ask: 4, producer: 5, payload: { kind: 'stream', stream: 6 } },
  { type: 'fail', ask: 4, producer: 5, outcome: 'refused', error: new CaucusError('CAUCUS_OVERLOADED', 'no').toJSON() },
  {
    type: 'producer',
    topic: 'a topic',
    producer: 1,
    id: 'ä',
    concurrency: 3,
    queued: 2,
    census: 7,
    queue: 'q',
    metadata: { zone: 'x' },
  },
  { type: 'withdraw', topic: 't', producer: 1 },
  { type: 'leave', topic: 't', producer: 1 },
  { type: 'listeners', topic: 't', count: 2, census: 0 },
  { type: 'known', topic: 't', producers: [1], name: 'web/1' },
  { type: 'unknown', producers: [1, 2 ** 40] },
  { type: 'who', topic: 't', census: 1 },
  { type: 'told', topic: 't', census: 1 },
  { type: 'claim', producer: 1, rank: 2 ** 50 },
  { type: 'heard', from: 'p', payload: { kind: 'json', bytes: bytes('1') } },
  { type: 'ping' },
  { type: 'pong' },
  { type: 'chunk', stream: 1, bytes: bytes('piece') },
  { type: 'end', stream: 1 },
  { type: 'credit', stream: 1, bytes: 10 },
  { type: 'stop', stream: 1 },
]

/** The frames that go out on one subject. */
const framesOf = (messages: readonly NatsMessage[], maxPayload = 2 ** 20): Uint8Array[] => {
  const frames: Uint8Array[] = []
  const cable: Cable = {
    maxPayload,
    isFull: false,
    publish: (_subject, frame) => void frames.push(frame),
    subscribe: () => ({ end: () => {} }),
    confirmed: async () => true,
    close: async () => {},
  }
  const outbox = new Outbox(() => {})
  outbox.opened(cable, NODE)
  const lane = outbox.lane('s')
  for (const message of messages) lane.say(message)
  outbox.flush()
  return frames
}

const decoded = (frame: Uint8Array) => {
  const read = decodeNats(frame)
  if (typeof read === 'string') throw new Error(read)
  expect(read.from).toBe(NODE)
  return read.messages
}

describe('frames between connections', () => {
  test('everything that is said arrives as it was said, in order, in few frames', () => {
    const frames = framesOf(MESSAGES)
    expect(frames.length).toBeLessThan(4)
    expect(frames.flatMap(decoded)).toEqual(MESSAGES)
  })

  test('no frame is longer than the server takes', () => {
    const maxPayload = 64 * 1024
    const piece: NatsMessage = { type: 'chunk', stream: 1, bytes: new Uint8Array(30_000) }
    const frames = framesOf([piece, piece, piece, piece], maxPayload)
    expect(frames.every(({ length }) => length <= maxPayload)).toBe(true)
    expect(frames.flatMap(decoded)).toHaveLength(4)
  })

  test('whatever else comes is refused in words, and never throws', () => {
    const [frame = new Uint8Array()] = framesOf(MESSAGES.filter(({ type }) => type !== 'reply'))
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 64 }), fc.nat(), fc.nat(255), (noise, at, value) => {
        expect(() => decodeNats(noise)).not.toThrow()
        const changed = new Uint8Array(frame)
        changed[at % changed.length] = value
        expect(() => decodeNats(changed)).not.toThrow()
        expect(() => decodeNats(frame.subarray(0, at % frame.length))).not.toThrow()
      }),
    )
    expect(decodeNats(bytes('hello'))).toBe('it is no message of caucus')
    expect(decodeNats(new Uint8Array([0xca, 9]))).toBe('it is of version 9, and this is version 1')
    expect(decodeNats(new Uint8Array([0xca, 1, 1, 99]))).toContain('unknown')
    expect(decodeNats(new Uint8Array(2 ** 20 + 1))).toContain('at most')
  })
})

describe('subjects', () => {
  test('every name is one token, and no two names are the same one', () => {
    expect(tokenOf('plain_Name-1')).toBe('plain_Name-1')
    expect(tokenOf('a.b *>')).toBe('a=2eb=20=2a=3e')
    expect(tokenOf('ä=')).toBe('=c3=a4=3d')
    fc.assert(
      fc.property(fc.string({ unit: 'grapheme' }), fc.string({ unit: 'grapheme' }), (one, two) => {
        expect(tokenOf(one)).toMatch(/^[A-Za-z0-9_=-]*$/)
        if (one !== two) expect(tokenOf(one)).not.toBe(tokenOf(two))
      }),
    )
  })

  test('a prefix has tokens without a meaning of their own', () => {
    expect(['caucus', 'a.b-c._d'].map(prefixFault)).toEqual([undefined, undefined])
    for (const wrong of ['', '.', 'a.', 'a..b', 'a b', '*', 'a.>', 'ä', 7, 'a'.repeat(129)])
      expect(prefixFault(wrong)).toContain('prefix')
  })
})
