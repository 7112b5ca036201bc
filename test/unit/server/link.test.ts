import { once } from 'node:events'
import type { Socket } from 'node:net'
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest'
import { WebSocket } from 'ws'
import type {
  CoordinatorMessage,
  Holding,
  MemberMessage,
  Renew,
  ShareMessage,
} from '../../../src/core/group/messages.ts'
import type { ServerLimits } from '../../../src/server/options.ts'
import { decodeCoordinatorFrame, encodeFrame } from '../../../src/wire/frames.ts'
import { TestServer } from './harness.ts'

let server: TestServer
const clients: Client[] = []
const start = async (limits: Partial<ServerLimits> = {}) => {
  await server?.[Symbol.asyncDispose]()
  server = await TestServer.start({ limits })
}
beforeEach(() => start())
afterEach(async () => {
  for (const { socket } of clients.splice(0)) socket.terminate()
  await server[Symbol.asyncDispose]()
})

/** A member process as far as its frames go. */
class Client {
  readonly socket: WebSocket
  readonly frames: string[] = []
  #heard = 0

  constructor(path = '/v1/link', protocols: string[] = ['caucus.v2', 'caucus.v1']) {
    this.socket = new WebSocket(`ws://127.0.0.1:${server.port}${path}`, protocols)
    this.socket.on('message', (data) => this.frames.push(String(data)))
    this.socket.on('error', () => undefined)
    clients.push(this)
  }

  send(...messages: MemberMessage[]): void {
    this.socket.send(encodeFrame(messages))
  }

