import { createServer, type IncomingMessage, request } from 'node:http'
import { connect as connectTcp } from 'node:net'
import { describe, expect, test } from 'vitest'
import { type OwnedOptions, owned } from '../../../src/adapters/owned.ts'
import { Latest } from '../../../src/runtime/latest.ts'
import { bodyOf, listening, member, Room, say } from './owned-room.ts'

const ask = (url: string, init: RequestInit = {}) => fetch(`${url}/carts/9?x=1`, { redirect: 'manual', ...init })
const errorOf = async (answer: Response) => {
  const { error } = (await answer.json()) as { error: { code: string; message: string } }
  return [answer.status, answer.headers.get('retry-after'), error.code]
}

describe('a request whose key is owned here', () => {
  test('goes through, with the token to write with', async () => {
    const { b } = await new Room().pair()
    expect(await (await ask(b)).json()).toMatchObject({ who: 'b', token: '42' })
  })

  test('says no token of its own', async () => {
    const { b } = await new Room().pair()
    const forged = { 'x-caucus-token': '9999' }
    expect(await (await ask(b, { headers: forged })).json()).toMatchObject({ token: '42' })
    const { a } = await new Room().pair({ key: () => undefined })
    expect(await (await ask(a, { headers: forged })).json()).not.toHaveProperty('token')
  })

  test('or is about no key, goes through wherever it arrives', async () => {
    const { a } = await new Room().pair({ key: () => undefined })
    expect(await (await ask(a)).json()).toMatchObject({ who: 'a' })
  })

  test('whose key cannot be told is the error handler’s', async () => {
    const { a } = await new Room().pair({
      key: () => {
        throw new Error('no such cart')
      },
    })
    const answer = await ask(a)
    expect([answer.status, await answer.text()]).toEqual([500, 'no such cart'])
  })
})

describe('a request whose key another member owns', () => {
  test('is passed on with its body, and the answer comes back as it was', async () => {
    const { a, b } = await new Room().pair()
    const answer = await ask(a, { method: 'PUT', body: 'some body', headers: { connection: 'keep-alive' } })
    expect([answer.headers.get('x-who'), answer.headers.getSetCookie()]).toEqual(['b', ['a=1', 'b=2']])
    const said = (await answer.json()) as { headers: Record<string, string> }
    expect(said).toMatchObject({ who: 'b', method: 'PUT', url: '/carts/9?x=1', body: 'some body', token: '42' })
    expect(said.headers).toMatchObject({
      host: b.slice('http://'.length),
      'x-forwarded-host': a.slice('http://'.length),
      'x-forwarded-for': '127.0.0.1',
      'x-forwarded-proto': 'http',
    })
  })

  test('leaves behind what is about its connection, on both ways', async () => {
    const { a } = await new Room().pair()
    const headers = await new Promise<{ said: Record<string, string>; back: IncomingMessage['headers'] }>((resolve) => {
      const own = {
        connection: 'x-mine',
        'x-mine': '1',
        te: 'trailers',
        'proxy-authorization': 'Basic x',
        'x-stays': '1',
      }
      request(`${a}/x`, { headers: own }, async (answer) => {
        resolve({ said: JSON.parse(await bodyOf(answer)).headers, back: answer.headers })
      }).end()
    })
    expect(headers.said).toMatchObject({ 'x-stays': '1' })
    for (const name of ['x-mine', 'te', 'proxy-authorization']) expect(headers.said).not.toHaveProperty(name)
    expect(headers.back).not.toHaveProperty('x-secret')
  })

  test.each(['GET', 'DELETE', 'POST'])('with the method %s has its chunked body framed again', async (method) => {
    const { a } = await new Room().pair()
    const smuggled = 'GET /smuggled HTTP/1.1\r\nhost: x\r\n\r\n'
    const said = await new Promise<string>((resolve) => {
      const onward = request(`${a}/x`, { method, headers: { 'transfer-encoding': 'chunked' } }, async (answer) =>
        resolve(await bodyOf(answer)),
      )
      onward.end(smuggled)
    })
    expect(JSON.parse(said)).toMatchObject({ who: 'b', url: '/x', method, body: smuggled })
  })

  test('comes back piece by piece, as it is given', async () => {
    const room = new Room()
    let go = () => {}
    const slow = await listening(
      createServer((_incoming, response) => {
        response.write('one')
        go = () => response.end(' two')
      }),
    )
    const a = await room.serve('a')
    room.members = [member('b', [0], { url: slow })]
    const reader = ((await ask(a)).body as ReadableStream<Uint8Array>).getReader()
    expect(Buffer.from((await reader.read()).value ?? []).toString()).toBe('one')
    go()
    expect(Buffer.from((await reader.read()).value ?? []).toString()).toBe(' two')
  })

  test('is redirected when that was asked for, and nobody remembers it', async () => {
    const { a, b } = await new Room().pair({ otherwise: 'redirect' })
    const answer = await ask(a, { method: 'POST' })
    expect([answer.status, answer.headers.get('location'), answer.headers.get('cache-control')]).toEqual([
      307,
      `${b}/carts/9?x=1`,
      'no-store',
    ])
  })

  test('leads nowhere but to that member, whatever it says that it is for', async () => {
    const { a } = await new Room().pair()
    const said = await new Promise<string>((resolve) => {
      const { hostname, port } = new URL(a)
      const options = { host: hostname, port, path: 'http://evil.example/x', headers: { host: 'evil.example' } }
      request(options, async (answer) => resolve(await bodyOf(answer))).end()
    })
    expect(JSON.parse(said)).toMatchObject({ who: 'b', url: '/x' })
  })
})

