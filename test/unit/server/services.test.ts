import { get } from 'node:http'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import type { AccessRule, Grant } from '../../../src/config/access.ts'
import { Access } from '../../../src/server/access/access.ts'
import { TestServer } from './harness.ts'

let server: TestServer
beforeEach(async () => {
  server = await TestServer.start()
})
afterEach(() => server[Symbol.asyncDispose]())

const SEARCH = '/v1/services/search'
const path = (id: string, service = 'search') =>
  `/v1/services/${encodeURIComponent(service)}/instances/${encodeURIComponent(id)}`
const ADDRESS = { host: '10.0.0.7', port: 8080 }
let calls = 0
const register = (id: string, more: object = {}) =>
  server.put(path(id), { bootId: `boot-${id}`, sequence: ++calls, ...ADDRESS, ...more })

interface Registered {
  readonly incarnation: number
  readonly sequence: number
  readonly leaseMs: number
}
interface Listed {
  readonly name: string
  readonly revision: string
  readonly instances: readonly { readonly id: string; readonly port: number; readonly status: string }[]
  readonly incompleteForMs: number
}

const list = async (query = '') => (await server.ask('GET', `${SEARCH}${query}`)).json as Listed
const ids = async (query = '') => (await list(query)).instances.map(({ id }) => id)

/** The names of the next events of a stream, and the id of the last. */
const read = (after: string, count: number): Promise<{ events: string[]; last: string }> =>
  new Promise((resolve, reject) => {
    const headers = { 'last-event-id': after }
    const request = get(`${server.url}${SEARCH}/events`, { headers, agent: false }, (response) => {
      let text = ''
      response.setEncoding('utf8').on('data', (part: string) => {
        text += part
        const events = [...text.matchAll(/^event: (.*)$/gm)].map(([, name = '']) => name)
        const last = [...text.matchAll(/^id: (.*)$/gm)].map(([, id = '']) => id).at(-1) ?? ''
        if (events.length < count || !text.endsWith('\n\n')) return
        request.destroy()
        resolve({ events, last })
      })
    })
    request.on('error', reject)
  })

describe('an instance over plain HTTP', () => {
  test('is there as long as it says so, with what it said last', async () => {
    const { status, json } = await register('a', { tags: ['v1'], zone: 'x', metadata: { path: '/' } })
    expect([status, json]).toEqual([200, { incarnation: expect.any(Number), sequence: calls, leaseMs: 4_000 }])
    expect(await list()).toEqual({
      name: 'search',
      revision: expect.stringMatching(/^1700000000-\d+$/),
      instances: [
        {
          id: 'a',
          incarnation: (json as Registered).incarnation,
          ...ADDRESS,
          tags: ['v1'],
          zone: 'x',
          weight: 1,
          status: 'up',
          metadata: { path: '/' },
        },
      ],
      incompleteForMs: 0,
    })
    await server.clock.play(3_000)
    await register('a', { status: 'draining' })
    await server.clock.play(3_000)
    expect([await ids(), await ids('?status=draining'), await ids('?status=any')]).toEqual([[], ['a'], ['a']])
    await server.clock.play(2_000)
    expect(await ids('?status=any')).toEqual([])
  })

  test('leaves by its own word, and is gone at once', async () => {
    const { incarnation } = (await register('a')).json as Registered
    const query = `incarnation=${incarnation}&bootId=boot-a&sequence=${++calls}`
    expect((await server.ask('DELETE', `${path('a')}?${query}`)).json).toEqual({ left: true })
    expect(await ids()).toEqual([])
    // A renewal that was under way is no registration any more.
    expect((await server.put(path('a'), { bootId: 'boot-a', sequence: ++calls, ...ADDRESS })).status).toBe(409)
  })

  test('is found by tags, zone and status, in every combination', async () => {
    await register('a', { tags: ['v1', 'gpu'], zone: 'x' })
    await register('b', { tags: ['v1'], zone: 'y' })
    await register('c', { tags: ['v1'], zone: 'y', status: 'critical' })
    expect(await ids('?tag=v1')).toEqual(['a', 'b'])
    expect(await ids('?tag=v1&tag=gpu')).toEqual(['a'])
    expect(await ids('?zone=y')).toEqual(['b'])
    expect(await ids('?zone=y&status=any')).toEqual(['b', 'c'])
    expect(await ids('?zone=z')).toEqual([])
    const { json } = await server.ask('GET', '/v1/services')
    expect(json).toEqual({ services: [{ name: 'search', instances: 3, up: 2 }] })
  })

  test('a newer process under its id fences it, and is not fenced by it', async () => {
    const older = (await register('a')).json as Registered
    const newer = await register('a', { bootId: 'boot-2', port: 2 })
    expect(newer.status).toBe(200)
    expect((await register('a')).error?.code).toBe('CAUCUS_FENCED')
    // Long after, when nobody remembers its boot id: its incarnation says that it is the older one.
    for (let passed = 0; passed < 5; passed++) {
      await server.clock.play(2_000)
      await register('a', { bootId: 'boot-2', port: 2 })
    }
    expect((await register('a', { incarnation: older.incarnation })).error?.code).toBe('CAUCUS_FENCED')
    expect((await list()).instances).toMatchObject([{ id: 'a', port: 2 }])
  })

  test('an older message changes nothing', async () => {
    await register('a', { port: 1 })
    const answer = await server.put(path('a'), { bootId: 'boot-a', sequence: calls, ...ADDRESS, port: 2 })
    expect(answer.error?.code).toBe('CAUCUS_CONFLICT')
    expect((await list()).instances).toMatchObject([{ port: 1 }])
  })

  test('an operator drains it, and evicts it', async () => {
    await register('a')
    await server.ask('PUT', '/v1/groups/service%2Fsearch/members/a/drain')
    expect((await list('?status=any')).instances).toMatchObject([{ status: 'draining' }])
    await server.ask('DELETE', '/v1/groups/service%2Fsearch/members/a/drain')
    expect(await ids()).toEqual(['a'])
    expect((await server.ask('DELETE', path('a'))).json).toEqual({ evicted: true })
    expect((await server.ask('DELETE', path('a'))).status).toBe(404)
    expect((await register('a')).error?.code).toBe('CAUCUS_FENCED')
    expect(await ids('?status=any')).toEqual([])
  })
})

