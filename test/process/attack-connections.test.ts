import { once } from 'node:events'
import type { Socket } from 'node:net'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { Arena, Refusal } from './support/attack-arena.ts'
import { waitFor } from './support/wait.ts'

let arena: Arena
beforeAll(async () => {
  arena = await Arena.serve()
  await arena.watch()
})
afterAll(() => Arena.end())

/** Everything that the server says until it closes. */
const read = async (socket: Socket): Promise<string> => {
  let text = ''
  socket.setEncoding('latin1').on('data', (part: string) => {
    text += part
  })
  if (!socket.closed) await once(socket, 'close')
  return text
}

const PUT =
  'PUT /v1/groups/slow/members/slow HTTP/1.1\r\nHost: localhost\r\nContent-Length: 1000000\r\n\r\n{"bootId":"slow"'

describe('a server withstands', () => {
  test('slow writers: headers and bodies that come byte by byte, and connections that say nothing, in hundreds', async () => {
    await arena.withstands(async () => {
      const [headers, silent, bodies] = await Promise.all([arena.flood(300), arena.flood(300), arena.flood(100)])
      const ends = [...headers, ...silent].map(read)
      const drip = setInterval(() => {
        for (const socket of headers) socket.write('a')
        for (const socket of bodies) socket.write(' ')
      }, 100)
      for (const socket of headers) socket.write('GET /index HTTP/1.1\r\nHost: localhost\r\nX: ')
      for (const socket of bodies) socket.write(PUT)
      // All of it but the end: what is kept of these must come back.
      for (const socket of bodies.slice(0, 30)) socket.write(Buffer.alloc(900_000, ' '))
      const said = await Promise.all(ends)
      clearInterval(drip)
      expect(said.filter((text) => !text.includes('CAUCUS_TIMEOUT'))).toEqual([])
      expect((await arena.ask('GET', '/v1/groups/slow')).status).toBe(404)
    })
  })

  test('connections that are opened by the thousand, kept, reset or broken off in the middle of a request', async () => {
    await arena.withstands(async () => {
      for (const end of ['keep', 'reset', 'half', 'keep'] as const) {
        const sockets = await arena.flood(1_000)
        if (end === 'reset') for (const socket of sockets) socket.resetAndDestroy()
        if (end === 'half') for (const socket of sockets) socket.end('PUT /v1/groups/half/members/half HT')
      }
      expect(await arena.metric('caucus_connections')).toBeGreaterThan(2_000)
      expect(await arena.harms()).toEqual([])
    })
  })

  test('a thousand requests for long answers in one packet, whose answers nobody reads', async () => {
    await arena.withstands(async () => {
      const before = await arena.aliveBytes()
      const sockets = await arena.flood(20)
      for (const socket of sockets) {
        socket.pause()
        socket.write('GET /openapi.json HTTP/1.1\r\nHost: localhost\r\n\r\n'.repeat(1_000))
      }
      await waitFor('all of them to be cut', async () => (await arena.metric('caucus_connections')) < 10)
      expect(await arena.aliveBytes()).toBeLessThan(before + 20 * 2 ** 20)
      // Whoever reads what it asked for may ask for the next before that.
      const patient = await arena.connect()
      const said = read(patient)
      patient.write('GET /openapi.json HTTP/1.1\r\nHost: localhost\r\n\r\n'.repeat(10))
      patient.write('GET /healthz HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n')
      expect((await said).split('HTTP/1.1 200 ').length).toBe(12)
    })
  })

  test('headers: too long, too many, one without an end, one name a thousand times', async () => {
    const line = (headers: string) => `GET /healthz HTTP/1.1\r\nHost: localhost\r\n${headers}\r\n`
    const raw = async (bytes: string) => {
      const socket = await arena.connect()
      const said = read(socket)
      socket.write(bytes)
      return said
    }
    await arena.withstands(async () => {
      for (const headers of [
        `X: ${'x'.repeat(20_000)}\r\n`,
        'a:\r\n'.repeat(3_500),
        'Bloc-Session-ID: a\r\n'.repeat(600),
        `${'x'.repeat(20_000)}`,
        `Cookie: ${'a=b; '.repeat(4_000)}\r\n`,
      ]) {
        const said = await Promise.all(Array.from({ length: 20 }, () => raw(line(`${headers}Connection: close\r\n`))))
        for (const text of said) expect(text).toMatch(/^HTTP\/1.1 413 [\s\S]*CAUCUS_TOO_LARGE/)
      }
      // What is within the limits is taken, all of it: nothing is left out in silence.
      expect(await raw(line(`${'a: b\r\n'.repeat(200)}Connection: close\r\n`))).toMatch(/^HTTP\/1.1 200/)
      // And what is said twice is noticed, wherever it stands.
      const twice = `GET /index HTTP/1.1\r\nHost: localhost\r\nBloc-Session-ID: a\r\n${'a: b\r\n'.repeat(240)}Bloc-Session-ID: b\r\nConnection: close\r\n\r\n`
      expect(await raw(twice)).toMatch(/^HTTP\/1.1 400 [\s\S]*is sent twice/)
    })
  })
})

describe('web pages of somebody else', () => {
  const member = JSON.stringify({ bootId: 'page', sequence: 1 })
  const requests = [
    ['GET', '/v1/status', undefined],
    ['GET', '/v1/groups/witness-indexes/events', undefined],
    ['GET', '/index', undefined],
    ['PUT', '/v1/groups/pages/members/page', member],
    ['POST', '/v1/groups/pages/members/page', member],
    ['DELETE', '/v1/groups/witness-indexes/members/witness-one', undefined],
    ['DELETE', '/session', undefined],
    ['GET', '/metrics', undefined],
    ['GET', '/healthz', undefined],
  ] as const

  const pages: readonly [string, Readonly<Record<string, string>>, number][] = [
    ['led here by a name of their own (DNS rebinding)', { host: 'rebound.example' }, 403],
    ['led by a name that begins like ours', { host: 'localhost.rebound.example' }, 403],
    ['led by a name with our address in it', { host: '127.0.0.1.rebound.example' }, 403],
    ['of another origin', { origin: 'https://evil.example' }, 403],
    ['without an origin to name, as in a sandbox', { origin: 'null' }, 403],
    ['of another port of this machine', { origin: 'http://127.0.0.1:1' }, 403],
    ['with a host that is none', { host: 'localhost@evil.example' }, 400],
  ]

  test('can neither read nor change anything, on any route, and open no link', async () => {
    await arena.withstands(async () => {
      for (const [who, headers, status] of pages) {
        for (const [method, path, body] of requests) {
          const session = path === '/index' || path === '/session' ? { 'bloc-session-id': 'page' } : {}
          const asked = { headers: { ...headers, ...session }, ...(body !== undefined && { body }) }
          const answer = await arena.ask(method, path, asked)
          const told = [who, method, path, answer.status, answer.text.includes('witness')]
          expect(told).toEqual([who, method, path, status, false])
        }
        const refused = await arena.link(undefined, { headers }).catch((error: unknown) => error)
        expect(refused).toBeInstanceOf(Refusal)
        expect([who, (refused as Refusal).status]).toEqual([who, status])
      }
    })
  })
})
