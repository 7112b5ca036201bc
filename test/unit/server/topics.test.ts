import { once } from 'node:events'
import type { Socket } from 'node:net'
import { afterEach, describe, expect, test } from 'vitest'
import type { AccessRule, Grant } from '../../../src/config/access.ts'
import type { Payload } from '../../../src/core/dispatch/link-messages.ts'
import { CaucusError } from '../../../src/errors.ts'
import { TopicsHost } from '../../../src/runtime/dispatch/topics-host.ts'
import { Access } from '../../../src/server/access/access.ts'
import type { ListenOptions } from '../../../src/server/options.ts'
import { SimulatedClock } from '../../../src/testing/simulated-clock.ts'
import { type Answer, type Ask, TestServer } from './harness.ts'
import { json, TopicsClient } from './topics-client.ts'

let server: TestServer
let clock: SimulatedClock
const clients: TopicsClient[] = []
afterEach(async () => {
  for (const { socket } of clients.splice(0)) socket.terminate()
  await server[Symbol.asyncDispose]()
})

/** A server whose asks run by a clock that the test moves. */
const start = async (options: Partial<ListenOptions> = {}, limits = {}): Promise<TopicsHost> => {
  clock = new SimulatedClock(1_000)
  const topics = new TopicsHost({
    clock,
    limits,
    onFault: (error) => {
      throw error
    },
  })
  server = await TestServer.start({ topics, ...options })
  return topics
}
const producer = async (id: string, topic = 'price', token?: string): Promise<TopicsClient> => {
  const client = await new TopicsClient(server.port, token === undefined ? {} : { token }).open()
  clients.push(client)
  await client.produces(1, topic, id)
  return client
}
const reply = async (client: TopicsClient, payload: Payload): Promise<void> => {
  const { request } = await client.hears('request')
  client.says({ type: 'reply', request, payload })
}

/** An asker that reads line by line. */
class Asker {
  readonly socket: Socket
  head = ''
  #text = ''
  #news: () => void = () => undefined

  private constructor(socket: Socket) {
    this.socket = socket
    socket.on('data', (part) => {
      this.#text += part
      this.#news()
    })
    socket.on('close', () => this.#news())
  }

  /** Resolves with the head of the answer. */
  static async ask(query = '', body = '{}', path = '/v1/topics/price/requests'): Promise<Asker> {
    const asker = new Asker(await server.connect())
    const head = `POST ${path}${query} HTTP/1.1\r\nHost: localhost\r\nContent-Length: ${Buffer.byteLength(body)}`
    asker.socket.write(`${head}\r\n\r\n${body}`)
    asker.head = await asker.#until('\r\n\r\n')
    return asker
  }

  /** The next line, without what marks it as a chunk. */
  async line(): Promise<Record<string, unknown>> {
    for (;;) {
      const chunk = await this.#until('\n')
      if (chunk.startsWith('{')) return JSON.parse(chunk)
    }
  }

  async #until(end: string): Promise<string> {
    while (!this.#text.includes(end)) {
      if (this.socket.destroyed) throw new Error('the connection is closed')
      await new Promise<void>((resolve) => {
        this.#news = resolve
      })
    }
    const at = this.#text.indexOf(end) + end.length
    const text = this.#text.slice(0, at)
    this.#text = this.#text.slice(at)
    return text
  }
}

const ask = (body: string | Buffer, query = '', more: Ask = {}): Promise<Answer> =>
  server.ask('POST', `/v1/topics/price/requests${query}`, { body, ...more })
const linesOf = ({ text }: Answer): Record<string, unknown>[] =>
  text
    .trim()
    .split('\n')
    .map((line) => JSON.parse(line))