describe('a reader of a service', () => {
  test('goes on from the revision of a list without a gap', async () => {
    await register('a')
    const { revision } = await list()
    await register('a', { status: 'draining' })
    await register('a', { status: 'draining' })
    await register('b')
    await server.ask('DELETE', path('a'))
    const { events, last } = await read(revision, 3)
    expect(events).toEqual(['service.updated', 'service.registered', 'service.withdrawn'])
    expect((await list()).revision).toBe(last)
  })

  test('of a service that nobody has registered for begins with the first', async () => {
    const { revision, instances } = await list()
    expect(instances).toEqual([])
    await register('a')
    expect((await read(revision, 1)).events).toEqual(['service.registered'])
  })

  test('is told when what it asks for is forgotten', async () => {
    const { revision } = await list()
    // Records take as much room as they are long, so that a few chatty instances cannot fill the memory.
    for (let at = 0; at < 400; at++) await register('a', { metadata: { at, text: 'x'.repeat(3_900) } })
    const { events } = await read(revision, 2)
    expect(events[0]).toBe('gap')
    expect((await read('1600000000-1', 1)).events).toEqual(['gap'])
  })
})

describe('what is no registration', () => {
  const registration = { bootId: 'b', sequence: 1, ...ADDRESS }
  const deep = (levels: number): unknown => (levels === 0 ? 0 : { in: deep(levels - 1) })
  test.each<[string, unknown, string]>([
    ['a list', [], 'the body must be object'],
    ['nothing', {}, 'lacks the field'],
    ['without an address', { bootId: 'b', sequence: 1 }, 'lacks the field'],
    ['without a boot id', { sequence: 1, ...ADDRESS }, 'lacks the field "bootId"'],
    ['an unknown field', { ...registration, adress: 'x' }, 'unknown field "adress"'],
    ['a URL for a host', { ...registration, host: 'http://a' }, 'host'],
    ['a port of 0', { ...registration, port: 0 }, 'port must be'],
    ['a port of 1e308', { ...registration, port: 1e308 }, 'port must be'],
    ['a port as text', { ...registration, port: '80' }, 'port must be'],
    ['one tag twice', { ...registration, tags: ['a', 'a'] }, 'twice'],
    ['too many tags', { ...registration, tags: Array.from({ length: 33 }, String) }, 'at most 32'],
    ['a weight of 2 ** 53', { ...registration, weight: 2 ** 53 }, 'weight must be'],
    ['a status of its own', { ...registration, status: 'fine' }, 'status must be'],
    ['a sequence below 0', { ...registration, sequence: -1 }, 'sequence must be'],
    ['too much metadata', { ...registration, metadata: 'x'.repeat(4_096) }, 'the instance is longer than 4096 bytes'],
    ['too deep metadata', { ...registration, metadata: deep(16) }, 'nested deeper than 16'],
  ])('%s', async (_, body, why) => {
    const before = server.state()
    const { status, error } = await server.put(path('a'), body)
    expect([status, error?.code, error?.message]).toEqual([
      400,
      'CAUCUS_INVALID_ARGUMENT',
      expect.stringContaining(why),
    ])
    expect(server.state()).toEqual(before)
  })

  test.each([
    ['no JSON', '{', 'is not JSON'],
    [
      'a key that could change a prototype',
      '{"bootId":"b","sequence":1,"host":"a","port":1,"__proto__":{}}',
      '__proto__',
    ],
    [
      'such a key in its metadata',
      '{"bootId":"b","sequence":1,"host":"a","port":1,"metadata":{"__proto__":{"x":1}}}',
      '"__proto__"',
    ],
  ])('%s', async (_, body, why) => {
    const { status, error } = await server.ask('PUT', path('a'), { body })
    expect([status, error?.message]).toEqual([400, expect.stringContaining(why)])
    expect(await ids('?status=any')).toEqual([])
  })

  test('a body, a name or an id that cannot be', async () => {
    expect((await server.ask('PUT', path('a'))).error?.message).toContain('has a body of JSON')
    expect((await server.put(path('a', 'x'.repeat(121)), registration)).error?.message).toContain('120 bytes')
    expect((await server.put(path('a\u0007'), registration)).error?.message).toContain('instance id')
    expect((await server.put(path('a', 'x'.repeat(120)), registration)).status).toBe(200)
    expect((await server.put(path('a/b ü', 'x/y?#%'), { ...registration, sequence: 2 })).status).toBe(200)
  })

  test.each([
    '?tags=a',
    '?zone=a&zone=b',
    '?zone=',
    '?status=UP',
    '?tag=%07',
    `?${'tag=a&tag=b&'.repeat(40)}tag=c&tag=`,
  ])('a query %s', async (query) => {
    expect((await server.ask('GET', `${SEARCH}${query}`)).error?.code).toBe('CAUCUS_INVALID_ARGUMENT')
  })

  test('a change that cannot be leaves the instance as it was', async () => {
    await register('a', { port: 1 })
    const before = await list('?status=any')
    expect((await register('a', { port: 2, tags: ['a', 'a'] })).status).toBe(400)
    expect(await list('?status=any')).toEqual(before)
  })

  test('a member of a group under the name of a service', async () => {
    const members = '/v1/groups/service%2Fsearch/members/a'
    const plain = await server.put(members, { bootId: 'b', sequence: 1, share: 'index' })
    expect(plain.error?.code).toBe('CAUCUS_CONFLICT')
    const shareless = await server.put('/v1/groups/g/members/a', { bootId: 'b', sequence: 1, share: 'none' })
    expect(shareless.error?.code).toBe('CAUCUS_CONFLICT')
    const bad = await server.put(members, {
      bootId: 'b',
      sequence: 1,
      share: 'none',
      metadata: { host: 'a b', port: 1 },
    })
    expect(bad.error?.code).toBe('CAUCUS_INVALID_ARGUMENT')
    for (const more of [{ weight: 2 }, { static: true }]) {
      const answer = await server.put(members, { bootId: 'b', sequence: 1, share: 'none', metadata: ADDRESS, ...more })
      expect(answer.error?.code).toBe('CAUCUS_CONFLICT')
    }
    expect(await ids('?status=any')).toEqual([])
    // Whoever says where it is in this way is an instance like any other.
    expect((await server.put(members, { bootId: 'b', sequence: 1, share: 'none', metadata: ADDRESS })).status).toBe(200)
    expect(await ids()).toEqual(['a'])
  })
})