  /** The messages of the next frame. */
  async next(): Promise<readonly CoordinatorMessage[]> {
    while (this.frames.length <= this.#heard) await once(this.socket, 'message')
    const messages = decodeCoordinatorFrame(this.frames[this.#heard++] as string)
    return typeof messages === 'string' ? expect.fail(messages) : messages
  }

  async closed(): Promise<{ code: number; reason: string }> {
    const [code, reason] = await once(this.socket, 'close')
    return { code, reason: String(reason) }
  }
}

const open = async (): Promise<Client> => {
  const client = new Client()
  await client.next()
  return client
}

const renew = (member: string, more: Partial<Renew> = {}): Renew => ({
  type: 'renew',
  group: 'g',
  member,
  bootId: `boot-${member}`,
  sequence: 1,
  order: 0,
  holding: [],
  draining: [],
  acknowledged: [],
  ...more,
})

describe('a link', () => {
  test('begins with a hello, and speaks the protocol that the client asked for', async () => {
    const client = new Client()
    expect(await client.next()).toEqual([
      { type: 'hello', protocol: 2, clusterId: 'server-1', instanceId: 'server-1', generation: expect.any(Number) },
    ])
    expect(client.socket.protocol).toBe('caucus.v2')
    expect(await new Client('/v1/link?protocol=1', []).next()).toMatchObject([{ type: 'hello', protocol: 1 }])
  })

  test('answers all messages of a frame in one, and pushes what changes', async () => {
    const client = await open()
    client.send(renew('a'), renew('b'), renew('a', { group: 'other' }))
    const answers = (await client.next()) as ShareMessage[]
    expect(answers.map(({ type, group, member }) => [type, group, member])).toEqual([
      ['share', 'g', 'a'],
      ['share', 'g', 'b'],
      ['share', 'other', 'a'],
    ])
    await server.clock.play(1_500)
    const pushed = (await client.next()) as ShareMessage[]
    expect(pushed.map(({ group, member, holding }) => [group, member, holding[0]?.item])).toEqual([
      ['g', 'a', 1],
      ['g', 'b', 2],
      ['other', 'a', 1],
    ])
  })

  test('tells a fenced member, and whoever renews after that', async () => {
    const [older, newer] = [await open(), await open()]
    older.send(renew('a'))
    const [admitted] = (await older.next()) as ShareMessage[]
    newer.send(renew('a', { bootId: 'another' }))
    expect(await older.next()).toMatchObject([{ type: 'refused', code: 'CAUCUS_FENCED', bootId: 'boot-a' }])
    const { incarnation = 0, generation = 0 } = admitted ?? {}
    older.send(renew('a', { sequence: 2, incarnation, generation }))
    expect(await older.next()).toMatchObject([{ type: 'refused', code: 'CAUCUS_FENCED' }])
  })

  test('survives its member: the session ends by its lease, not with the connection', async () => {
    const client = await open()
    client.send(renew('a'))
    await client.next()
    client.socket.terminate()
    await once(client.socket, 'close')
    expect(server.hosting.viewOf('g')?.total).toBe(1)
  })
})

describe('the version of a link', () => {
  const helloOf = async (client: Client) => {
    const [hello] = await client.next()
    return { chosen: client.socket.protocol, protocol: hello?.type === 'hello' ? hello.protocol : undefined }
  }

  test.each([
    ['the newest of both', ['caucus.v2', 'caucus.v1'], 2],
    ['the newest of both, in whatever order', ['caucus.v1', 'caucus.v2'], 2],
    ['the newest that this server speaks', ['caucus.v9', 'caucus.v2', 'caucus.v1'], 2],
    ['the one that an older client speaks', ['caucus.v1'], 1],
    ['the one that is ours among others', ['mqtt', 'caucus.v1'], 1],
  ])('is %s', async (_what, offered, protocol) => {
    expect(await helloOf(new Client('/v1/link', offered))).toEqual({ chosen: `caucus.v${protocol}`, protocol })
  })

  test('is said clearly when there is none, and who has to be upgraded', async () => {
    const bytes = (offered: string) =>
      `GET /v1/link HTTP/1.1\r\nHost: localhost\r\nConnection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\nSec-WebSocket-Protocol: ${offered}\r\n\r\n`
    expect((await server.raw(bytes('caucus.v4, caucus.v3'))).error).toEqual({
      code: 'CAUCUS_PROTOCOL',
      message: 'the client speaks protocol 3 and 4, and this server speaks 1 and 2: upgrade caucus on this server',
      retriable: false,
      definite: true,
      details: { offered: [4, 3], spoken: [2, 1] },
    })
    expect((await server.raw(bytes('caucus.v0'))).error?.message).toContain('upgrade caucus on the client')
    expect((await server.raw(bytes('mqtt'))).error?.message).toContain('offer caucus.v2, caucus.v1 as a subprotocol')
  })

  test('is counted while it is an older one', async () => {
    const older = async () => /^caucus_links_older (\d+)/m.exec((await server.ask('GET', '/metrics')).text)?.[1]
    await open()
    expect(await older()).toBe('0')
    const client = new Client('/v1/link', ['caucus.v1'])
    await client.next()
    expect(await older()).toBe('1')
    client.socket.terminate()
    while ((await older()) !== '0') await new Promise((resolve) => setImmediate(resolve))
  })

  test('decides about fields that this server does not know: left out since version 2, the end of the link before', async () => {
    const newer = encodeFrame([{ ...renew('a'), novelty: { any: 1 } } as Renew])
    const [client, older] = [await open(), new Client('/v1/link', ['caucus.v1'])]
    await older.next()
    client.socket.send(newer)
    expect(await client.next()).toMatchObject([{ type: 'share', member: 'a' }])
    older.socket.send(newer)
    expect((await older.closed()).reason).toContain('unknown field "novelty"')
  })
})

describe('a link that says what no member says is closed, and nothing else is disturbed:', () => {
  test.each([
    ['no JSON', '{', 'not JSON'],
    ['no array', '{}', 'not an array'],
    ['another protocol', '[{"type":"renew2","v":2}]', 'unknown type'],
    [
      'an unknown field of an item',
      encodeFrame([renew('x', { holding: [{ item: 1, epoch: 1, x: 1 } as Holding] })]),
      'unknown field',
    ],
    ['a coordinator’s word', '[{"type":"left","group":"g","member":"a","bootId":"b"}]', 'unknown type'],
    ['brackets', '['.repeat(100_000), 'not JSON'],
    ['a type that cannot be a text', '[{"type":{"toString":1}}]', 'unknown type'],
    ['a type nested deeply', `[{"type":${'['.repeat(200_000)}${']'.repeat(200_000)}}]`, 'unknown type'],
    ['a hostile type', '[{"type":"\\n\\u0000é"}]', 'unknown type'],
  ])('%s', async (_what, text, why) => {
    const [bad, good] = [await open(), await open()]
    good.send(renew('a'))
    await good.next()
    const before = server.state()
    bad.socket.send(text)
    const { code, reason } = await bad.closed()
    expect(code).toBe(1002)
    expect(reason).toMatch(/^CAUCUS_PROTOCOL: [\x20-\x7e]+$/)
    expect(reason).toContain(why)
    expect(server.state()).toEqual(before)
    good.send(renew('a', { sequence: 2 }))
    expect(await good.next()).toMatchObject([{ type: 'share', sequence: 2 }])
  })

  test('a binary frame', async () => {
    const bad = await open()
    bad.socket.send(Buffer.from('[]'))
    expect((await bad.closed()).code).toBe(1002)
  })

  test('a frame at which the server itself fails', async () => {
    const good = await open()
    const attach = vi.spyOn(server.hosting, 'attach').mockImplementationOnce((deliver) => {
      deliver([{ type: 'hello', protocol: 1, clusterId: 'c', instanceId: 'i', generation: 1 }], 0)
      return {
        receive: () => {
          throw new Error('broken invariant')
        },
        close: () => undefined,
        gone: () => true,
      }
    })
    const bad = await open()
    attach.mockRestore()
    bad.send(renew('a'))
    expect(await bad.closed()).toEqual({ code: 1011, reason: expect.stringMatching(/^CAUCUS_BACKEND: /) })
    expect(server.logged.join()).toContain('a frame could not be taken, and its link was closed')
    good.send(renew('b'))
    expect(await good.next()).toMatchObject([{ type: 'share', member: 'b' }])
  })

  test('a frame above the limit', async () => {
    const bad = await open()
    bad.socket.send(`[${' '.repeat(2 ** 20)}]`)
    expect((await bad.closed()).code).toBe(1009)
  })

  test('a sound message before an unsound one of the same frame has no effect', async () => {
    const bad = await open()
    bad.send(renew('a'), { ...renew('b'), order: -1 })
    await bad.closed()
    expect(server.hosting.viewOf('g')).toBeUndefined()
  })
})

describe('an upgrade is refused with an error that a person can read:', () => {
  const handshake = (path: string, more = '') =>
    `GET ${path} HTTP/1.1\r\nHost: localhost\r\nConnection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\n${more}\r\n`

  test.each([
    ['of another version', handshake('/v1/link?protocol=3'), 400, 'CAUCUS_PROTOCOL'],
    [
      'of another version by name',
      handshake('/v1/link', 'Sec-WebSocket-Protocol: caucus.v3, caucus.v9\r\n'),
      400,
      'CAUCUS_PROTOCOL',
    ],
    ['of no version', handshake('/v1/link'), 400, 'CAUCUS_PROTOCOL'],
    ['of a version by another name', handshake('/v1/link', 'Sec-WebSocket-Protocol: mqtt\r\n'), 400, 'CAUCUS_PROTOCOL'],
    ['of two versions', handshake('/v1/link?protocol=1&protocol=2'), 400, 'CAUCUS_INVALID_ARGUMENT'],
    ['at another path', handshake('/index'), 404, 'CAUCUS_NOT_FOUND'],
    ['to another protocol', handshake('/v1/link').replace('websocket', 'h2c'), 400, 'CAUCUS_INVALID_ARGUMENT'],
    ['at no path at all', handshake('//'), 404, 'CAUCUS_NOT_FOUND'],
  ])('%s', async (_what, bytes, status, code) => {
    const answer = await server.raw(bytes)
    expect([answer.status, answer.error?.code]).toEqual([status, code])
  })

  test('a plain GET', async () => {
    const { status, error } = await server.ask('GET', '/v1/link')
    expect([status, error?.code]).toEqual([400, 'CAUCUS_INVALID_ARGUMENT'])
  })
})

describe('a link of which nothing is left', () => {
  test('is found by asking, and cut; one that answers stays', async () => {
    await start({ pingMs: 20 })
    const [dead, alive] = [await open(), await open()]
    // As a half-open connection: what comes is read by nobody, so no pong is sent.
    const raw = (dead.socket as unknown as { _socket: Socket })._socket
    raw.pause()
    const cut = async () => /^caucus_links_cut_total (\d+)/m.exec((await server.ask('GET', '/metrics')).text)?.[1]
    while ((await cut()) === '0') await once(alive.socket, 'ping')
    expect(alive.socket.readyState).toBe(WebSocket.OPEN)
    alive.send(renew('a'))
    expect(await alive.next()).toMatchObject([{ type: 'share' }])
  })

  test('is cut when nobody reads what it is told', async () => {
    await start({ linkBufferBytes: 50_000 })
    const client = await open()
    const raw = (client.socket as unknown as { _socket: Socket })._socket
    raw.pause()
    const closed = new Promise((resolve) => raw.on('close', resolve))
    const metadata = 'x'.repeat(3_000)
    for (let sequence = 1; !raw.destroyed && sequence < 100_000; sequence++) {
      client.send(...Array.from({ length: 9 }, (_, i) => renew(`m${i}`, { sequence, metadata })))
      if (sequence % 20 === 0) await new Promise((resolve) => setImmediate(resolve))
      if ((server.hosting.counters().links ?? 0) === 0) break
    }
    raw.resume()
    await closed
    expect(server.logged.join()).toContain('was not read by its client')
  })
})
