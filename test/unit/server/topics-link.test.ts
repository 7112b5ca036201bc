import type { Socket } from 'node:net'
import { afterEach, describe, expect, test } from 'vitest'
import type { AccessRule, Grant } from '../../../src/config/access.ts'
import { Access } from '../../../src/server/access/access.ts'
import type { AuditEntry } from '../../../src/server/access/audit.ts'
import type { ListenOptions } from '../../../src/server/options.ts'
import { TestServer } from './harness.ts'
import { json, TopicsClient } from './topics-client.ts'

const servers: TestServer[] = []
const clients: TopicsClient[] = []
afterEach(async () => {
  for (const { socket } of clients.splice(0)) socket.terminate()
  for (const server of servers.splice(0)) await server[Symbol.asyncDispose]()
})

const start = async (options: Partial<ListenOptions> = {}): Promise<TestServer> => {
  const server = await TestServer.start(options)
  servers.push(server)
  return server
}

const open = async ({ port }: TestServer, options: { token?: string; protocol?: number } = {}) => {
  const client = new TopicsClient(port, options)
  clients.push(client)
  return client.open()
}

const rule = (name: string, grant: Grant): AccessRule => ({
  name,
  credential: { type: 'token', token: `token-of-${name}` },
  grant,
})

describe('a link', () => {
  test('carries asks to other links and their answers back', async () => {
    const server = await start()
    const [asker, p, q] = [await open(server), await open(server), await open(server)]
    await p.produces(1, 'price', 'p')
    await q.produces(1, 'price', 'q')
    p.answers(json({ price: 7 }))
    q.answers({ kind: 'bytes', bytes: Buffer.alloc(512 * 1024, 9) })
    asker.asks(1, 'price')
    expect(await asker.hears('finished')).toMatchObject({ ask: 1, summary: { expected: 2, replied: 2 } })
    const [one, two] = asker.takes('answered').sort((a, b) => a.from.localeCompare(b.from))
    expect(one?.payload).toEqual({ kind: 'json', bytes: Buffer.from('{"price":7}') })
    expect(two?.payload.kind === 'bytes' && Buffer.alloc(512 * 1024, 9).equals(two.payload.bytes)).toBe(true)
  })

  test('tells a patient asker of all answers at once, with the end of its ask', async () => {
    const server = await start()
    const [asker, p, q] = [await open(server), await open(server), await open(server)]
    await p.produces(1, 'price', 'p')
    await q.produces(1, 'price', 'q')
    let frames = 0
    asker.socket.on('message', () => frames++)
    asker.asks(1, 'price', { patient: true })
    const [toP, toQ] = [await p.hears('request'), await q.hears('request')]
    p.says({ type: 'reply', request: toP.request, payload: json('from p') })
    // Once this is done, so is what was said before.
    await p.produces(2, 'other', 'p')
    q.says({ type: 'reply', request: toQ.request, payload: json('from q') })
    await asker.hears('finished')
    expect(frames).toBe(1)
    expect(asker.takes('answered').map(({ from }) => from)).toEqual(['p', 'q'])
  })

  test('does not keep for later what is large', async () => {
    const server = await start()
    const [asker, p, q] = [await open(server), await open(server), await open(server)]
    await p.produces(1, 'price', 'p')
    await q.produces(1, 'price', 'q')
    p.answers({ kind: 'bytes', bytes: Buffer.alloc(64 * 1024) })
    asker.asks(1, 'price', { patient: true })
    expect(await asker.hears('answered')).toMatchObject({ from: 'p' })
    const { request } = await q.hears('request')
    q.says({ type: 'reply', request, payload: json('from q') })
    expect(await asker.hears('finished')).toMatchObject({ summary: { replied: 2 } })
  })

  test('that is lost takes its producers off at once', async () => {
    const server = await start()
    const [asker, p] = [await open(server), await open(server)]
    await p.produces(1, 'price', 'p')
    asker.asks(1, 'price')
    await p.hears('request')
    p.socket.terminate()
    expect((await asker.hears('finished')).summary).toMatchObject({ missing: ['p'], left: ['p'] })
    expect((await server.ask('GET', '/v1/topics')).json).toEqual({ topics: [] })
  })

  test.each([
    ['no form of ours', Buffer.from('[]'), 'the frame is of no form that is known'],
    ['nothing', Buffer.alloc(0), 'the frame is of no form that is known'],
    ['an unknown message', Buffer.from([1, 99]), 'message 1: its type is unknown'],
    ['half a message', Buffer.from([1, 6, 1, 200]), 'message 1: it ends too soon'],
    ['no topic', Buffer.from([1, 4, 1, 0]), 'message 1: topic name is empty'],
    ['no time', Buffer.from([1, 6, 1, 1, 0x74, 0, 0, 0]), 'message 1: withinMs is 0'],
    ['a payload that is no JSON', Buffer.from([1, 6, 1, 1, 0x74, 1, 0, 100, 1, 0x7b]), 'the request is not JSON'],
    ['a reply to nobody', Buffer.from([1, 8, 7, 0]), 'there was no request 7'],
  ])('that sends %s is closed, and no other', async (_what, frame, why) => {
    const server = await start()
    const [good, bad] = [await open(server), await open(server)]
    await good.produces(1, 'price', 'p')
    good.answers()
    bad.socket.send(frame)
    expect(await bad.closed()).toContain(`1002 CAUCUS_PROTOCOL: `)
    expect(await bad.closed()).toContain(why)
    good.asks(1, 'price')
    expect((await good.hears('finished')).summary.replied).toBe(1)
  })

  test('of version 1 has no topics', async () => {
    const server = await start()
    const old = await open(server, { protocol: 1 })
    old.asks(1, 'price')
    expect(await old.closed()).toBe('1002 CAUCUS_PROTOCOL: a frame is text')
  })
})

