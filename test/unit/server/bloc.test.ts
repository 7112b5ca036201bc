import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { TestServer } from './harness.ts'

let server: TestServer
beforeEach(async () => {
  server = await TestServer.start()
})
afterEach(() => server[Symbol.asyncDispose]())

const settle = () => server.clock.play(2_000)

describe("bloc's wire", () => {
  test('registers, renews and reads in one call', async () => {
    const first = await server.poll('a')
    expect(first).toMatchObject({ status: 200, text: '{"status": "SETTLING"}' })
    expect(first.headers['content-type']).toMatch(/^application\/json/)
    expect(first.headers['content-length']).toBe('22')
    expect(first.headers['caucus-lease-ms']).toBeUndefined()
    await server.poll('b')
    await settle()
    const settled = await server.poll('b')
    expect(settled.json).toEqual({ status: 'SETTLED', index: 2, total: 2 })
    expect(settled.headers['caucus-lease-ms']).toBe('1500')
    expect((await server.poll('a')).json).toEqual({ status: 'SETTLED', index: 1, total: 2 })
  })

  test('takes HEAD for a heartbeat', async () => {
    const head = await server.ask('HEAD', '/index', { headers: { 'bloc-session-id': 'a' } })
    expect(head).toMatchObject({ status: 200, text: '' })
    expect(server.hosting.viewOf('default')?.total).toBe(1)
  })

  test('takes leave by DELETE, and the group settles again', async () => {
    await server.poll('a')
    await server.poll('b')
    await settle()
    const left = await server.ask('DELETE', '/session', { headers: { 'Bloc-Session-ID': 'a' } })
    expect(left).toMatchObject({ status: 200, text: '{}' })
    expect(left.headers['content-type']).toMatch(/^application\/json/)
    expect((await server.poll('b')).json).toEqual({ status: 'SETTLING' })
  })

  test('ignores a query, the case of the header, and a body nobody asked for', async () => {
    const headers = { 'BLOC-session-ID': 'a', 'content-type': 'text/weird' }
    expect((await server.ask('GET', '/index?x=1&__proto__=2', { headers })).status).toBe(200)
    expect((await server.ask('DELETE', '/session?x', { headers, body: '{' })).status).toBe(200)
  })

  test('takes ids of UTF-8', async () => {
    const id = 'Knoten-ä-漢-😀'
    const headers = { 'Bloc-Session-ID': Buffer.from(id).toString('latin1') }
    expect((await server.ask('GET', '/index', { headers })).status).toBe(200)
    expect(server.hosting.viewOf('default')?.members.map((member) => member.id)).toEqual([id])
  })

  test('takes a comma for part of an id', async () => {
    expect((await server.poll('a, b')).status).toBe(200)
  })

  test('serves HTTP/1.0, which needs no Host', async () => {
    const { status, text } = await server.raw('GET /index HTTP/1.0\r\nBloc-Session-ID: a\r\n\r\n')
    expect(status).toBe(200)
    expect(text).toContain('{"status": "SETTLING"}')
  })

  test('does not say how long an answer may be believed while there is none', async () => {
    const answers = await Promise.all(['a', 'b', 'c'].map((id) => server.poll(id)))
    for (const { json, headers } of answers) {
      expect(json).toEqual({ status: 'SETTLING' })
      expect(headers['caucus-lease-ms']).toBeUndefined()
    }
  })
})

