import { once } from 'node:events'
import { createServer, type IncomingMessage, type RequestListener, type Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import { afterEach, describe, expect, test, vi } from 'vitest'
import { BlocClient } from '../../../src/compat/index.ts'
import { type CaucusError, isCaucusError } from '../../../src/errors.ts'

const INTERVAL_S = 60

let server: Server
let seen: { line: string; session: string; socket: unknown }[] = []
const clients: BlocClient[] = []

afterEach(async () => {
  await Promise.all(clients.splice(0).map((client) => client.stopService()))
  server?.closeAllConnections()
  server?.close()
  seen = []
})

const sessionOf = ({ headers }: IncomingMessage) =>
  Buffer.from(String(headers['bloc-session-id']), 'latin1').toString('utf8')

const serve = async (answer: RequestListener): Promise<string> => {
  server = createServer((request, response) => {
    seen.push({ line: `${request.method} ${request.url}`, session: sessionOf(request), socket: request.socket })
    answer(request, response)
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  return `127.0.0.1:${(server.address() as AddressInfo).port}`
}

const start = (...args: ConstructorParameters<typeof BlocClient>): BlocClient => {
  const client = new BlocClient(...args)
  clients.push(client)
  client.startService()
  return client
}

const SETTLED = JSON.stringify({ status: 'SETTLED', index: 1, total: 1 })

describe('BlocClient', () => {
  test('polls with its session, says its slot, and leaves on the connection that it kept', async () => {
    const address = await serve((request, response) => response.end(request.method === 'GET' ? SETTLED : '{}'))
    const client = start(address, INTERVAL_S, { sessionId: 'Grüße 1' })
    expect(client.getIndexTotal()).toBeNull()
    await vi.waitFor(() => expect(client.getIndexTotal()).toEqual([1, 1]))

    const stopped = client.stopService()
    expect(client.getIndexTotal()).toBeNull()
    await stopped
    expect(seen.map(({ line }) => line)).toEqual(['GET /index', 'DELETE /session'])
    expect(seen.map(({ session }) => session)).toEqual(['Grüße 1', 'Grüße 1'])
    expect(seen[1]?.socket).toBe(seen[0]?.socket)
  })

  test('takes the answers of the original: in chunks, as HTML, without a lease', async () => {
    const address = await serve((_, response) => {
      response.setHeader('Content-Type', 'text/html')
      response.write(SETTLED.slice(0, 10))
      setImmediate(() => response.end(SETTLED.slice(10)))
    })
    const client = start(`http://${address}/`, INTERVAL_S)
    await vi.waitFor(() => expect(client.getIndexTotal()).toEqual([1, 1]))
  })

  test('has an id of its own unless it is given one', () => {
    const ids = [new BlocClient('a:1', 1), new BlocClient('a:1', 1)].map(({ sessionId }) => sessionId)
    expect(new Set(ids).size).toBe(2)
  })

  test('starts once, stops once, and may start again after that', async () => {
    const address = await serve((request, response) => response.end(request.method === 'GET' ? SETTLED : '{}'))
    const client = start(address, INTERVAL_S)
    client.startService()
    await vi.waitFor(() => expect(client.getIndexTotal()).not.toBeNull())
    const stopped = client.stopService()
    expect(client.stopService()).toBe(stopped)
    client.startService()
    await vi.waitFor(() => expect(client.getIndexTotal()).not.toBeNull())
    expect(seen.map(({ line }) => line)).toEqual(['GET /index', 'DELETE /session', 'GET /index'])
  })

  test('that is stopped before it began never joins', async () => {
    const address = await serve((_, response) => response.end(SETTLED))
    await start(address, INTERVAL_S).stopService()
    expect(seen).toEqual([])
  })

  test('asks again on another connection when the one it kept was closed under it', async () => {
    let polls = 0
    const address = await serve((request, response) => {
      if (request.method === 'GET' && ++polls === 2) request.socket.destroy()
      else response.end(SETTLED)
    })
    const errors: CaucusError[] = []
    const client = start(address, 0.05, { onError: (error) => errors.push(error) })
    await vi.waitFor(() => expect(polls).toBeGreaterThan(3))
    expect(client.getIndexTotal()).not.toBeNull()
    expect(errors).toEqual([])
  })

  test.each<[string, RequestListener, string]>([
    ['a page for an error', (_, response) => response.writeHead(500).end('<html>'), 'CAUCUS_BACKEND'],
    ['a connection that is closed', (_, response) => response.socket?.destroy(), 'CAUCUS_CONNECTION_LOST'],
    [
      'an answer that breaks off',
      (_, response) => {
        response.writeHead(200, { 'Content-Length': 500 })
        response.write('{', () => response.socket?.destroy())
      },
      'CAUCUS_CONNECTION_LOST',
    ],
    ['an endless answer', (_, response) => response.end(`"${'x'.repeat(100_000)}"`), 'CAUCUS_PROTOCOL'],
    ['another protocol', (_, response) => response.socket?.end('220 smtp\r\n'), 'CAUCUS_CONNECTION_LOST'],
  ])('says nothing but why after %s', async (_, answer, code) => {
    const address = await serve(answer)
    const errors: CaucusError[] = []
    const client = start(address, INTERVAL_S, { onError: (error) => errors.push(error) })
    await vi.waitFor(() => expect(errors.map(({ code }) => code)).toEqual([code]))
    expect(client.getIndexTotal()).toBeNull()
  })

  test('says where nobody listens', async () => {
    const address = await serve(() => {})
    server.close()
    const errors: CaucusError[] = []
    start(address, INTERVAL_S, { onError: (error) => errors.push(error) })
    await vi.waitFor(() => expect(errors).toMatchObject([{ code: 'CAUCUS_UNAVAILABLE' }]))
    expect(errors[0]?.message).toContain(address)
  })

  test.each(['127.0.0.1:8989', 'localhost:80', '[::1]:8989', 'http://a', 'https://a:8989/behind/a/proxy/'])(
    'takes "%s" for a server',
    (server) => {
      expect(() => new BlocClient(server, 3)).not.toThrow()
    },
  )

  const refusal = (make: () => unknown): string => {
    try {
      make()
    } catch (error) {
      if (isCaucusError(error) && error.code === 'CAUCUS_INVALID_ARGUMENT') return error.message
      throw error
    }
    return 'it was taken'
  }

  test.each([
    '',
    'a',
    'a:',
    'a:b',
    'a:0',
    'a:65536',
    ':8989',
    'a/b:8989',
    'user@a:8989',
    'http://user:secret@a',
    'ftp://a',
    'file:///etc/passwd',
    'http://',
    'http://a?b',
    'http://a#b',
    ' a:1',
    'a:1\r\nX: y',
    undefined,
    null,
    8989,
    {},
  ])('refuses %j for a server', (server) => {
    expect(refusal(() => new BlocClient(server as string, 3))).toMatch(/^server: /)
  })

  test.each([0, -1, Number.NaN, Infinity, -Infinity, 2 ** 31, 2 ** 31 / 1_000, 1e-4, '3', undefined, null, 3n])(
    'refuses an interval of %s',
    (interval) => {
      expect(refusal(() => new BlocClient('a:1', interval as number))).toMatch(/^intervalSeconds: /)
    },
  )

  test.each<[object | null, RegExp]>([
    [{ sessionID: 'a' }, /no "sessionID"/],
    [{ sessionId: '' }, /^sessionId is empty/],
    [{ sessionId: 'ü'.repeat(129) }, /^sessionId is longer/],
    [{ sessionId: 'a\nb' }, /control/],
    [{ sessionId: ' a' }, /white space/],
    [{ sessionId: '\ud800' }, /surrogate/],
    [{ sessionId: 7 }, /^sessionId must be a string/],
    [{ onError: 'log' }, /^onError: /],
    [null, /^options: /],
  ])('refuses the options %j', (options, message) => {
    expect(refusal(() => new BlocClient('a:1', 3, options as object))).toMatch(message)
  })
})