describe('what a link may do on topics', () => {
  const RULES = [
    rule('shop', { role: 'member', topics: ['price', 'shop-*'] }),
    rule('all', { role: 'member' }),
    rule('viewer', { role: 'read' }),
  ]

  test('is what the entry says: no more, and each refusal by itself', async () => {
    const lines: AuditEntry[] = []
    const server = await start({ access: new Access(RULES), audit: (line) => lines.push(line) })
    const [shop, all] = [await open(server, { token: 'token-of-shop' }), await open(server, { token: 'token-of-all' })]
    await all.produces(1, 'secret', 'p')
    await shop.produces(1, 'shop-berlin', 'p')
    shop.says(
      { type: 'produce', producer: 2, topic: 'secret', id: 'p', concurrency: 1 },
      { type: 'listen', listener: 1, topic: 'secret' },
      { type: 'listen', listener: 2, topic: 'price' },
    )
    shop.asks(1, 'secret')
    shop.says({ type: 'abandon', ask: 1 }, { type: 'leave', producer: 2 })
    shop.asks(2, 'price')
    await shop.hears('finished')
    expect(shop.takes('denied').map(({ what, key, error: { code } }) => [what, key, code])).toEqual([
      ['producer', 2, 'CAUCUS_FORBIDDEN'],
      ['listener', 1, 'CAUCUS_FORBIDDEN'],
      ['ask', 1, 'CAUCUS_FORBIDDEN'],
    ])
    expect(all.takes('request')).toEqual([])
    all.asks(1, 'shop-berlin')
    expect(await shop.hears('request')).toMatchObject({ from: expect.stringMatching(/^all#\d+$/) })
    expect(lines.map(({ identity, message }) => [identity, message])).toContainEqual([
      'shop',
      expect.stringContaining('may not ask on the topic "secret"'),
    ])
  })

  test('ends when the entries change', async () => {
    const access = new Access(RULES)
    const server = await start({ access })
    const [shop, all] = [await open(server, { token: 'token-of-shop' }), await open(server, { token: 'token-of-all' })]
    await shop.produces(1, 'price', 'p')
    await shop.produces(2, 'shop-berlin', 'q')
    all.asks(1, 'price')
    await shop.hears('request')
    access.replace([rule('shop', { role: 'member', topics: ['shop-*'] }), rule('all', { role: 'member' })])
    expect(await shop.hears('denied')).toMatchObject({ what: 'producer', key: 1, error: { code: 'CAUCUS_FORBIDDEN' } })
    expect((await all.hears('finished')).summary.left).toEqual(['p'])
    all.asks(2, 'shop-berlin')
    expect(await shop.hears('request')).toMatchObject({ producer: 2 })
  })

  test('is so much a second, and answers do not count', async () => {
    const server = await start({ access: new Access(RULES), limits: { asksPerSecond: 1, asksBurst: 5 } })
    const [shop, all] = [await open(server, { token: 'token-of-shop' }), await open(server, { token: 'token-of-all' })]
    await all.produces(1, 'price', 'p')
    all.answers()
    // The address has a share of its own, of which the producer took one.
    for (let ask = 1; ask <= 6; ask++) shop.asks(ask, 'price')
    const denied = [await shop.hears('denied'), await shop.hears('denied')]
    expect(denied).toMatchObject([
      { key: 5, error: { code: 'CAUCUS_OVERLOADED' } },
      { key: 6, error: { code: 'CAUCUS_OVERLOADED', details: { retryAfterMs: expect.any(Number) } } },
    ])
    for (let ask = 1; ask <= 4; ask++) await shop.hears('finished')
  })

  test('costs as many as it makes others say, so that a few small asks are no flood for all', async () => {
    const server = await start({ access: new Access(RULES), limits: { asksPerSecond: 0.001, asksBurst: 100 } })
    const [shop, all] = [await open(server, { token: 'token-of-shop' }), await open(server, { token: 'token-of-all' })]
    for (let producer = 1; producer <= 30; producer++) await all.produces(producer, 'price', `p-${producer}`)
    all.answers()
    // In one frame, and more than there is for all of them: as many are let through as there is something left for.
    const ask = { type: 'ask', topic: 'price', until: 'all', withinMs: 5_000, named: false, patient: false } as const
    shop.says(...[1, 2, 3, 4].map((number) => ({ ...ask, ask: number, payload: json(number) })))
    expect((await shop.hears('denied')).key).toBe(3)
    expect((await shop.hears('denied')).key).toBe(4)
    expect((await shop.hears('finished')).summary.replied).toBe(30)
    expect((await shop.hears('finished')).summary.replied).toBe(30)
    // One that costs more than there is at most is taken as long as nothing else was, and every other is denied.
    const http = { headers: { authorization: 'Bearer token-of-shop' }, body: '1' }
    const refused = await server.ask('POST', '/v1/topics/price/requests', http)
    expect([refused.status, refused.error?.code]).toEqual([429, 'CAUCUS_OVERLOADED'])
    expect((await server.ask('POST', '/v1/topics/price/requests?id=p-1', http)).status).toBe(200)
    const views = ['/v1/topics', '/v1/topics/price'].map((path) => server.ask('GET', path, http))
    expect((await Promise.all(views)).map(({ status }) => status)).toEqual([429, 429])
  })
})

describe('a process that does not read', () => {
  /** Of `ws`, whose own `pause` goes on reading what has arrived. */
  const socketOf = ({ socket }: TopicsClient): Socket => (socket as unknown as { _socket: Socket })._socket

  test('as an asker gets failures in the place of replies, while others are served', async () => {
    const server = await start({ topicsLimits: { linkBytes: 2 ** 20 } })
    const [slow, fast, p] = [await open(server), await open(server), await open(server)]
    await p.produces(1, 'big', 'p')
    p.answers({ kind: 'bytes', bytes: Buffer.alloc(400_000) })
    slow.asks(1, 'nobody')
    await slow.hears('finished')
    socketOf(slow).pause()
    for (let ask = 2; ask <= 40; ask++) slow.asks(ask, 'big')
    fast.asks(2, 'big')
    expect((await fast.hears('finished')).summary.ending).toBe('met')
    const { text } = await server.ask('GET', '/metrics')
    expect(Number(/^caucus_ask_outcomes_total\{outcome="error"\} (\d+)$/m.exec(text)?.[1])).toBeGreaterThan(0)
  })

  test('as a producer is not asked any more', async () => {
    const server = await start({ topicsLimits: { linkBytes: 2 ** 20 } })
    const [asker, slow] = [await open(server), await open(server)]
    await slow.produces(1, 'big', 'p')
    socketOf(slow).pause()
    for (let ask = 1; ask <= 60; ask++)
      asker.asks(ask, 'big', { payload: { kind: 'bytes', bytes: Buffer.alloc(200_000) } })
    const failed = await asker.hears('failed')
    expect(failed).toMatchObject({ outcome: 'refused', error: { code: 'CAUCUS_OVERLOADED' } })
  })

  test('as a listener disturbs nobody, and hears of the gap when it reads again', async () => {
    const server = await start({ topicsLimits: { linkBytes: 2 ** 20 } })
    const [asker, p, ears] = [await open(server), await open(server), await open(server)]
    await p.produces(1, 'big', 'p')
    p.answers({ kind: 'bytes', bytes: Buffer.alloc(400_000) })
    ears.says({ type: 'listen', listener: 1, topic: 'big' })
    ears.asks(1, 'nobody')
    await ears.hears('finished')
    socketOf(ears).pause()
    for (let ask = 1; ask <= 40; ask++) {
      asker.asks(ask, 'big')
      expect((await asker.hears('finished')).summary.replied).toBe(1)
    }
    socketOf(ears).resume()
    const { dropped } = await ears.hears('gap')
    expect(ears.takes('heard').length + dropped).toBe(40)
  })
})

test('a flood of asks is refused beyond what one process may have under way, and leaves nothing', async () => {
  const server = await start({ topicsLimits: { asksPerLink: 50 } })
  const [flood, p] = [await open(server), await open(server)]
  await p.produces(1, 'price', 'p')
  for (let ask = 1; ask <= 500; ask++) flood.asks(ask, 'price')
  for (let n = 0; n < 450; n++)
    expect(await flood.hears('denied')).toMatchObject({ error: { code: 'CAUCUS_OVERLOADED' } })
  flood.socket.terminate()
  for (let n = 0; n < 50; n++) expect(await p.hears('cancel')).toMatchObject({ because: 'abandoned' })
  const { text } = await server.ask('GET', '/metrics')
  expect(text).toContain('caucus_topic_asks 0')
  expect(text).toContain('caucus_topic_requests 0')
})