describe('rights and limits', () => {
  const rule = (name: string, grant: Grant): AccessRule => ({
    name,
    credential: { type: 'token', token: `token-of-${name}` },
    grant,
  })
  const RULES = [
    rule('searcher', { role: 'member', groups: ['service/search'] }),
    rule('other', { role: 'member', groups: ['service/*'] }),
    rule('reader', { role: 'read', groups: ['service/search'] }),
    rule('jobs', { role: 'member', groups: ['jobs-*'] }),
    rule('ops', { role: 'admin', groups: ['service/*'] }),
  ]

  test('a service is covered by the patterns of groups, as service/NAME', async () => {
    await using own = await TestServer.start({ access: new Access(RULES) })
    const ask = async (name: string, method: string, at: string, body?: unknown) => {
      const headers = { authorization: `Bearer token-of-${name}` }
      const { status } = await own.ask(method, at, {
        headers,
        ...(body !== undefined && { body: JSON.stringify(body) }),
      })
      return status
    }
    const registration = (bootId: string, sequence = 1) => ({ bootId, sequence, ...ADDRESS })
    expect(await ask('searcher', 'PUT', path('a'), registration('1'))).toBe(200)
    expect(await ask('searcher', 'PUT', path('a', 'web'), registration('1'))).toBe(403)
    expect(await ask('jobs', 'PUT', path('b'), registration('2'))).toBe(403)
    expect(await ask('reader', 'PUT', path('b'), registration('2'))).toBe(403)
    // An id is its identity's as long as it is there.
    expect(await ask('other', 'PUT', path('a'), registration('2'))).toBe(403)
    expect(await ask('other', 'PUT', path('b', 'web'), registration('2'))).toBe(200)
    expect(await ask('reader', 'GET', SEARCH)).toBe(200)
    expect(await ask('jobs', 'GET', SEARCH)).toBe(403)
    expect(await ask('jobs', 'GET', `${SEARCH}/events`)).toBe(403)
    expect(await ask('other', 'DELETE', path('a'))).toBe(403)
    const seen = await own.ask('GET', '/v1/services', { headers: { authorization: 'Bearer token-of-reader' } })
    expect(seen.json).toEqual({ services: [{ name: 'search', instances: 1, up: 1 }] })
    expect(await ask('ops', 'DELETE', path('a'))).toBe(200)
  })

  test('services and instances count among groups and members', async () => {
    for (let count = 0; count < 10; count++) expect((await register(`i${count}`)).status).toBe(200)
    expect((await register('one-more')).error?.code).toBe('CAUCUS_OVERLOADED')
    expect((await ids()).length).toBe(10)
  })
})
