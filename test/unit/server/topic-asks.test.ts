import { once } from 'node:events'
import type { IncomingMessage } from 'node:http'
import { setImmediate as aTurn } from 'node:timers/promises'
import { Ajv2020 } from 'ajv/dist/2020.js'
import { afterEach, describe, expect, test } from 'vitest'
import type { AccessRule, Grant } from '../../../src/config/access.ts'
import type { AsksSeen } from '../../../src/core/dispatch/sight.ts'
import { TopicsHost } from '../../../src/runtime/dispatch/topics-host.ts'
import { Access } from '../../../src/server/access/access.ts'
import type { ListenOptions } from '../../../src/server/options.ts'
import { SimulatedClock } from '../../../src/testing/simulated-clock.ts'
import { AsksSeen as Schema } from '../../../src/wire/topic-asks.ts'
import { TestCluster } from './forwarding/peers.ts'
import { TestServer } from './harness.ts'
import { json, TopicsClient } from './topics-client.ts'

const fits = new Ajv2020({ strict: false }).compile(Schema)

let server: TestServer | undefined
let clock: SimulatedClock
const clients: TopicsClient[] = []
afterEach(async () => {
  for (const { socket } of clients.splice(0)) socket.terminate()
  await server?.[Symbol.asyncDispose]()
  server = undefined
})

const start = async (options: Partial<ListenOptions> = {}): Promise<TestServer> => {
  clock = new SimulatedClock(1_000)
  const onFault = (error: unknown) => {
    throw error
  }
  server = await TestServer.start({ topics: new TopicsHost({ clock, onFault }), ...options })
  return server
}

const client = async (port: number, token?: string): Promise<TopicsClient> => {
  const opened = await new TopicsClient(port, token === undefined ? {} : { token }).open()
  clients.push(opened)
  return opened
}

/** The connection may stay for another request. */
const LAST_CHUNK = '\r\n0\r\n\r\n'

/** A reader of the stream, event by event. */
class Watching {
  readonly #text: () => Promise<string | undefined>
  #rest = ''
  head = ''

  constructor(text: () => Promise<string | undefined>) {
    this.#text = text
  }

  static async open(to: TestServer, path = '/v1/topics/price/asks', headers = ''): Promise<Watching> {
    const socket = await to.connect()
    const pieces: string[] = []
    let isOver = false
    let news: () => void = () => undefined
    socket.on('data', (part) => {
      pieces.push(String(part))
      news()
    })
    socket.on('close', () => {
      isOver = true
      news()
    })
    const watching = new Watching(async () => {
      while (pieces.length === 0 && !isOver) {
        await new Promise<void>((resolve) => {
          news = resolve
        })
      }
      return pieces.shift()
    })
    socket.write(`GET ${path} HTTP/1.1\r\nHost: localhost\r\n${headers}\r\n`)
    watching.head = (await watching.until('\r\n\r\n')) ?? ''
    return watching
  }