describe('an ask over HTTP', () => {
  test('is answered at once, and then with a line for each answer as it arrives', async () => {
    await start()
    const [a, b] = [await producer('a'), await producer('b')]
    const asker = await Asker.ask('?within=300', '{"sku":"milk"}')
    expect(asker.head).toMatch(/^HTTP\/1\.1 200 OK\r\n[\s\S]*content-type: application\/x-ndjson/i)
    const asked = await b.hears('request')
    expect(asked).toMatchObject({ producer: 1, from: 'anybody', remainingMs: 300 })
    expect(asked.payload).toEqual({ kind: 'json', bytes: Buffer.from('{"sku":"milk"}') })
    b.says({ type: 'reply', request: asked.request, payload: json({ cents: 119 }) })
    expect(await asker.line()).toEqual({ type: 'reply', from: 'b', value: { cents: 119 } })
    const { request } = await a.hears('request')
    const error = new CaucusError('CAUCUS_HANDLER_FAILED', 'no such sku').toJSON()
    a.says({ type: 'fail', request, outcome: 'error', error })
    expect(await asker.line()).toEqual({ type: 'error', from: 'a', outcome: 'error', error })
    expect(await asker.line()).toEqual({
      ...{ type: 'summary', expected: 2, replied: 1, errors: 1, missing: [], late: 0, ending: 'exhausted' },
      ...{ refused: 0, left: [], released: [] },
    })
  })

  test('of nobody ends at once, and says so in its only line', async () => {
    await start()
    const answer = await ask('null')
    expect(answer.status).toBe(200)
    expect(linesOf(answer)).toMatchObject([{ type: 'summary', ending: 'nobody', code: 'CAUCUS_NO_RESPONDERS' }])
  })

  test('ends at its limit, and names who is missing', async () => {
    await start()
    const client = await producer('a')
    const asker = await Asker.ask('?within=300')
    await client.hears('request')
    await clock.play(300)
    expect(await asker.line()).toMatchObject({ missing: ['a'], ending: 'timeout', code: 'CAUCUS_TIMEOUT' })
    expect(await client.hears('cancel')).toMatchObject({ because: 'timeout' })
  })

  test('carries bytes and JSON as they are, whatever its content type', async () => {
    await start()
    const client = await producer('a')
    const bytes = Buffer.from([0, 255, 10])
    const sent = ask(bytes, '', { headers: { 'content-type': 'application/octet-stream' } })
    const { request, payload } = await client.hears('request')
    expect(payload).toEqual({ kind: 'bytes', bytes })
    client.says({ type: 'reply', request, payload: { kind: 'bytes', bytes } })
    expect(linesOf(await sent)[0]).toEqual({ type: 'reply', from: 'a', base64: 'AP8K' })
    const form = ask('[12345678901234567890]', '', {
      headers: { 'content-type': 'application/x-www-form-urlencoded' },
    })
    await reply(client, { kind: 'json', bytes: Buffer.from('{\n "big": 12345678901234567890 }') })
    expect((await form).text).toContain('"value":{  "big": 12345678901234567890 }}\n')
    const none = ask('1')
    await reply(client, { kind: 'none' })
    expect(linesOf(await none)[0]).toEqual({ type: 'reply', from: 'a' })
  })

  test('says in its query when it is enough and whom it is for', async () => {
    await start()
    const [a, b] = [await producer('a'), await producer('b c')]
    const first = ask('1', '?until=first')
    await a.hears('request')
    await reply(b, json(1))
    expect(linesOf(await first)[1]).toMatchObject({ expected: 2, replied: 1, released: ['a'], ending: 'met' })
    expect(await a.hears('cancel')).toMatchObject({ because: 'met' })
    const one = ask('1', '?id=b%20c&id=x')
    await reply(b, json(2))
    expect(linesOf(await one)[1]).toMatchObject({ expected: 1, ending: 'met' })
    expect(linesOf(await ask('1', `?metadata=${encodeURIComponent('{"zone":"a"}')}`))).toMatchObject([{ expected: 0 }])
  })

  test('whose connection is closed stops those who work on it', async () => {
    const topics = await start()
    const client = await producer('a')
    const asker = await Asker.ask()
    await client.hears('request')
    asker.socket.destroy()
    expect(await client.hears('cancel')).toMatchObject({ because: 'abandoned' })
    expect(topics.sizes()).toMatchObject({ asks: 0, requests: 0 })
  })

  test('ends with the server, and says so', async () => {
    const topics = await start()
    const client = await producer('a')
    const asker = await Asker.ask()
    await client.hears('request')
    const closed = server.close()
    expect(await asker.line()).toMatchObject({ type: 'failed', error: { code: 'CAUCUS_CLOSED' } })
    await closed
    expect(topics.sizes().asks).toBe(0)
  })

  test('turns a reply that is a stream into a failure, before it counts', async () => {
    await start()
    const client = await producer('a')
    const sent = ask('1')
    const { request } = await client.hears('request')
    client.says({ type: 'reply', request, payload: { kind: 'stream', stream: request } })
    expect(linesOf(await sent)).toMatchObject([
      { type: 'error', from: 'a', error: { code: 'CAUCUS_TOO_LARGE' } },
      { type: 'summary', replied: 0, errors: 1 },
    ])
  })

  test('of somebody who does not read gets failures once too much waits, and nobody else does', async () => {
    await start({ limits: { linkBufferBytes: 2 ** 20 } })
    const ids = Array.from({ length: 40 }, (_, i) => `p${i}`)
    const slowClient = await producer('p0')
    for (const [i, id] of ids.entries()) if (i > 0) await slowClient.produces(i + 1, 'price', id)
    const asker = await Asker.ask()
    asker.socket.pause()
    for (const _ of ids) {
      const { request } = await slowClient.hears('request')
      slowClient.says({ type: 'reply', request, payload: { kind: 'bytes', bytes: Buffer.alloc(512 * 1024) } })
    }
    slowClient.answers(json(1))
    expect(linesOf(await ask('1'))).toHaveLength(41)
    asker.socket.resume()
    const lines: Record<string, unknown>[] = []
    while (lines.at(-1)?.type !== 'summary') lines.push(await asker.line())
    const failed = lines.filter(({ type }) => type === 'error')
    expect(failed.length).toBeGreaterThan(0)
    expect(failed[0]).toMatchObject({ error: { code: 'CAUCUS_OVERLOADED' } })
    expect(lines.at(-1)).toMatchObject({ expected: 40, replied: 40 - failed.length, errors: failed.length })
  })
})