describe('who owns a key', () => {
  test('is asked once for many requests, and again when shares have changed', async () => {
    const room = new Room()
    const { a } = await room.pair()
    await Promise.all([ask(a), ask(a), ask(a)])
    expect(room.reads).toBe(1)
  })

  test('is the last that was known while the coordinator cannot be reached', async () => {
    const room = new Room()
    const { a } = await room.pair()
    await ask(a)
    room.fails = true
    room.shares.set(1)
    expect(await (await ask(a)).json()).toMatchObject({ who: 'b' })
  })

  test('is asked again where the roster was behind, and a request without a body never notices', async () => {
    const room = new Room()
    const { a, b } = await room.pair()
    const c = await room.serve('c')
    await ask(a)
    // It moves on, and `a` has not heard of it.
    room.tokens.clear()
    room.tokens.set('c', 43)
    room.members = [member('b', [], { url: b }), member('c', [0], { url: c })]
    await expect.poll(async () => ((await (await ask(a)).json()) as { who: string }).who).toBe('c')
    expect(await (await ask(a)).json()).toMatchObject({ who: 'c', token: '43' })
  })

  test('of a group of indexes follows from its index', async () => {
    const room = new Room()
    const a = await room.serve('a')
    const b = await listening(createServer((incoming, response) => void say('b')(incoming, response)))
    room.group.view = async () => ({
      name: 'g',
      state: 'settled',
      epoch: 7,
      total: 1,
      share: 'index',
      members: [{ id: 'b', incarnation: 1, index: 1, epoch: 7, metadata: { url: b } }],
    })
    expect(await (await ask(a)).json()).toMatchObject({ who: 'b' })
  })
})

describe('nobody is asked, and it is said when to come again,', () => {
  test('while the key moves', async () => {
    const room = new Room()
    const { a, b } = await room.pair()
    room.members = [member('a', [], { url: a }), member('b', [], { url: b })]
    expect(await errorOf(await ask(a))).toEqual([503, '1', 'CAUCUS_NOT_SETTLED'])
  })

  test('when the roster names this very member, which may not act any more', async () => {
    const room = new Room()
    const { a } = await room.pair()
    room.members = [member('a', [0], { url: a })]
    expect(await errorOf(await ask(a))).toEqual([503, '1', 'CAUCUS_NOT_SETTLED'])
  })

  test('when two take each other for the owner', async () => {
    const room = new Room()
    const a = await room.serve('a')
    const b = await room.serve('b')
    room.members = [member('b', [0], { url: b }), member('a', [], { url: a })]
    expect(await errorOf(await ask(a))).toEqual([503, '1', 'CAUCUS_NOT_SETTLED'])
    expect(await errorOf(await ask(a, { method: 'POST', body: 'x' }))).toEqual([503, '1', 'CAUCUS_NOT_SETTLED'])
  })

  test('when a request was passed on already', async () => {
    const { a } = await new Room().pair()
    expect(await errorOf(await ask(a, { headers: { 'x-caucus-forwarded': '1' } }))).toEqual([
      503,
      '1',
      'CAUCUS_NOT_SETTLED',
    ])
  })

  test.each<[string, unknown]>([
    ['says nothing', {}],
    ['says no URL', { url: 'here' }],
    ['says a URL of another kind', { url: 'file:///etc/passwd' }],
    ['says a password', { url: 'http://u:p@127.0.0.1:1' }],
  ])('when the owner %s about where it is', async (_what, metadata) => {
    const room = new Room()
    const { a } = await room.pair()
    room.members = [member('b', [0], metadata)]
    expect(await errorOf(await ask(a))).toEqual([503, '1', 'CAUCUS_UNAVAILABLE'])
  })

  test('when the owner cannot be reached', async () => {
    const room = new Room()
    const { a } = await room.pair()
    room.members = [member('b', [0], { url: 'http://127.0.0.1:1' })]
    expect(await errorOf(await ask(a))).toEqual([503, '1', 'CAUCUS_UNAVAILABLE'])
  })

  test('when the roster never could be read', async () => {
    const room = new Room()
    const { a } = await room.pair()
    room.fails = true
    expect(await errorOf(await ask(a))).toEqual([503, '1', 'CAUCUS_UNAVAILABLE'])
  })

  test('when that is what was asked for', async () => {
    const { a } = await new Room().pair({ otherwise: 'refuse' })
    expect(await errorOf(await ask(a))).toEqual([503, '1', 'CAUCUS_NOT_SETTLED'])
  })
})

