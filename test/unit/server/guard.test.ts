import { once } from 'node:events'
import { afterEach, describe, expect, test } from 'vitest'
import { WebSocket } from 'ws'
import type { ListenOptions } from '../../../src/server/options.ts'
import { TestServer } from './harness.ts'

const servers: TestServer[] = []
const start = async (options: Partial<ListenOptions> = {}): Promise<TestServer> => {
  const server = await TestServer.start(options)
  servers.push(server)
  return server
}
afterEach(async () => {
  for (const server of servers.splice(0)) await server[Symbol.asyncDispose]()
})

const ROUTES = [
  ['GET', '/index'],
  ['DELETE', '/session'],
  ['GET', '/v1/groups'],
  ['PUT', '/v1/groups/g/members/a'],
  ['DELETE', '/v1/groups/g/members/a'],
  ['GET', '/v1/groups/g/events'],
  ['GET', '/healthz'],
  ['GET', '/metrics'],
  ['GET', '/nowhere'],
] as const

/** The status of an upgrade that is refused; 101 when it is taken. */
const upgrade = async (server: TestServer, headers: Record<string, string>, path = '/v1/link?protocol=1') => {
  const socket = new WebSocket(`ws://127.0.0.1:${server.port}${path}`, { headers })
  socket.on('error', () => undefined)
  const [event] = await Promise.race([
    once(socket, 'open').then(() => ['open'] as const),
    once(socket, 'unexpected-response').then(([, response]) => [response.statusCode as number] as const),
  ])
  socket.terminate()
  return event === 'open' ? 101 : event
}

describe('a server on loopback', () => {
  test.each(['localhost', 'LOCALHOST', 'localhost.', '127.0.0.1', '127.8.9.10:80', '[::1]:1234'])(
    'is called %s',
    async (host) => {
      const server = await start()
      expect((await server.ask('GET', '/healthz', { headers: { host } })).status).toBe(200)
      expect(await upgrade(server, { host })).toBe(101)
    },
  )

  test.each([
    'evil.example',
    'localhost.evil.example',
    '127.0.0.1.evil.example:8989',
    '10.0.0.1',
    '0.0.0.0',
    '[fe80::1]',
    '2130706433',
  ])('refuses to be called %s, on every route, whatever else is right', async (host) => {
    const server = await start()
    const before = server.state()
    for (const [method, path] of ROUTES) {
      const headers = { host, 'bloc-session-id': 'a' }
      const answer = await server.ask(method, path, { headers, body: '{"bootId":"b","sequence":1}' })
      expect([path, answer.status, answer.error?.code]).toEqual([path, 403, 'CAUCUS_FORBIDDEN'])
    }
    expect(await upgrade(server, { host })).toBe(403)
    expect(server.state()).toEqual(before)
  })

  test.each(['a b', 'user@localhost', 'localhost:99999999', '[::1', 'localhost/x'])(
    'cannot be called %j',
    async (host) => {
      const server = await start()
      expect((await server.ask('GET', '/healthz', { headers: { host } })).status).toBe(400)
    },
  )

  test('needs a Host on HTTP/1.1', async () => {
    const server = await start()
    for (const host of ['', 'Host:\r\n']) {
      const { status, error } = await server.raw(`GET /healthz HTTP/1.1\r\n${host}Connection: close\r\n\r\n`)
      expect([status, error?.code]).toEqual([400, 'CAUCUS_INVALID_ARGUMENT'])
    }
  })

  test('serves its own pages and no others', async () => {
    const server = await start()
    const own = `http://127.0.0.1:${server.port}`
    expect((await server.ask('GET', '/healthz', { headers: { origin: own } })).status).toBe(200)
    expect(await upgrade(server, { origin: own })).toBe(101)
    for (const origin of [
      'https://evil.example',
      'null',
      `https://127.0.0.1:${server.port}`,
      'http://localhost:1',
      '',
    ]) {
      for (const [method, path] of ROUTES) {
        const answer = await server.ask(method, path, { headers: { origin, 'bloc-session-id': 'a' } })
        expect([path, answer.status, answer.error?.code]).toEqual([path, 403, 'CAUCUS_FORBIDDEN'])
      }
      expect(await upgrade(server, { origin })).toBe(403)
    }
  })
})

