import { once } from 'node:events'
import type { Socket } from 'node:net'
import { afterEach, describe, expect, test } from 'vitest'
import { WebSocket } from 'ws'
import type { ListenOptions, ServerLimits } from '../../../src/server/options.ts'
import { TestServer } from './harness.ts'

const servers: TestServer[] = []
const start = async (limits: Partial<ServerLimits> = {}, more: Partial<ListenOptions> = {}): Promise<TestServer> => {
  const server = await TestServer.start({ limits, ...more })
  servers.push(server)
  return server
}
afterEach(async () => {
  for (const server of servers.splice(0)) await server[Symbol.asyncDispose]()
})

const read = async (socket: Socket): Promise<string> => {
  const parts: Buffer[] = []
  socket.on('data', (part) => parts.push(part))
  await once(socket, 'close')
  return Buffer.concat(parts).toString()
}

describe('a request that is too much is refused with a number:', () => {
  test('headers', async () => {
    const server = await start({ headerBytes: 4_096 })
    const { status, error } = await server.raw(
      `GET /healthz HTTP/1.1\r\nHost: localhost\r\nX: ${'x'.repeat(9_000)}\r\n\r\n`,
    )
    expect(status).toBe(413)
    expect(error).toMatchObject({ code: 'CAUCUS_TOO_LARGE', message: expect.stringContaining('4096') })
    expect((await server.poll('a')).status).toBe(200)
  })

  test('a URL', async () => {
    const server = await start()
    const { status, error } = await server.ask('GET', `/v1/groups/${'x'.repeat(9_000)}`)
    expect([status, error?.code]).toEqual([413, 'CAUCUS_TOO_LARGE'])
  })

  test('connections, while those that are there are served on', async () => {
    const server = await start({ connections: 2 })
    const poll = (socket: Socket) =>
      new Promise<string>((resolve) => {
        socket.once('data', (data) => resolve(String(data)))
        socket.write('GET /index HTTP/1.1\r\nHost: localhost\r\nBloc-Session-ID: a\r\n\r\n')
      })
    const [one, two] = [await server.connect(), await server.connect()]
    expect(await poll(one)).toContain('200 OK')
    const surplus = await server.connect()
    const refused = await poll(surplus)
    expect(refused).toContain('429 Too Many Requests')
    expect(refused).toContain('CAUCUS_OVERLOADED')
    if (!surplus.destroyed) await once(surplus, 'close')
    const late = new WebSocket(`ws://127.0.0.1:${server.port}/v1/link?protocol=1`)
    late.on('error', () => undefined)
    const [, response] = await once(late, 'unexpected-response')
    expect(response.statusCode).toBe(429)
    expect(await poll(two)).toContain('200 OK')
    one.destroy()
    two.destroy()
    for (;;) {
      const { status } = await server.poll('b')
      if (status === 200) break
    }
  })
})

describe('a request that does not get on is ended:', () => {
  test('headers that never end', async () => {
    const server = await start({ headersTimeoutMs: 50 })
    const socket = await server.connect()
    socket.write('GET /index HTTP/1.1\r\nHost: local')
    const text = await read(socket)
    expect(text).toContain('504')
    expect(text).toContain('CAUCUS_TIMEOUT')
    expect((await server.poll('a')).status).toBe(200)
  })

  test('a connection that says nothing at all', async () => {
    const server = await start({ headersTimeoutMs: 50 })
    await read(await server.connect())
  })

  test('a body that never ends', async () => {
    const server = await start({ headersTimeoutMs: 50, requestTimeoutMs: 100 })
    const socket = await server.connect()
    socket.write('PUT /v1/groups/g/members/a HTTP/1.1\r\nHost: localhost\r\nContent-Length: 100\r\n\r\n{')
    expect(await read(socket)).toContain('CAUCUS_TIMEOUT')
    expect(server.hosting.viewOf('g')).toBeUndefined()
  })

  test('an answer that nobody reads', async () => {
    const server = await TestServer.start({ limits: { silenceMs: 50 } }, { groups: 10, membersPerGroup: 250 })
    servers.push(server)
    const metadata = 'x'.repeat(4_000)
    for (let i = 0; i < 250; i++) await server.put(`/v1/groups/g/members/m${i}`, { bootId: 'b', sequence: 1, metadata })
    const socket = await server.connect()
    socket.pause()
    socket.on('error', () => undefined)
    // Sixteen answers of a megabyte: more than the buffers of both systems take.
    socket.write('GET /v1/groups HTTP/1.1\r\nHost: localhost\r\n\r\n'.repeat(16))
    const cut = async () =>
      /^caucus_connections_cut_total (\d+)$/m.exec((await server.ask('GET', '/metrics')).text)?.[1]
    while ((await cut()) !== '1');
    expect((await server.poll('a')).status).toBe(200)
  })

  test('a client that goes away in the middle of its body', async () => {
    const server = await start()
    const socket = await server.connect()
    socket.write('PUT /v1/groups/g/members/a HTTP/1.1\r\nHost: localhost\r\nContent-Length: 100\r\n\r\n{')
    socket.resetAndDestroy()
    expect((await server.poll('a')).status).toBe(200)
    expect(server.hosting.viewOf('g')).toBeUndefined()
  })
})

