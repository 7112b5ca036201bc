import type { Payload, TopicsDown, TopicsUp } from '../../core/dispatch/link-messages.ts'
import type { Target, Until } from '../../core/dispatch/messages.ts'
import type { Random } from '../../core/random.ts'
import { ERROR_CODES, type ErrorCode } from '../../errors.ts'
import { MAX_CHUNK_BYTES, MAX_PAYLOAD_BYTES, STREAM_WINDOW_BYTES } from '../../wire/limits.ts'
import { UpWriter } from '../../wire/topics/up.ts'
import { between, oneOf, percent, weighted } from './draw.ts'
import type { World } from './world.ts'

const IDS = ['a', 'b', 'c', 'ü', 'x y', '%', 'canary-1'] as const
const UNTIL: readonly Until[] = [
  'all',
  'first',
  1,
  2,
  1_000_000,
  { quiet: 0.001 },
  { quiet: 5 },
  { quiet: 2 ** 31 - 1 },
]
const TO: readonly (Target | undefined)[] = [
  undefined,
  undefined,
  { pick: 1 },
  { id: 'a' },
  { id: ['b', 'nobody'] },
  { metadata: { zone: 'a', deep: [{ a: null }] } },
  { id: [], metadata: {}, pick: 1_000_000 },
]
const JSONS = [
  'null',
  '{"sku":1}',
  '[[[[]]]]',
  '"\\ud800"',
  '1e999',
  `"${'x'.repeat(5_000)}"`,
  `${'['.repeat(999)}${']'.repeat(999)}`,
]
const LIMITS = [0.001, 1, 5, 50, 1_000, 2 ** 31 - 1]
const CODES = Object.keys(ERROR_CODES) as ErrorCode[]

/** Draws what one link says on topics. It remembers what it said and was asked, so that most of it is right. */
export class TopicFrames {
  readonly #world: World
  readonly #requests: number[] = []
  /** What each stream that it reads may still be sent. */
  readonly #credit = new Map<number, number>()
  /** What it may still send of each stream of its own. */
  readonly #streams = new Map<number, number>()
  #last = 0

  constructor(world: World) {
    this.#world = world
  }

