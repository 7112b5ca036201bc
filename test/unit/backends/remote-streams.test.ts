import { Readable } from 'node:stream'
import { describe, expect, test } from 'vitest'
import type { TopicsUp } from '../../../src/core/dispatch/link-messages.ts'
import { codeOf } from '../../../src/testing/contract/assertions.ts'
import { json, linkedTopics, settled, summary } from './topics-link.ts'

const WINDOW = 256 * 1024
const CHUNK = 64 * 1024

const request = (number: number) =>
  ({ type: 'request', request: number, producer: 1, from: 'x', remainingMs: 1_000, payload: json(0) }) as const
const bytesIn = (said: readonly TopicsUp[]) => said.map((one) => (one.type === 'chunk' ? one.bytes.length : one.type))

describe('a reply that is streamed', () => {
  /** A producer that gives this to whoever asks. */
  const producing = async (give: (signal: AbortSignal) => unknown) => {
    const link = linkedTopics()
    const producer = link.topics.topic('t').produce((_payload, { signal }) => give(signal))
    await link.heard()
    link.hears(request(1))
    expect(await link.heard()).toEqual([{ type: 'reply', request: 1, payload: { kind: 'stream', stream: 1 } }])
    return { ...link, producer }
  }

  test('begins when its reader makes room, keeps within that, and ends', async () => {
    let given = 0
    const link = await producing(async function* () {
      for (let i = 0; i < 3; i++) {
        given++
        yield new Uint8Array(100_000)
        yield new Uint8Array(0)
      }
    })
    expect(given).toBe(0)
    link.hears({ type: 'credit', stream: 1, bytes: 150_000 })
    expect(bytesIn(await link.heard())).toEqual([CHUNK, 100_000 - CHUNK, 50_000])
    expect(given).toBe(2)
    link.hears({ type: 'credit', stream: 1, bytes: 50_000 })
    expect(bytesIn(await link.heard())).toEqual([50_000])
    link.hears({ type: 'credit', stream: 1, bytes: 1_000_000 })
    expect(bytesIn(await link.heard())).toEqual([CHUNK, 100_000 - CHUNK, 'end'])
  })

  test('may be a Readable or a web stream, and is let go when nobody reads it any more', async () => {
    const readable = new Readable({ read: () => {} })
    readable.push(Buffer.from('abc'))
    const first = await producing(() => readable)
    first.hears({ type: 'credit', stream: 1, bytes: WINDOW })
    expect(bytesIn(await first.heard())).toEqual([3])
    first.hears({ type: 'stop', stream: 1 })
    expect(await first.heard()).toEqual([])
    expect(readable.destroyed).toBe(true)

    let cancelled = false
    const web = new ReadableStream<Uint8Array>({
      pull: (controller) => controller.enqueue(new Uint8Array(10)),
      cancel: () => {
        cancelled = true
      },
    })
    const second = await producing(() => web)
    second.hears({ type: 'credit', stream: 1, bytes: 15 })
    expect(bytesIn(await second.heard())).toEqual([10, 5])
    second.hears({ type: 'stop', stream: 1 })
    await second.heard()
    expect(cancelled).toBe(true)
  })

  test('runs the source’s own clean-up and aborts its signal when it is stopped', async () => {
    let cleaned = false
    let signal: AbortSignal | undefined
    const link = await producing(async function* (its) {
      signal = its
      try {
        for (;;) yield new Uint8Array(10)
      } finally {
        cleaned = true
      }
    })
    link.hears({ type: 'credit', stream: 1, bytes: 25 })
    await link.heard()
    // The end of the ask is not the end of what has begun.
    link.hears({ type: 'cancel', request: 1, because: 'met' })
    expect(signal?.aborted).toBe(false)
    link.hears({ type: 'stop', stream: 1 })
    expect(await link.heard()).toEqual([])
    expect([cleaned, signal?.aborted]).toEqual([true, true])
  })

  test('ends with what its source threw, or gave that is no bytes', async () => {
    const failing = await producing(async function* () {
      yield new Uint8Array(1)
      throw new Error('disk on fire')
    })
    failing.hears({ type: 'credit', stream: 1, bytes: WINDOW })
    expect((await failing.heard()).at(-1)).toMatchObject({
      type: 'end',
      error: { code: 'CAUCUS_HANDLER_FAILED', message: expect.stringContaining('disk on fire') },
    })
    const texts = await producing(async function* () {
      yield 'text'
    })
    texts.hears({ type: 'credit', stream: 1, bytes: WINDOW })
    expect(await texts.next('end')).toMatchObject({ error: { message: expect.stringContaining('Uint8Array') } })
  })

  test('may fail before anybody reads it: its reader is told, and nobody else', async () => {
    const readable = new Readable({ read: () => {} })
    const link = await producing(() => readable)
    readable.destroy(new Error('no such file'))
    await settled()
    link.hears({ type: 'credit', stream: 1, bytes: WINDOW })
    expect(await link.next('end')).toMatchObject({ error: { message: expect.stringContaining('no such file') } })
  })

  test('keeps a drained producer until it is over', async () => {
    const link = await producing(async function* () {
      yield new Uint8Array(10)
    })
    const drained = link.producer.drain()
    expect(await link.heard()).toEqual([{ type: 'withdraw', producer: 1 }])
    expect(link.producer.state).toBe('draining')
    link.hears({ type: 'credit', stream: 1, bytes: WINDOW })
    await drained
    expect(bytesIn(await link.heard())).toEqual([10, 'end', 'leave'])
  })

  test('is broken off when its producer is closed, and when the link is lost', async () => {
    let cleaned = 0
    const endless = async function* () {
      try {
        for (;;) yield new Uint8Array(10)
      } finally {
        cleaned++
      }
    }
    const closed = await producing(endless)
    closed.hears({ type: 'credit', stream: 1, bytes: 10 })
    await closed.heard()
    closed.producer.close()
    const said = await closed.heard()
    expect(said).toMatchObject([{ type: 'end', error: { code: 'CAUCUS_CLOSED' } }, { type: 'leave' }])
    const lost = await producing(endless)
    lost.hears({ type: 'credit', stream: 1, bytes: 10 })
    await lost.heard()
    lost.lose()
    await lost.turn()
    expect(cleaned).toBe(2)
  })

  test('of an ask that is over is let go, begun or not', async () => {
    const link = linkedTopics()
    const readable = new Readable({ read: () => {} })
    let give = (_value: unknown) => {}
    link.topics.topic('t').produce(() => new Promise((resolve) => (give = resolve)))
    await link.heard()
    link.hears(request(1), { type: 'cancel', request: 1, because: 'timeout' }, request(2))
    await link.heard()
    link.hears({ type: 'cancel', request: 2, because: 'timeout' })
    give(readable)
    expect(await link.heard()).toEqual([{ type: 'reply', request: 2, payload: { kind: 'none' } }])
    expect(readable.destroyed).toBe(true)
  })

  test('is one of a bounded number', async () => {
    const link = linkedTopics()
    link.topics.topic('t').produce(async function* () {
      yield new Uint8Array(1)
    })
    await link.heard()
    for (let n = 1; n <= 65; n++) link.hears(request(n))
    const said = await link.heard()
    expect(said.filter(({ type }) => type === 'reply')).toHaveLength(64)
    expect(said.at(-1)).toMatchObject({ type: 'fail', request: 65, error: { code: 'CAUCUS_OVERLOADED' } })
  })
})