describe('how many asks there may be', () => {
  test('is limited as streams are, in all and for each', async () => {
    for (const limits of [{ streams: 1 }, { streamsPerAddress: 1 }]) {
      await start({ limits })
      await producer('a')
      const asker = await Asker.ask()
      const refused = await ask('1')
      expect([refused.status, refused.error?.code]).toEqual([429, 'CAUCUS_OVERLOADED'])
      asker.socket.destroy()
      while ((await ask('1', '?until=first&id=none')).status !== 200);
      await server[Symbol.asyncDispose]()
    }
    await start()
  })

  test('is limited by the host of the topics, too, which the status says', async () => {
    await start({}, { asks: 1 })
    await producer('a')
    await Asker.ask()
    const refused = await ask('1')
    expect([refused.status, refused.error?.code]).toEqual([429, 'CAUCUS_OVERLOADED'])
  })
})

const rule = (name: string, grant: Grant): AccessRule => ({
  name,
  credential: { type: 'token', token: `token-of-${name}` },
  grant,
})
const as = (name: string) => ({ headers: { authorization: `Bearer token-of-${name}` } })

describe('what a token allows', () => {
  const rules = [
    rule('ops', { role: 'admin' }),
    rule('shop', { role: 'member', topics: ['price', 'stock-*'] }),
    rule('eyes', { role: 'read', topics: ['price'] }),
  ]

  test('is to see and to ask, where its topics are', async () => {
    await start({ access: new Access(rules) })
    await producer('a', 'price', 'token-of-shop')
    await producer('b', 'other', 'token-of-ops')
    const seen = async (name: string) => {
      const { json } = await server.ask('GET', '/v1/topics', as(name))
      return (json as { topics: { topic: string }[] }).topics.map(({ topic }) => topic)
    }
    expect([await seen('ops'), await seen('shop'), await seen('eyes')]).toEqual([
      ['price', 'other'],
      ['price'],
      ['price'],
    ])
    const status = async (name: string, method: string, path: string) =>
      (await server.ask(method, path, { ...as(name), ...(method === 'POST' && { body: '1' }) })).status
    expect(await status('shop', 'GET', '/v1/topics/price')).toBe(200)
    expect(await status('shop', 'GET', '/v1/topics/other')).toBe(403)
    expect(await status('shop', 'GET', '/v1/topics/stock-1')).toBe(404)
    expect(await status('eyes', 'GET', '/v1/topics/price')).toBe(200)
    expect(await status('eyes', 'POST', '/v1/topics/price/requests')).toBe(403)
    expect(await status('shop', 'POST', '/v1/topics/other/requests')).toBe(403)
    expect(await status('shop', 'POST', '/v1/topics/stock-1/requests')).toBe(200)
    expect((await ask('1')).status).toBe(401)
  })

  test('ends an ask when it is taken away', async () => {
    const access = new Access(rules)
    await start({ access })
    const client = await producer('a', 'price', 'token-of-ops')
    const sent = ask('1', '', as('shop'))
    expect(await client.hears('request')).toMatchObject({ from: 'shop' })
    access.replace(rules.filter(({ name }) => name !== 'shop'))
    expect(linesOf(await sent)).toMatchObject([{ type: 'failed', error: { code: 'CAUCUS_FORBIDDEN' } }])
    expect(await client.hears('cancel')).toMatchObject({ because: 'abandoned' })
  })
})