describe("bloc's wire refuses, and changes nothing:", () => {
  const ask = (value: string | readonly string[], method = 'GET', path = '/index') =>
    server.ask(method, path, { headers: { 'Bloc-Session-ID': value } })

  afterEach(() => {
    expect(server.hosting.viewOf('default')?.total).toBe(0)
  })

  test.each(['GET', 'HEAD'])('%s without the header', async (method) => {
    const { status, error } = await server.ask(method, '/index')
    expect(status).toBe(400)
    if (method === 'HEAD') return
    expect(error).toMatchObject({ code: 'CAUCUS_INVALID_ARGUMENT', retriable: false, definite: true })
    expect(error?.message).toContain('Bloc-Session-ID is missing')
  })

  test.each([
    ['empty', '', 'is empty'],
    ['of blanks', '   ', 'is empty'],
    ['longer than 256 bytes', 'x'.repeat(257), 'longer than 256 bytes'],
    ['longer than 256 bytes, though not in characters', Buffer.from('é'.repeat(129)).toString('latin1'), 'longer'],
    ['of a tab', 'a\tb', 'control character'],
    ['of a C1 control character', Buffer.from('a\u0085').toString('latin1'), 'control character'],
    ['not of UTF-8', 'caf\xe9', 'not UTF-8'],
    ['of a surrogate encoded as if it were a character', '\xed\xa0\x80', 'not UTF-8'],
    ['sent twice', ['a', 'b'], 'sent twice'],
    ['sent twice, the same', ['a', 'a'], 'sent twice'],
    ['sent twice, once empty', ['a', ''], 'sent twice'],
  ])('a header %s', async (_what, value, why) => {
    for (const [method, path] of [
      ['GET', '/index'],
      ['DELETE', '/session'],
    ] as const) {
      const { status, error } = await ask(value, method, path)
      expect(status).toBe(400)
      expect(error).toMatchObject({ code: 'CAUCUS_INVALID_ARGUMENT', message: expect.stringContaining(why) })
    }
  })

  test.each([['\x01'], ['\x00'], ['\x7f']])('a header with the control character %j', async (character) => {
    const { status, error } = await server.raw(
      `GET /index HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\nBloc-Session-ID: a${character}b\r\n\r\n`,
    )
    expect(status).toBe(400)
    expect(error?.code).toBe('CAUCUS_INVALID_ARGUMENT')
  })

  test('a DELETE of a session that is not there', async () => {
    const { status, error } = await ask('nobody', 'DELETE', '/session')
    expect(status).toBe(404)
    expect(error).toMatchObject({ code: 'CAUCUS_NOT_FOUND' })
  })

  test.each([
    ['POST', '/index', 'GET, HEAD'],
    ['PUT', '/index?x', 'GET, HEAD'],
    ['DELETE', '/index', 'GET, HEAD'],
    ['OPTIONS', '/index', 'GET, HEAD'],
    ['PROPFIND', '/index', 'GET, HEAD'],
    ['GET', '/session', 'DELETE'],
    ['POST', '/session', 'DELETE'],
  ])('%s %s', async (method, path, allow) => {
    const { status, headers, error } = await ask('a', method, path)
    expect(status).toBe(405)
    expect(headers.allow).toBe(allow)
    expect(error?.code).toBe('CAUCUS_METHOD_NOT_ALLOWED')
  })

  test.each(['/index/', '/Index', '//index', '/session/a', '/favicon.ico', '/index%2f'])('GET %s', async (path) => {
    const { status, error } = await ask('a', 'GET', path)
    expect(status).toBe(404)
    expect(error?.code).toBe('CAUCUS_NOT_FOUND')
  })

  test('a path that is not well-formed', async () => {
    const { status, error } = await ask('a', 'GET', '/v1/groups/%ff')
    expect(status).toBe(400)
    expect(error?.code).toBe('CAUCUS_INVALID_ARGUMENT')
  })
})

test('a server whose group is full says so to the next client and serves the others', async () => {
  for (let i = 0; i < 10; i++) await server.poll(`s${i}`)
  const { status, error } = await server.poll('one too many')
  expect(status).toBe(429)
  expect(error).toMatchObject({ code: 'CAUCUS_OVERLOADED', retriable: true })
  expect((await server.poll('s0')).status).toBe(200)
})

test('two live clients with one session id are counted and logged, once; a client that connects anew is not', async () => {
  const [one, two, three] = [await server.connect(), await server.connect(), await server.connect()]
  const poll = (socket: typeof one, session: string) =>
    new Promise<void>((resolve) => {
      socket.once('data', () => resolve())
      socket.write(`GET /index HTTP/1.1\r\nHost: localhost\r\nBloc-Session-ID: ${session}\r\n\r\n`)
    })
  const twins = async () => /^caucus_twins_total (\d+)$/m.exec((await server.ask('GET', '/metrics')).text)?.[1]
  await poll(one, 'moved')
  await poll(two, 'moved')
  await poll(two, 'moved')
  expect(await twins()).toBe('0')
  await poll(three, 'twin')
  await poll(one, 'other')
  for (const client of [await server.connect(), three, three, await server.connect(), three]) await poll(client, 'twin')
  expect(await twins()).toBe('1')
  expect(server.logged.filter((line) => line.includes('two live clients'))).toHaveLength(1)
})

test('nothing is logged for a heartbeat', async () => {
  for (let i = 0; i < 5; i++) await server.poll('a')
  await settle()
  await server.poll('a')
  expect(server.logged).toEqual([])
})