describe('a server with a token', () => {
  const token = 'correct-horse'

  test('asks for it on every route but /healthz', async () => {
    const server = await start({ token })
    for (const authorization of ['', 'Bearer', 'Bearer wrong-horse!!', 'Basic correct-horse', `Bearer ${token}x`]) {
      for (const [method, path] of ROUTES.filter(([, each]) => each !== '/healthz')) {
        const answer = await server.ask(method, path, { headers: { authorization, 'bloc-session-id': 'a' } })
        expect([path, answer.status, answer.error?.code]).toEqual([path, 401, 'CAUCUS_UNAUTHORIZED'])
        expect(answer.text).not.toContain(token)
        expect(answer.headers['www-authenticate']).toBe('Bearer')
      }
      expect(await upgrade(server, { authorization })).toBe(401)
    }
    expect((await server.ask('GET', '/healthz')).status).toBe(200)
    expect((await server.ask('GET', '/healthz/../metrics')).status).toBe(401)
  })

  test('serves whoever has it', async () => {
    const server = await start({ token: ['another-horse', token] })
    for (const authorization of [`Bearer ${token}`, `bearer  ${token}`, 'Bearer another-horse']) {
      expect((await server.ask('GET', '/v1/groups', { headers: { authorization } })).status).toBe(200)
      expect(await upgrade(server, { authorization })).toBe(101)
    }
  })

  test('still refuses strangers by Host', async () => {
    const server = await start({ token })
    const headers = { authorization: `Bearer ${token}`, host: 'evil.example' }
    expect((await server.ask('GET', '/v1/groups', { headers })).status).toBe(403)
  })
})

describe('listening', () => {
  const refused = (options: Partial<ListenOptions>) =>
    TestServer.start(options).then(
      () => expect.fail('it listens'),
      (error) => error,
    )

  test('beyond loopback needs a token or the word that it may be insecure', async () => {
    for (const host of ['0.0.0.0', '::']) {
      expect(await refused({ host })).toMatchObject({
        code: 'CAUCUS_INVALID_CONFIG',
        message: expect.stringMatching(/--token-file.*--insecure/),
      })
    }
    const withToken = await start({ host: '0.0.0.0', token: 'correct-horse' })
    const headers = { authorization: 'Bearer correct-horse', host: 'any.name.example:80' }
    expect((await withToken.ask('GET', '/v1/groups', { headers })).status).toBe(200)
    const insecure = await start({ host: '0.0.0.0', insecure: true })
    expect((await insecure.ask('GET', '/v1/groups')).status).toBe(200)
  })

  describe('beyond loopback without a token', () => {
    test.each(['10.1.2.3', '[fe80::1]:80', 'localhost', 'caucus:8989', 'Caucus.', '0.0.0.0'])(
      'it is called %s',
      async (host) => {
        const server = await start({ host: '0.0.0.0', insecure: true })
        expect((await server.ask('GET', '/v1/groups', { headers: { host } })).status).toBe(200)
        expect(await upgrade(server, { host })).toBe(101)
      },
    )

    test('no page that was led here by a name of its own gets an answer, with and without Origin', async () => {
      const server = await start({ host: '0.0.0.0', insecure: true })
      for (const host of ['evil.example', `evil.example:${server.port}`, '10.1.2.3.evil.example', '0x0a.1']) {
        for (const origin of [{}, { origin: `http://${host}` }]) {
          for (const [method, path] of ROUTES) {
            const answer = await server.ask(method, path, { headers: { host, 'bloc-session-id': 'a', ...origin } })
            expect([path, answer.status, answer.error?.code]).toEqual([path, 403, 'CAUCUS_FORBIDDEN'])
          }
          expect(await upgrade(server, { host, ...origin })).toBe(403)
        }
      }
    })
  })

  test.each([[''], ['short'], ['with a space in it'], ['with\nnewline'], [[]]])(
    'refuses the token %j',
    async (token) => {
      expect(await refused({ token })).toMatchObject({ code: 'CAUCUS_INVALID_CONFIG' })
    },
  )

  test.each([-1, 65_536, 1.5, Number.NaN])('refuses the port %d', async (port) => {
    expect(await refused({ port })).toMatchObject({ code: 'CAUCUS_INVALID_CONFIG' })
  })

  test('on a port in use says so', async () => {
    const { port } = await start()
    expect(await refused({ port })).toMatchObject({
      code: 'CAUCUS_CONFLICT',
      message: expect.stringContaining(`another process listens on 127.0.0.1:${port} already`),
    })
  })

  test('on an address of another machine, or on no name, says so', async () => {
    expect(await refused({ host: '192.0.2.1', insecure: true })).toMatchObject({ code: 'CAUCUS_INVALID_CONFIG' })
    expect(await refused({ host: 'no-such-name.invalid', insecure: true })).toMatchObject({
      code: 'CAUCUS_INVALID_CONFIG',
      message: expect.stringContaining('nobody knows this name'),
    })
  })

  test('on localhost says where', async () => {
    const server = await start({ host: 'localhost' })
    expect(server.url).toBe(`http://localhost:${server.port}`)
    expect((await server.ask('GET', '/healthz')).status).toBe(200)
  })
})