  /** `undefined`: it has ended. */
  async until(end: string): Promise<string | undefined> {
    while (!this.#rest.includes(end)) {
      if (this.#rest.endsWith(LAST_CHUNK)) return undefined
      const text = await this.#text()
      if (text === undefined) return undefined
      this.#rest += text
    }
    const at = this.#rest.indexOf(end) + end.length
    const found = this.#rest.slice(0, at)
    this.#rest = this.#rest.slice(at)
    return found
  }

  async next(): Promise<AsksSeen | undefined> {
    const block = await this.until('}\n\n')
    if (block === undefined) return undefined
    const [, event, data] = /event: (.*)\ndata: (.*)\n\n$/.exec(block) ?? []
    expect(event).toBe('asks')
    const seen = JSON.parse(data ?? 'null')
    expect([fits(seen), fits.errors]).toEqual([true, null])
    return seen
  }
}

describe('the asks of a topic', () => {
  test('are shown as they go on, with who was asked and what became of each, and without what was said', async () => {
    const { port } = await start()
    const producer = await client(port)
    await producer.produces(1, 'price', 'shop-1')
    await producer.produces(2, 'price', 'shop-2')
    const watching = await Watching.open(server as TestServer)
    expect(watching.head).toMatch(/^HTTP\/1\.1 200 OK\r\n[\s\S]*content-type: text\/event-stream/i)
    expect(await watching.next()).toMatchObject({ anew: true, asks: [], producers: 2, rates: { asksPerSecond: 0 } })

    const asker = await client(port)
    const ask = {
      type: 'ask',
      ask: 1,
      topic: 'price',
      until: 'all',
      withinMs: 300,
      named: false,
      patient: false,
    } as const
    asker.says({ ...ask, payload: json('the secret question') })
    const { request } = await producer.hears('request')
    producer.says({ type: 'reply', request, payload: json('the secret answer') })
    await asker.hears('answered')
    await clock.play(250)
    const under = await watching.next()
    expect(under).toMatchObject({
      anew: false,
      asks: [
        {
          ...{ ageMs: 250, withinMs: 300, expected: 2, replied: 1 },
          lanes: [
            { id: 'shop-1', outcome: 'reply', afterMs: 0 },
            { id: 'shop-2', outcome: 'waiting' },
          ],
        },
      ],
    })
    await clock.play(250)
    const over = await watching.next()
    expect(over?.asks).toMatchObject([
      { ending: 'timeout', tookMs: 300, missing: 1, lanes: [{}, { outcome: 'timeout' }] },
    ])
    const told = JSON.stringify([under, over])
    for (const word of ['secret', 'payload', 'link#']) expect(told).not.toContain(word)
    expect((await server?.ask('GET', '/v1/topics/price'))?.json).toMatchObject({
      rates: { asksPerSecond: 1, repliesPerSecond: 1, timeoutsPerSecond: 1, p50Ms: expect.closeTo(300, -2) },
    })
  })

  test('are told to many readers alike, as one picture', async () => {
    const { port } = await start()
    const producer = await client(port)
    await producer.produces(1, 'price', 'shop-1')
    const readers = await Promise.all(Array.from({ length: 5 }, () => Watching.open(server as TestServer)))
    for (const each of readers) await each.next()
    producer.says({
      ...{ type: 'ask', ask: 1, topic: 'price', until: 'all', withinMs: 300, named: false, patient: false },
      payload: json(1),
    })
    await producer.hears('request')
    await clock.play(250)
    const [first, ...others] = await Promise.all(readers.map((each) => each.next()))
    expect(first?.asks).toHaveLength(1)
    for (const other of others) expect(other).toEqual(first)
  })

  test('reach a reader through a peer that does not lead', async () => {
    await using cluster = await TestCluster.start()
    const { leader, follower } = cluster
    const producer = await client(leader.port)
    await producer.produces(1, 'price', 'shop-1')
    const asked = follower.begin('GET', '/v1/topics/price/asks')
    asked.end()
    const [response] = (await once(asked, 'response')) as [IncomingMessage]
    const pieces = response[Symbol.asyncIterator]()
    const watching = new Watching(async () => {
      const { value, done } = await pieces.next()
      return done === true ? undefined : String(value)
    })
    expect(await watching.next()).toMatchObject({ anew: true, producers: 1 })
    expect(await leader.number('caucus_streams')).toBe(1)
    producer.says({
      ...{ type: 'ask', ask: 1, topic: 'price', until: 'all', withinMs: 300, named: false, patient: false },
      payload: json(1),
    })
    let seen = await watching.next()
    while (seen?.asks.length === 0) seen = await watching.next()
    expect(seen?.asks[0]?.lanes[0]?.id).toBe('shop-1')
    response.destroy()
    await expect.poll(() => leader.number('caucus_streams')).toBe(0)
  })

  test('have a limited number of readers, who give their place back', async () => {
    await start({ limits: { streams: 1 } })
    const socket = await (server as TestServer).connect()
    socket.write('GET /v1/topics/price/asks HTTP/1.1\r\nHost: localhost\r\n\r\n')
    await once(socket, 'data')
    const refused = await server?.ask('GET', '/v1/topics/price/asks')
    expect([refused?.status, refused?.error?.code]).toEqual([429, 'CAUCUS_OVERLOADED'])
    socket.destroy()
    const streams = async () => /^caucus_streams (\d+)$/m.exec((await server?.ask('GET', '/metrics'))?.text ?? '')?.[1]
    while ((await streams()) !== '0') await aTurn()
    await Watching.open(server as TestServer)
  })

  test('end with the server', async () => {
    await start()
    const watching = await Watching.open(server as TestServer)
    await watching.next()
    const ended = watching.next()
    await server?.close({ drain: false })
    expect(await ended).toBeUndefined()
  })

  test.each([
    ['a topic that has no name', '/v1/topics/%20%0a/asks', 400],
    ['one that is longer than a name', `/v1/topics/${'x'.repeat(200)}/asks`, 400],
    ['one that is not UTF-8', '/v1/topics/%ff/asks', 400],
  ])('are not shown of %s', async (_, path, status) => {
    await start()
    expect((await server?.ask('GET', path))?.status).toBe(status)
  })

  test('are read and nothing else', async () => {
    await start()
    for (const method of ['POST', 'PUT', 'DELETE', 'HEAD']) {
      expect((await server?.ask(method, '/v1/topics/price/asks'))?.status).toBe(405)
    }
    const cross = await server?.ask('GET', '/v1/topics/price/asks', { headers: { origin: 'https://evil.example' } })
    expect(cross?.status).toBe(403)
  })
})

describe('who may see the asks of a topic', () => {
  const rule = (name: string, grant: Grant): AccessRule => ({
    name,
    credential: { type: 'token', token: `token-of-${name}` },
    grant,
  })
  const rules = [rule('eyes', { role: 'read', topics: ['price'] }), rule('ops', { role: 'admin' })]
  const as = (name: string) => `Authorization: Bearer token-of-${name}\r\n`
  const status = async (path: string, name?: string) =>
    (
      await server?.ask(
        'GET',
        path,
        name === undefined ? {} : { headers: { authorization: `Bearer token-of-${name}` } },
      )
    )?.status

  test('is whoever may read it', async () => {
    await start({ access: new Access(rules) })
    expect(await status('/v1/topics/price/asks')).toBe(401)
    expect(await status('/v1/topics/stock/asks', 'eyes')).toBe(403)
    expect((await Watching.open(server as TestServer, undefined, as('eyes'))).head).toContain('200 OK')
    expect((await Watching.open(server as TestServer, '/v1/topics/stock/asks', as('ops'))).head).toContain('200 OK')
  })

  test('is asked again when the entries change', async () => {
    const access = new Access(rules)
    await start({ access })
    const [eyes, ops] = [
      await Watching.open(server as TestServer, undefined, as('eyes')),
      await Watching.open(server as TestServer, undefined, as('ops')),
    ]
    await eyes.next()
    await ops.next()
    const ended = eyes.next()
    access.replace(rules.slice(1))
    expect(await ended).toBeUndefined()
    const producer = await client((server as TestServer).port, 'token-of-ops')
    await producer.produces(1, 'price', 'shop-1')
    await clock.play(1_000)
    expect(await ops.next()).toMatchObject({ producers: 1 })
  })
})