describe('the topics', () => {
  test('are shown as long as somebody is there', async () => {
    await start()
    expect((await server.ask('GET', '/v1/topics')).json).toEqual({ topics: [] })
    const client = await producer('a', 'price list')
    client.says({ type: 'listen', listener: 1, topic: 'price list' })
    client.says({ type: 'produce', producer: 2, topic: 'price list', id: 'b', concurrency: 3, metadata: { zone: 1 } })
    await client.hears('produced')
    const view = {
      topic: 'price list',
      producers: [
        { id: 'a', concurrency: 1, queued: 0 },
        { id: 'b', concurrency: 3, queued: 0, metadata: { zone: 1 } },
      ],
      listeners: 1,
      late: 0,
      rates: { asksPerSecond: 0, repliesPerSecond: 0, errorsPerSecond: 0, refusedPerSecond: 0, timeoutsPerSecond: 0 },
    }
    expect((await server.ask('GET', '/v1/topics/price%20list')).json).toEqual(view)
    expect((await server.ask('GET', '/v1/topics')).json).toEqual({ topics: [view] })
    const gone = once(client.socket, 'close')
    client.socket.close()
    await gone
    const none = await server.ask('GET', '/v1/topics/price%20list')
    expect([none.status, none.error?.code]).toEqual([404, 'CAUCUS_NOT_FOUND'])
  })
})

describe('a wrong request is refused, and nobody is asked', () => {
  const PATH = '/v1/topics/price/requests'
  test.each<[what: string, path: string, ask: Ask, status: number, code: string]>([
    ['without a body', PATH, {}, 400, 'CAUCUS_INVALID_ARGUMENT'],
    ['with an empty body', PATH, { body: '' }, 400, 'CAUCUS_INVALID_ARGUMENT'],
    ['with half of JSON', PATH, { body: '{"a":' }, 400, 'CAUCUS_INVALID_ARGUMENT'],
    ['that is not UTF-8', PATH, { body: Buffer.from([0x22, 0xff, 0x22]) }, 400, 'CAUCUS_INVALID_ARGUMENT'],
    ['with a request that is too long', PATH, { body: `"${'x'.repeat(2 ** 19)}"` }, 413, 'CAUCUS_TOO_LARGE'],
    ['with a body that is too long', PATH, { body: 'x'.repeat(2 ** 20 + 1) }, 413, 'CAUCUS_TOO_LARGE'],
    ['without any time', `${PATH}?within=0`, { body: '1' }, 400, 'CAUCUS_INVALID_ARGUMENT'],
    ['with endless time', `${PATH}?within=1e999`, { body: '1' }, 400, 'CAUCUS_INVALID_ARGUMENT'],
    ['with another word', `${PATH}?wihtin=1`, { body: '1' }, 400, 'CAUCUS_INVALID_ARGUMENT'],
    ['on a topic that has no name', '/v1/topics/%01/requests', { body: '1' }, 400, 'CAUCUS_INVALID_ARGUMENT'],
    ['on one that has none in UTF-8', '/v1/topics/%ff/requests', { body: '1' }, 400, 'CAUCUS_INVALID_ARGUMENT'],
    ['of another site', PATH, { body: '1', headers: { origin: 'http://example.org' } }, 403, 'CAUCUS_FORBIDDEN'],
  ])('%s', async (_what, path, asked, status, code) => {
    const topics = await start()
    await producer('a')
    const answer = await server.ask('POST', path, asked)
    expect([answer.status, answer.error?.code]).toEqual([status, code])
    expect(topics.counters().asks).toBe(0)
  })

  test('with another method', async () => {
    await start()
    const answer = await server.ask('PUT', PATH, { body: '1' })
    expect([answer.status, answer.headers.allow]).toEqual([405, 'POST'])
  })
})