describe('whoever asked', () => {
  const asking = async (more: Parameters<typeof linkedTopics>[0] = {}) => {
    const link = linkedTopics(more)
    const gathered = link.topics.topic('t').gather(1)
    await link.next('ask')
    link.hears(
      { type: 'answered', ask: 1, from: 'a', payload: { kind: 'stream', stream: 9 } },
      { type: 'finished', ask: 1, summary: summary({ expected: 1, replied: 1 }) },
    )
    const stream = (await gathered).replies[0]?.value as AsyncIterableIterator<Uint8Array>
    return { ...link, stream }
  }
  const chunk = (length: number) => ({ type: 'chunk', stream: 9, bytes: Buffer.alloc(length, 1) }) as const

  test('reads it at its own pace', async () => {
    const link = await asking()
    expect(await link.heard()).toEqual([])
    const first = link.stream.next()
    expect(await link.heard()).toEqual([{ type: 'credit', stream: 9, bytes: WINDOW }])
    link.hears(...Array.from({ length: 4 }, () => chunk(CHUNK)))
    expect((await first).value).toHaveLength(CHUNK)
    // Nothing more is let come before half of the window was read.
    expect(await link.heard()).toEqual([])
    await link.stream.next()
    expect(await link.heard()).toEqual([{ type: 'credit', stream: 9, bytes: 2 * CHUNK }])
    link.hears(chunk(3), { type: 'end', stream: 9 })
    const rest: number[] = []
    for await (const { length } of link.stream) rest.push(length)
    expect(rest).toEqual([CHUNK, CHUNK, 3])
    expect(await link.heard()).toEqual([])
  })

  test('stops it by leaving the loop', async () => {
    const link = await asking()
    const looping = (async () => {
      for await (const { length } of link.stream) return length
      return undefined
    })()
    await link.next('credit')
    link.hears(chunk(5))
    expect(await looping).toBe(5)
    expect(await link.heard()).toEqual([{ type: 'stop', stream: 9 }])
    link.hears(chunk(5))
    expect(await link.stream.next()).toEqual({ done: true, value: undefined })
  })

  test('hears how it failed: at its source, with the link, or with the connection', async () => {
    const failed = await asking()
    const error = {
      code: 'CAUCUS_HANDLER_FAILED',
      message: 'disk',
      retriable: false,
      definite: false,
      details: {},
    } as const
    failed.hears({ type: 'end', stream: 9, error })
    expect(await codeOf(failed.stream.next())).toBe('CAUCUS_HANDLER_FAILED')
    const lost = await asking()
    const reading = codeOf(lost.stream.next())
    lost.lose()
    expect(await reading).toBe('CAUCUS_CONNECTION_LOST')
    const closed = await asking()
    closed.remote.close()
    expect(await codeOf(closed.stream.next())).toBe('CAUCUS_CLOSED')
  })

  test('reads what its source gave before it failed, and then hears of that', async () => {
    const link = await asking()
    const first = link.stream.next()
    await link.next('credit')
    const error = {
      code: 'CAUCUS_HANDLER_FAILED',
      message: 'disk',
      retriable: false,
      definite: false,
      details: {},
    } as const
    link.hears(chunk(1), chunk(2), chunk(3), { type: 'end', stream: 9, error })
    // It is over: what becomes of the link is nothing to it.
    link.lose()
    expect([(await first).value?.length, (await link.stream.next()).value?.length]).toEqual([1, 2])
    expect([(await link.stream.next()).value?.length, await codeOf(link.stream.next())]).toEqual([
      3,
      'CAUCUS_HANDLER_FAILED',
    ])
    expect(await link.stream.next()).toEqual({ done: true, value: undefined })
  })

  test('and breaks off before it has come to a reply has that stopped, too', async () => {
    const link = linkedTopics()
    const ask = link.topics.topic('t').ask(1)
    await link.next('ask')
    link.hears(
      { type: 'answered', ask: 1, from: 'a', payload: json(1) },
      { type: 'answered', ask: 1, from: 'b', payload: { kind: 'stream', stream: 9 } },
      { type: 'finished', ask: 1, summary: summary({ expected: 2, replied: 2 }) },
    )
    expect((await ask.next()).value).toMatchObject({ from: 'a' })
    await ask.return()
    expect(await link.heard()).toEqual([{ type: 'stop', stream: 9 }])
  })

  test('and does not read it for a minute has it stopped; waiting for the source is reading', async () => {
    const link = await asking()
    const waiting = link.stream.next()
    await link.clock.play(150_000)
    link.hears(chunk(1))
    await waiting
    await settled()
    await link.heard()
    await link.clock.play(59_000)
    expect(await link.heard()).toEqual([])
    await link.clock.play(121_000)
    expect(await link.heard()).toEqual([{ type: 'stop', stream: 9 }])
    expect(await codeOf(link.stream.next())).toBe('CAUCUS_TIMEOUT')
  })

  test('is not flooded', async () => {
    const link = await asking()
    link.hears(chunk(1))
    expect(await codeOf(link.stream.next())).toBe('CAUCUS_PROTOCOL')
    expect(await link.heard()).toEqual([{ type: 'stop', stream: 9 }])
  })

  test('and does not want it any more has it stopped', async () => {
    const link = linkedTopics()
    const schema = {
      '~standard': { version: 1, vendor: 'test', validate: () => ({ issues: [{ message: 'no' }] }) },
    } as const
    const gathered = link.topics.topic('t', { reply: schema }).gather(1)
    await link.next('ask')
    const payload = { kind: 'stream', stream: 9 } as const
    link.hears({ type: 'answered', ask: 5, from: 'a', payload: { kind: 'stream', stream: 8 } })
    link.hears({ type: 'asked', ask: 1, expected: ['a'] }, { type: 'answered', ask: 1, from: 'a', payload })
    expect((await gathered).errors).toHaveLength(1)
    expect((await link.heard()).filter(({ type }) => type === 'stop')).toEqual([
      { type: 'stop', stream: 8 },
      { type: 'stop', stream: 9 },
    ])
  })

  test('may have a bounded number of them', async () => {
    const link = linkedTopics()
    const gathered = link.topics.topic('t').gather(1)
    await link.next('ask')
    for (let n = 1; n <= 65; n++) {
      link.hears({ type: 'answered', ask: 1, from: `p${n}`, payload: { kind: 'stream', stream: n } })
    }
    link.hears({ type: 'finished', ask: 1, summary: summary({ expected: 65, replied: 65 }) })
    const last = (await gathered).replies.at(-1)?.value as AsyncIterable<Uint8Array>
    expect(await codeOf(last[Symbol.asyncIterator]().next())).toBe('CAUCUS_OVERLOADED')
    expect(await link.heard()).toEqual([{ type: 'stop', stream: 65 }])
  })

  test('and only listens hears that it began', async () => {
    const link = linkedTopics()
    const listener = link.topics.topic('t').listen()
    await link.heard()
    link.hears({ type: 'heard', listener: 1, from: 'a', payload: { kind: 'stream', stream: 9 } })
    const { value } = await listener.next()
    const stream = (value as { value: AsyncIterable<Uint8Array> }).value
    expect(await codeOf(stream[Symbol.asyncIterator]().next())).toBe('CAUCUS_NOT_FOUND')
  })
})