describe('what is no HTTP', () => {
  test('behind a request that is still at work waits for the answer to that one', async () => {
    const server = await start()
    await server.put('/v1/groups/g/members/a', { bootId: 'b', sequence: 1, share: { partitions: 4 } })
    const socket = await server.connect()
    // An order is answered once it is durable, which is later than this very turn.
    socket.write('PUT /v1/groups/g/freeze HTTP/1.1\r\nHost: localhost\r\n\r\nnonsense\r\n\r\n')
    const text = await read(socket)
    expect([...text.matchAll(/HTTP\/1\.1 (\d+)/g)].map(([, status]) => status)).toEqual(['200', '400'])
    expect(text.indexOf('{"frozen":true}')).toBeLessThan(text.indexOf('CAUCUS_PROTOCOL'))
  })

  test.each([
    ['noise', '\x16\x03\x01\x02\x00\x01\r\n\r\n'],
    [
      'two lengths',
      'PUT /v1/groups/g/members/a HTTP/1.1\r\nHost: localhost\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\n{}',
    ],
    [
      'a length and chunks',
      'PUT /v1/groups/g/members/a HTTP/1.1\r\nHost: localhost\r\nContent-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n',
    ],
    ['another version', 'GET /healthz HTTP/9.9\r\nHost: localhost\r\n\r\n'],
  ])('is refused: %s', async (_what, bytes) => {
    const server = await start()
    const { status, error } = await server.raw(bytes)
    expect([status, error?.code]).toEqual([400, 'CAUCUS_PROTOCOL'])
    expect((await server.poll('a')).status).toBe(200)
  })
})

describe('closing', () => {
  test('answers what is under way, tells links to go away, and ends', async () => {
    const server = await start()
    const link = new WebSocket(`ws://127.0.0.1:${server.port}/v1/link?protocol=1`)
    await once(link, 'message')
    const gone = once(link, 'close')
    const slow = await server.connect()
    const body = '{"bootId":"b","sequence":1}'
    slow.write(`PUT /v1/groups/g/members/a HTTP/1.1\r\nHost: localhost\r\nContent-Length: ${body.length}\r\n\r\n`)
    await server.ask('GET', '/healthz')
    const closing = server.close()
    const [code, reason] = await gone
    expect([code, String(reason)]).toEqual([1001, 'CAUCUS_UNAVAILABLE: the server is stopping'])
    const answer = read(slow)
    slow.write(body)
    expect(await answer).toContain('200 OK')
    await closing
    await expect(server.connect()).rejects.toMatchObject({ code: 'ECONNREFUSED' })
  })

  test('refuses what comes on an open connection meanwhile', async () => {
    const server = await start()
    const [busy, idle] = [await server.connect(), await server.connect()]
    busy.write('PUT /v1/groups/g/members/a HTTP/1.1\r\nHost: localhost\r\nContent-Length: 5\r\n\r\n')
    idle.write('GET /healthz HTTP/1.1\r\nHost: loc')
    await server.ask('GET', '/healthz')
    const closing = server.close()
    const answer = read(idle)
    idle.write('alhost\r\n\r\n')
    expect(await answer).toMatch(/503 .*CAUCUS_UNAVAILABLE/s)
    busy.destroy()
    await closing
  })

  test('waits for nobody longer than its limit', async () => {
    const server = await start({ drainMs: 50 })
    const stuck = await server.connect()
    stuck.on('error', () => undefined)
    stuck.write('PUT /v1/groups/g/members/a HTTP/1.1\r\nHost: localhost\r\nContent-Length: 100\r\n\r\n{')
    await server.ask('GET', '/healthz')
    await server.close()
  })

  test('a second time, in a hurry, cuts at once what the first waits for', async () => {
    const server = await start({ drainMs: 1_000_000 })
    const stuck = await server.connect()
    stuck.on('error', () => undefined)
    stuck.write('PUT /v1/groups/g/members/a HTTP/1.1\r\nHost: localhost\r\nContent-Length: 100\r\n\r\n{')
    await server.ask('GET', '/healthz')
    const closing = server.close()
    await server.close({ drain: false })
    await closing
  })

  test('leaves the coordinator to its owner', async () => {
    const server = await start()
    await server.poll('a')
    await server.close()
    expect(server.hosting.viewOf('default')?.total).toBe(1)
  })
})