describe('limits', () => {
  test('a body that is too long is refused, whether it says so or not', async () => {
    const { a } = await new Room().pair({ maxBodyBytes: 10 })
    expect(await errorOf(await ask(a, { method: 'POST', body: 'x'.repeat(11) }))).toEqual([
      413,
      null,
      'CAUCUS_TOO_LARGE',
    ])
    const parts = async function* () {
      for (let part = 0; part < 100; part++) yield Buffer.from('x'.repeat(1_000))
    }
    const chunked = { method: 'POST', body: parts(), duplex: 'half' } as unknown as RequestInit
    expect(await errorOf(await ask(a, chunked))).toEqual([413, null, 'CAUCUS_TOO_LARGE'])
    expect((await ask(a, { method: 'POST', body: 'x'.repeat(10) })).status).toBe(200)
  })

  test('an owner that says nothing is given up, and that it may have been done is said', async () => {
    const room = new Room()
    const silent = await listening(createServer(() => {}))
    const a = await room.serve('a', { silenceMs: 50 })
    room.members = [member('b', [0], { url: silent })]
    expect(await errorOf(await ask(a))).toEqual([504, null, 'CAUCUS_TIMEOUT'])
  })

  test('an owner that ends in the middle cuts its answer, which is not taken for a whole one', async () => {
    const room = new Room()
    const broken = await listening(
      createServer((_incoming, response) => {
        response.writeHead(200, { 'content-length': '100' }).write('half')
        setImmediate(() => response.destroy())
      }),
    )
    const a = await room.serve('a')
    room.members = [member('b', [0], { url: broken })]
    await expect(ask(a).then((answer) => answer.text())).rejects.toThrow()
    const dead = await listening(createServer((incoming) => incoming.socket.destroy()))
    room.members = [member('b', [0], { url: dead })]
    room.shares.set(1)
    await expect.poll(async () => (await ask(a, { method: 'POST' }).catch(() => undefined))?.status).toBe(502)
  })

  test('whoever goes away ends what was passed on for it', async () => {
    const room = new Room()
    const arrived = new Latest<IncomingMessage | undefined>(undefined)
    const url = await listening(createServer((incoming) => arrived.set(incoming)))
    const a = await room.serve('a')
    room.members = [member('b', [0], { url })]
    const socket = connectTcp(Number(new URL(a).port), '127.0.0.1', () =>
      socket.write('POST / HTTP/1.1\r\nhost: x\r\ncontent-length: 9\r\n\r\nhal'),
    )
    for await (const incoming of arrived.watch()) {
      if (incoming === undefined) continue
      const gone = new Promise((resolve) => incoming.socket.once('close', resolve))
      socket.destroy()
      await gone
      break
    }
  })
})

test.each<[string, unknown, string]>([
  ['nothing', undefined, 'takes { key }'],
  ['no key', {}, 'takes { key }'],
  ['an option that nobody knows', { key: () => 'k', hops: 3 }, 'knows no option "hops"'],
  ['a way that nobody knows', { key: () => 'k', otherwise: 'elsewhere' }, 'takes one of forward, redirect, refuse'],
  ['a URL that is no function', { key: () => 'k', urlOf: 'http://x' }, 'takes a function from a member'],
  ['no time at all', { key: () => 'k', silenceMs: Number.NaN }, 'give milliseconds'],
  ['no number of bytes', { key: () => 'k', maxBodyBytes: Number.NaN }, 'give a number of bytes'],
])('options with %s are refused', (_what, options, message) => {
  const room = new Room()
  expect(() => owned(room.group, room.membership('a'), options as OwnedOptions)).toThrow(message)
  room.shares.close()
})

test('a group and a membership that do not belong together are refused', () => {
  const { group, shares, ...room } = new Room()
  const membership = { id: 'a', group: 'orders', token: () => undefined, watch: () => shares.watch() }
  const options = { key: () => 'k' }
  const owns = (...[group, membership]: unknown[]) =>
    owned(group as Parameters<typeof owned>[0], membership as Parameters<typeof owned>[1], options)
  expect(() => owns(undefined, membership)).toThrow('takes a group first')
  // As where the await before join() was forgotten.
  expect(() => owns(group, Promise.resolve(membership))).toThrow('takes a membership second')
  expect(() => owns({ ...group, name: 'carts' }, membership)).toThrow('these are of "carts" and "orders"')
  expect(room.reads).toBe(0)
  shares.close()
})
