import { createServer, request, type Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import { fastify } from 'fastify'
import { afterEach, describe, expect, test } from 'vitest'
import {
  type LeaderInfo,
  type LeaderOnlyOptions,
  type LeaderSource,
  leaderOnly,
} from '../../../src/adapters/leader-only.ts'

const servers: { close(): unknown }[] = []
afterEach(() => {
  for (const server of servers.splice(0)) server.close()
})

const listening = async (server: Server): Promise<number> => {
  servers.push(server)
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  return (server.address() as AddressInfo).port
}
/** The leader's own web server: says what it was asked. */
const leaderServer = () =>
  listening(
    createServer((incoming, response) => {
      let body = ''
      incoming.on('data', (part) => {
        body += part
      })
      incoming.on('end', () => {
        response.writeHead(201, { 'x-from': 'leader' }).end(`${incoming.method} ${incoming.url} ${body}`)
      })
    }),
  )
/** As Express and Connect call a middleware. */
const follower = (source: LeaderSource, options?: LeaderOnlyOptions) => {
  const only = leaderOnly(source, options)
  return listening(createServer((incoming, response) => only(incoming, response, () => response.end('mine'))))
}
const leader = (port?: number): LeaderInfo => ({
  host: '127.0.0.1',
  port: 1,
  identifier: 'server_b',
  metadata: port === undefined ? {} : { server_port: port },
})
const following = (port?: number): LeaderSource => ({ isLeader: false, leader: leader(port) })
const ask = (port: number, init: RequestInit = {}) =>
  fetch(`http://127.0.0.1:${port}/page?x=1`, { redirect: 'manual', ...init })

describe('requests', () => {
  test('go through on the leader', async () => {
    expect(await (await ask(await follower({ isLeader: true, leader: leader() }))).text()).toBe('mine')
    const original: LeaderSource = { isLeader: () => true, getLeaderInfo: () => leader() }
    expect(await (await ask(await follower(original))).text()).toBe('mine')
  })

  test('are redirected to it elsewhere, with their method, and nobody remembers that', async () => {
    const answer = await ask(await follower(following(8002)), { method: 'POST' })
    expect([answer.status, answer.headers.get('location'), answer.headers.get('cache-control')]).toEqual([
      307,
      'http://127.0.0.1:8002/page?x=1',
      'no-store',
    ])
    const original: LeaderSource = { isLeader: () => false, getLeaderInfo: () => leader(8003) }
    expect((await ask(await follower(original))).headers.get('location')).toBe('http://127.0.0.1:8003/page?x=1')
  })

  test('are passed on, bodies included, and the answer comes back', async () => {
    const port = await follower(following(await leaderServer()), { otherwise: 'forward' })
    const answer = await ask(port, { method: 'PUT', body: 'some body' })
    expect([answer.status, answer.headers.get('x-from'), await answer.text()]).toEqual([
      201,
      'leader',
      'PUT /page?x=1 some body',
    ])
  })

  test('are framed again: a chunked body of a DELETE is none of the next request', async () => {
    const port = await follower(following(await leaderServer()), { otherwise: 'forward' })
    const said = await new Promise<string>((resolve) => {
      const options = {
        host: '127.0.0.1',
        port,
        method: 'DELETE',
        path: '/page',
        headers: { 'transfer-encoding': 'chunked' },
      }
      request(options, async (answer) => {
        let text = ''
        for await (const part of answer) text += part
        resolve(text)
      }).end('GET /smuggled HTTP/1.1\r\nhost: x\r\n\r\n')
    })
    expect(said).toBe('DELETE /page GET /smuggled HTTP/1.1\r\nhost: x\r\n\r\n')
  })

  test('are framed again: a length that its sender wants to be left behind is not', async () => {
    const port = await follower(following(await leaderServer()), { otherwise: 'forward' })
    const body = 'GET /smuggled HTTP/1.1\r\nhost: x\r\n\r\n'
    const said = await new Promise<string>((resolve) => {
      const options = {
        host: '127.0.0.1',
        port,
        method: 'GET',
        path: '/page',
        headers: { connection: 'close, content-length', 'content-length': body.length },
      }
      request(options, async (answer) => {
        let text = ''
        for await (const part of answer) text += part
        resolve(text)
      }).end(body)
    })
    expect(said).toBe(`GET /page ${body}`)
  })

  test('are not passed to and fro between two who each take the other for the leader', async () => {
    const port = await follower(following(1), { otherwise: 'forward' })
    const again = await ask(port, { headers: { 'x-caucus-forwarded': '1' } })
    expect([again.status, await again.json()]).toMatchObject([503, { error: { code: 'CAUCUS_NOT_LEADER' } }])
  })

  test.each<[string, LeaderSource, LeaderOnlyOptions, string]>([
    ['while nobody leads', { isLeader: false, leader: undefined }, {}, 'CAUCUS_NO_QUORUM'],
    ['of the predecessor too', { isLeader: () => false, getLeaderInfo: () => null }, {}, 'CAUCUS_NO_QUORUM'],
    ['when the leader says no port', following(), {}, 'CAUCUS_NOT_LEADER'],
    [
      'when the leader says a port that there is none of',
      following(99_999),
      { otherwise: 'forward' },
      'CAUCUS_NOT_LEADER',
    ],
    ['when that is what was asked for', following(8002), { otherwise: 'refuse' }, 'CAUCUS_NOT_LEADER'],
    ['when the leader cannot be reached', following(1), { otherwise: 'forward' }, 'CAUCUS_UNAVAILABLE'],
  ])('are refused %s', async (_when, source, options, code) => {
    const answer = await ask(await follower(source, options))
    expect([answer.status, answer.headers.get('retry-after'), await answer.json()]).toMatchObject([
      503,
      '1',
      { error: { code } },
    ])
  })

  test('lead nowhere but to the leader, whatever they say that they are for', async () => {
    const port = await follower(following(8002))
    const location = await new Promise((resolve) => {
      request({ host: '127.0.0.1', port, path: 'http://evil.example/x' }, (answer) => {
        answer.resume()
        resolve(answer.headers.location)
      }).end()
    })
    expect(location).toBe('http://127.0.0.1:8002/x')
  })

  test('of Fastify, too', async () => {
    const target = await leaderServer()
    for (const [source, otherwise, expected] of [
      [{ isLeader: true, leader: leader() }, 'redirect', [200, 'mine']],
      [following(target), 'redirect', [307, '']],
      [following(target), 'forward', [201, 'POST /page?x=1 {"a":1}']],
    ] as const) {
      const app = fastify()
      servers.push(app)
      app.addHook('onRequest', leaderOnly(source, { otherwise }))
      app.post('/page', () => 'mine')
      await app.listen({ host: '127.0.0.1', port: 0 })
      const { port } = app.server.address() as AddressInfo
      const answer = await ask(port, {
        method: 'POST',
        body: '{"a":1}',
        headers: { 'content-type': 'application/json' },
      })
      expect([answer.status, await answer.text()]).toEqual(expected)
    }
  })
})

test('a way that nobody knows is refused', () => {
  const options = { otherwise: 'elsewhere' } as unknown as LeaderOnlyOptions
  expect(() => leaderOnly(following(), options)).toThrow('takes one of redirect, forward, refuse')
})
