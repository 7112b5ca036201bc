import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import type { TopicsDown, TopicsUp } from '../../../../src/core/dispatch/link-messages.ts'
import { MAX_FRAME_BYTES, MAX_PAYLOAD_BYTES, MAX_TOPICS_MESSAGES } from '../../../../src/wire/limits.ts'
import { DownWriter, decodeDown } from '../../../../src/wire/topics/down.ts'
import { decodeUp, UpWriter } from '../../../../src/wire/topics/up.ts'
import { down, up } from './messages.ts'

interface Writer<Message> {
  readonly bytes: number
  append(message: Message): void
  take(): Uint8Array | undefined
}

const framesOf = <Message>(writer: Writer<Message>, messages: readonly Message[]): readonly Uint8Array[] => {
  for (const message of messages) writer.append(message)
  const frames: Uint8Array[] = []
  for (let frame = writer.take(); frame !== undefined; frame = writer.take()) frames.push(frame)
  expect(writer.bytes).toBe(0)
  return frames
}

const frameOf = <Message>(writer: Writer<Message>, messages: readonly Message[]): Uint8Array => {
  const [frame, ...others] = framesOf(writer, messages)
  expect(others).toEqual([])
  return frame as Uint8Array
}

const DIRECTIONS = [
  ['a process says', up, () => new UpWriter(), decodeUp],
  ['a server says', down, () => new DownWriter(), decodeDown],
] as const as readonly (readonly [
  string,
  fc.Arbitrary<TopicsUp | TopicsDown>,
  () => Writer<TopicsUp | TopicsDown>,
  (frame: Uint8Array) => readonly (TopicsUp | TopicsDown)[] | string,
])[]

describe.each(DIRECTIONS)('what %s', (_who, message, writer, decode) => {
  test('arrives as it was said, in order, in one frame', () => {
    fc.assert(
      fc.property(fc.array(message, { minLength: 1, maxLength: 30 }), (messages) => {
        expect(decode(frameOf(writer(), messages))).toEqual(messages)
      }),
    )
  })

  test('is taken or refused, and never thrown at, however it is cut or spoiled', () => {
    fc.assert(
      fc.property(fc.array(message, { minLength: 1, maxLength: 3 }), fc.nat(255), (messages, flip) => {
        const frame = frameOf(writer(), messages)
        for (let at = 0; at < frame.length; at++) {
          const cut = decode(frame.subarray(0, at))
          if (typeof cut !== 'string') expect(messages.slice(0, cut.length)).toEqual(cut)
          const spoiled = Uint8Array.from(frame)
          spoiled[at] = (spoiled[at] as number) ^ (flip === 0 ? 0x80 : flip)
          const taken = decode(spoiled)
          // What is taken can be said: the rules for both are the same.
          if (typeof taken !== 'string') framesOf(writer(), taken)
        }
      }),
      { numRuns: 60 },
    )
  })

  test('is never thrown at, whatever it is', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 200 }), fc.boolean(), (bytes, formed) => {
        if (formed && bytes.length > 0) bytes[0] = 1
        const taken = decode(bytes)
        expect(typeof taken === 'string' || Array.isArray(taken)).toBe(true)
      }),
      { numRuns: 1_000 },
    )
  })
})

test('a length of time is rounded up to microseconds once, however often it is sent on', () => {
  const resent = (ms: number): number => {
    const ask: TopicsUp = {
      type: 'ask',
      ask: 1,
      topic: 't',
      until: 'all',
      withinMs: ms,
      named: false,
      patient: false,
      payload: { kind: 'none' },
    }
    const [said] = decodeUp(frameOf(new UpWriter(), [ask])) as readonly (TopicsUp & { type: 'ask' })[]
    return said?.withinMs ?? 0
  }
  expect([1e-9, 0.0011, 4.094, 2 ** 31 - 1].map(resent)).toEqual([0.001, 0.002, 4.094, 2 ** 31 - 1])
  fc.assert(
    fc.property(
      fc.integer({ min: 1, max: (2 ** 31 - 1) * 1_000 }),
      (us) => void expect(resent(us / 1_000)).toBe(us / 1_000),
    ),
  )
})

describe('a writer', () => {
  const reply = (bytes: number): TopicsUp => ({
    type: 'reply',
    request: 1,
    payload: { kind: 'bytes', bytes: new Uint8Array(bytes).fill(7) },
  })

  test('divides what is more than a frame may have', () => {
    const said = [reply(MAX_PAYLOAD_BYTES), reply(MAX_PAYLOAD_BYTES), reply(3), reply(MAX_PAYLOAD_BYTES)]
    const frames = framesOf(new UpWriter(), said)
    for (const frame of frames) expect(frame.length).toBeLessThanOrEqual(MAX_FRAME_BYTES)
    const lengths = frames
      .flatMap((frame) => decodeUp(frame) as readonly (TopicsUp & { type: 'reply' })[])
      .map(({ payload }) => (payload.kind === 'bytes' ? payload.bytes.length : 0))
    expect(lengths).toEqual([MAX_PAYLOAD_BYTES, MAX_PAYLOAD_BYTES, 3, MAX_PAYLOAD_BYTES])
  })

  test('divides what is more messages than a frame may have', () => {
    const many = Array.from({ length: 2 * MAX_TOPICS_MESSAGES + 1 }, (_, ask): TopicsUp => ({ type: 'abandon', ask }))
    const frames = framesOf(new UpWriter(), many)
    expect(frames.map((frame) => decodeUp(frame).length)).toEqual([MAX_TOPICS_MESSAGES, MAX_TOPICS_MESSAGES, 1])
  })

  test('gives nothing when nothing was said, and forgets what is cleared', () => {
    const writer = new UpWriter()
    expect(writer.take()).toBeUndefined()
    writer.append(reply(10))
    expect(writer.bytes).toBeGreaterThan(10)
    writer.clear()
    expect([writer.bytes, writer.take()]).toEqual([0, undefined])
  })

  test('does not write into a frame that it has given', () => {
    const writer = new UpWriter()
    writer.append(reply(300))
    const first = writer.take() as Uint8Array
    const before = Uint8Array.from(first)
    for (let i = 0; i < 20; i++) writer.append(reply(300))
    writer.take()
    expect(Uint8Array.from(first)).toEqual(before)
  })
})