  /** Takes in what the server said. */
  heard(message: TopicsDown): void {
    if (message.type === 'request') this.#requests.push(message.request)
    else if (message.type === 'answered' && message.payload.kind === 'stream')
      this.#credit.set(message.payload.stream, 0)
    else if (message.type === 'chunk')
      this.#credit.set(message.stream, (this.#credit.get(message.stream) ?? 0) - message.bytes.length)
    else if (message.type === 'credit')
      this.#streams.set(message.stream, (this.#streams.get(message.stream) ?? 0) + message.bytes)
    if (this.#requests.length > 64) this.#requests.splice(0, 32)
  }

  /** A frame that keeps to the rules, however mad its sense: the link stays open. */
  draw(random: Random): Buffer {
    const count = weighted(random, [
      [10, 1],
      [6, 3],
      [2, 10],
      [0.1, 300],
    ] as const)
    return frameOf(Array.from({ length: count }, () => this.#message(random)))
  }

  /** A frame with something wrong in it, most of the time. */
  broken(random: Random): Buffer {
    const frame = frameOf(Array.from({ length: oneOf(random, [1, 1, 2, 5]) }, () => this.#message(random)))
    return weighted<() => Buffer>(random, [
      [40, () => spoiled(frame, random)],
      [15, () => frame.subarray(0, random.below(frame.length))],
      [15, () => Buffer.concat([frame, bytesOf(random, between(random, 1, 20))])],
      [10, () => Buffer.concat([Buffer.from([1]), bytesOf(random, between(random, 1, 200))])],
      [5, () => Buffer.concat([frame, frame.subarray(1)])],
      [10, () => frameOf([this.#unasked(random)])],
      [2, () => Buffer.concat([Buffer.from([1]), ...Array.from({ length: 4_097 }, () => Buffer.from([7, 1]))])],
      [3, () => bytesOf(random, random.below(50))],
    ])()
  }

  /** What is sound as a message, and what nobody may say who was not asked. */
  #unasked(random: Random): TopicsUp {
    const number = oneOf(random, [0, 2 ** 31, 2 ** 40, Number.MAX_SAFE_INTEGER])
    return oneOf<TopicsUp>(random, [
      { type: 'reply', request: number, payload: payloadOf(random) },
      { type: 'reply', request: number, payload: { kind: 'stream', stream: number } },
      { type: 'chunk', stream: number, bytes: Buffer.from('x') },
      { type: 'end', stream: number },
      { type: 'credit', stream: number, bytes: number + 1 > Number.MAX_SAFE_INTEGER ? 1 : number + 1 },
      { type: 'stop', stream: number },
      { type: 'listen', listener: 0, topic: 'x' },
    ])
  }

  #message(random: Random): TopicsUp {
    const topic = this.#world.topic(random)
    const request = this.#requests.length > 0 && percent(random, 70) ? oneOf(random, this.#requests) : undefined
    if (request !== undefined && percent(random, 60)) return this.#answer(random, request)
    const stream = percent(random, 50) ? this.#ofStreams(random) : undefined
    if (stream !== undefined) return stream
    const any = random.below(this.#last + 2)
    return weighted<() => TopicsUp>(random, [
      [
        25,
        () => ({
          type: 'produce',
          producer: ++this.#last,
          topic,
          id: oneOf(random, IDS),
          concurrency: oneOf(random, [1, 2, 1_000_000]),
          queue: percent(random, 20) ? oneOf(random, IDS) : undefined,
          metadata: percent(random, 30) ? { zone: oneOf(random, ['a', 'b']), deep: [{ a: null }] } : undefined,
        }),
      ],
      [
        40,
        () => ({
          type: 'ask',
          ask: ++this.#last,
          topic,
          until: oneOf(random, UNTIL),
          to: oneOf(random, TO),
          withinMs: oneOf(random, LIMITS),
          named: percent(random, 50),
          patient: percent(random, 50),
          trace: percent(random, 20) ? { traceparent: '00-1-2-01', tracestate: 'a=1' } : undefined,
          payload: payloadOf(random),
        }),
      ],
      [8, () => ({ type: 'listen', listener: ++this.#last, topic })],
      [5, () => ({ type: 'unlisten', listener: any })],
      [5, () => ({ type: 'withdraw', producer: any })],
      [10, () => ({ type: 'leave', producer: any })],
      [10, () => ({ type: 'abandon', ask: any })],
    ])()
  }

  #answer(random: Random, request: number): TopicsUp {
    if (percent(random, 90)) this.#requests.splice(this.#requests.indexOf(request), 1)
    return weighted<() => TopicsUp>(random, [
      [60, () => ({ type: 'reply', request, payload: payloadOf(random) })],
      [20, () => ({ type: 'reply', request, payload: { kind: 'stream', stream: request } })],
      [
        20,
        () => ({
          type: 'fail',
          request,
          outcome: oneOf(random, ['error', 'refused'] as const),
          error: {
            code: oneOf(random, CODES),
            message: oneOf(random, ['', 'no', 'x'.repeat(9_000), '\0\ud800']),
            retriable: false,
            definite: true,
            details: { a: random.below(9) },
          },
        }),
      ],
    ])()
  }

  #ofStreams(random: Random): TopicsUp | undefined {
    const [sent] = [...this.#streams]
    if (sent !== undefined && percent(random, 60)) {
      const [stream, credit] = sent
      const bytes = Math.min(credit, MAX_CHUNK_BYTES, oneOf(random, [1, 100, MAX_CHUNK_BYTES]))
      if (bytes === 0 || percent(random, 20)) {
        this.#streams.delete(stream)
        return { type: 'end', stream }
      }
      this.#streams.set(stream, credit - bytes)
      return { type: 'chunk', stream, bytes: Buffer.alloc(bytes, 0x61) }
    }
    const [read] = [...this.#credit]
    if (read === undefined) return undefined
    const [stream, credit] = read
    if (percent(random, 20)) {
      this.#credit.delete(stream)
      return { type: 'stop', stream }
    }
    const bytes = Math.min(STREAM_WINDOW_BYTES - credit, oneOf(random, [1, 1_000, STREAM_WINDOW_BYTES]))
    if (bytes <= 0) return undefined
    this.#credit.set(stream, credit + bytes)
    return { type: 'credit', stream, bytes }
  }
}

const payloadOf = (random: Random): Payload =>
  weighted<() => Payload>(random, [
    [20, () => ({ kind: 'none' })],
    [60, () => ({ kind: 'json', bytes: Buffer.from(oneOf(random, JSONS)) })],
    [20, () => ({ kind: 'bytes', bytes: bytesOf(random, random.below(300)) })],
    [0.2, () => ({ kind: 'bytes', bytes: Buffer.alloc(MAX_PAYLOAD_BYTES) })],
  ])()

const frameOf = (messages: readonly TopicsUp[]): Buffer => {
  const writer = new UpWriter()
  for (const message of messages) writer.append(message)
  return Buffer.from(writer.take() ?? [1])
}

const bytesOf = (random: Random, length: number): Buffer => Buffer.from(Array.from({ length }, () => random.below(256)))

const spoiled = (frame: Buffer, random: Random): Buffer => {
  const bytes = Buffer.from(frame)
  for (let times = oneOf(random, [1, 1, 2, 5]); times > 0; times--)
    bytes[random.below(bytes.length)] = random.below(256)
  return bytes
}
