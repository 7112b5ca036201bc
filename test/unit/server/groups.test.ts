import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import type { RenewAnswer } from '../../../src/wire/http.ts'
import { TestServer } from './harness.ts'

let server: TestServer
beforeEach(async () => {
  server = await TestServer.start()
})
afterEach(() => server[Symbol.asyncDispose]())

const member = (id: string, group = 'g') => `/v1/groups/${encodeURIComponent(group)}/members/${encodeURIComponent(id)}`
const join = (id: string, more: object = {}) => server.put(member(id), { bootId: `boot-${id}`, sequence: 1, ...more })
const settle = () => server.clock.play(1_500)

describe('a member over plain HTTP', () => {
  test('joins, renews, is given its share, gives it back and leaves', async () => {
    const joined = await join('a', { share: { partitions: 4 }, metadata: { zone: 1 } })
    expect(joined).toMatchObject({ status: 200, json: { sequence: 1, order: 1, state: 'settling', partitions: [] } })
    const { generation, incarnation, leaseMs } = joined.json as RenewAnswer
    expect(leaseMs).toBe(4_000)
    await settle()
    const session = { bootId: 'boot-a', generation, incarnation }
    const granted = await server.put(member('a'), { ...session, sequence: 2, order: 1 })
    const { partitions = [], order } = granted.json as RenewAnswer
    expect(partitions.map(({ id }) => id)).toEqual([0, 1, 2, 3])
    const holding = partitions.map(({ id, epoch }) => ({ item: id, epoch }))
    const kept = await server.put(member('a'), { ...session, sequence: 3, order, holding })
    expect((kept.json as RenewAnswer).partitions).toEqual(partitions)
    expect((await server.ask('GET', member('a'))).json).toMatchObject({ id: 'a', incarnation, metadata: { zone: 1 } })

    const query = `incarnation=${incarnation}&bootId=boot-a&sequence=4`
    expect(await server.ask('DELETE', `${member('a')}?${query}`)).toMatchObject({ status: 200, json: { left: true } })
    expect((await server.ask('GET', member('a'))).status).toBe(404)
  })

  test('of an index share is told its index', async () => {
    const { generation, incarnation } = (await join('a')).json as RenewAnswer
    await settle()
    const answer = await server.put(member('a'), { bootId: 'boot-a', generation, incarnation, sequence: 2, order: 1 })
    expect(answer.json).toMatchObject({ state: 'settled', index: 1, total: 1 })
    const { json } = await server.ask('GET', '/v1/groups/g')
    expect(json).toMatchObject({
      name: 'g',
      state: 'settled',
      total: 1,
      share: 'index',
      members: [{ id: 'a', index: 1 }],
    })
  })

  test('may have an id and a group of any script, slashes included', async () => {
    const path = member('a/b ü', 'x/y?#%')
    expect((await server.put(path, { bootId: 'b', sequence: 1 })).status).toBe(200)
    expect((await server.ask('GET', path)).json).toMatchObject({ id: 'a/b ü' })
    expect((await server.put(member('ä'.repeat(128)), { bootId: 'b', sequence: 1 })).status).toBe(200)
  })

  test('that repeats its join with the same boot id is the same member', async () => {
    const first = (await join('a')).json as RenewAnswer
    const again = (await join('a', { sequence: 2 })).json as RenewAnswer
    expect(again.incarnation).toBe(first.incarnation)
  })

  test('is told when its sequence was overtaken', async () => {
    await join('a')
    expect((await join('a')).error).toMatchObject({ code: 'CAUCUS_CONFLICT', details: { sequence: 1 } })
  })

  test('is told the generation when it quotes another', async () => {
    const { generation } = (await join('a')).json as RenewAnswer
    const { status, error } = await join('a', { sequence: 2, generation: generation - 1 })
    expect(status).toBe(409)
    expect(error).toMatchObject({ code: 'CAUCUS_CONFLICT', details: { generation } })
  })

  test('is evicted by somebody else: fenced for good, while others go on', async () => {
    const { generation, incarnation } = (await join('a')).json as RenewAnswer
    await join('b')
    expect(await server.ask('DELETE', member('a'))).toMatchObject({ status: 200, json: { evicted: true } })
    const renewal = await server.put(member('a'), { bootId: 'boot-a', generation, incarnation, sequence: 2 })
    expect(renewal).toMatchObject({ status: 409, error: { code: 'CAUCUS_FENCED', retriable: false } })
    expect((await join('b', { sequence: 2 })).status).toBe(200)
    expect((await server.ask('DELETE', member('a'))).error?.code).toBe('CAUCUS_NOT_FOUND')
  })

  test('is fenced by a newer process of its id', async () => {
    const { generation, incarnation } = (await join('a')).json as RenewAnswer
    expect((await join('a', { bootId: 'another' })).status).toBe(200)
    const renewal = await server.put(member('a'), { bootId: 'boot-a', generation, incarnation, sequence: 2 })
    expect(renewal.error?.code).toBe('CAUCUS_FENCED')
  })

  test('cannot be a member of the group of the poll clients', async () => {
    const { status, error } = await server.put('/v1/groups/default/members/a', { bootId: 'b', sequence: 1 })
    expect(status).toBe(409)
    expect(error?.code).toBe('CAUCUS_CONFLICT')
  })
})

describe('what is read', () => {
  test('about groups that are there', async () => {
    await join('a')
    await server.poll('p')
    const { json } = await server.ask('GET', '/v1/groups')
    expect(json).toMatchObject({
      groups: [
        { name: 'g', total: 1 },
        { name: 'default', total: 1 },
      ],
    })
    expect((await server.ask('GET', '/v1/status')).json).toMatchObject({
      version: '1.2.3',
      guarantees: { exclusion: 'leased', survivesRestart: false, survivesPartition: false },
      instanceId: 'server-1',
      groups: [{ name: 'g' }, { name: 'default' }],
    })
    expect((await server.ask('GET', '/v1/overview')).json).toMatchObject({
      version: '1.2.3',
      guarantees: { exclusion: 'leased' },
      instanceId: 'server-1',
      groups: [
        { name: 'g', total: 1, members: 1 },
        { name: 'default', share: 'index', members: 1 },
      ],
    })
    expect((await server.ask('GET', '/healthz')).json).toEqual({
      ok: true,
      version: '1.2.3',
      guarantees: { exclusion: 'leased', survivesRestart: false, survivesPartition: false },
    })
  })

  test('as metrics: nothing per member, everything caucus_', async () => {
    await join('secret-name')
    await server.poll('secret-session')
    await server.ask('GET', '/nowhere')
    const { text, headers } = await server.ask('GET', '/metrics')
    expect(headers['content-type']).toContain('text/plain; version=0.0.4')
    expect(text).not.toContain('secret')
    for (const line of text.split('\n').filter((each) => each !== '' && !each.startsWith('#'))) {
      expect(line).toMatch(/^caucus_/)
    }
    for (const reading of [
      'caucus_members{group="g"} 1',
      'caucus_members{group="default"} 1',
      'caucus_settled{group="g"} 0',
      'caucus_polls_total 1',
      'caucus_renewals_total 1',
      'caucus_errors_total{code="CAUCUS_NOT_FOUND"} 1',
      'caucus_events_total{event="member.joined"} 2',
    ]) {
      expect(text).toContain(reading)
    }
  })

  test.each(['/v1/groups/none', '/v1/groups/none/members/a', '/v1/groups/g/members/none', '/v1/nothing'])(
    '%s is not there',
    async (path) => {
      await join('a')
      expect(await server.ask('GET', path)).toMatchObject({ status: 404, error: { code: 'CAUCUS_NOT_FOUND' } })
    },
  )

  test.each([
    ['POST', '/v1/groups', 'GET, HEAD'],
    ['PUT', '/v1/groups/g', 'GET, HEAD'],
    ['PATCH', '/v1/groups/g/members/a', 'DELETE, GET, HEAD, PUT'],
    ['POST', '/v1/groups/g/events', 'GET'],
    ['DELETE', '/healthz', 'GET, HEAD'],
    ['POST', '/metrics', 'GET, HEAD'],
  ])('%s %s takes another method', async (method, path, allow) => {
    const { status, headers, error } = await server.ask(method, path)
    expect([status, headers.allow, error?.code]).toEqual([405, allow, 'CAUCUS_METHOD_NOT_ALLOWED'])
  })
})

describe('a bad renewal is refused, nothing changes, and the others are undisturbed:', () => {
  const good = { bootId: 'boot-bad', sequence: 1 }
  const text = (change: object) => JSON.stringify({ ...good, ...change })
  const deep = '['.repeat(100_000) + ']'.repeat(100_000)

  test.each([
    ['no body', '', 'body'],
    ['no JSON', '{"bootId":', 'not JSON'],
    ['an array', '[]', 'must be object'],
    ['NaN', '{"bootId":"b","sequence":NaN}', 'not JSON'],
    ['1e308', '{"bootId":"b","sequence":1e308}', 'sequence'],
    ['a negative number', text({ sequence: -1 }), 'sequence'],
    ['a fraction', text({ sequence: 1.5 }), 'sequence'],
    ['text for a number', text({ sequence: '1' }), 'sequence'],
    ['100 000 brackets', deep, 'must be object'],
    ['100 000 brackets in metadata', text({ metadata: 0 }).replace('0', deep), 'deeper'],
    ['__proto__', '{"__proto__":{"admin":true},"bootId":"b","sequence":1}', '__proto__'],
    ['__proto__ in metadata', '{"bootId":"b","sequence":1,"metadata":{"__proto__":1}}', '__proto__'],
    ['constructor', text({ constructor: { prototype: {} } }), 'unknown field "constructor"'],
    ['an unknown field', text({ wieght: 1 }), 'unknown field "wieght"'],
    ['a weight', text({ weight: -1 }), 'weight'],
    ['a control character', text({ bootId: 'a\u0000' }), 'control character'],
    ['metadata of 5 KB', text({ metadata: 'x'.repeat(5_000) }), '4096'],
    ['no such share', text({ share: 'indices' }), 'share'],
    ['too many partitions', text({ share: { partitions: 1e9 } }), 'share'],
    ['an item twice', text({ holding: [1, 1].map((item) => ({ item, epoch: 1 })) }), 'twice'],
  ])('%s', async (_what, body, why) => {
    await join('a')
    const before = server.state()
    const { status, error } = await server.ask('PUT', member('bad'), { body })
    expect(status).toBe(400)
    expect(error).toMatchObject({ code: 'CAUCUS_INVALID_ARGUMENT', message: expect.stringContaining(why) })
    expect(server.state()).toEqual(before)
    expect(({} as Record<string, unknown>).admin).toBeUndefined()
    expect((await join('a', { sequence: 2 })).status).toBe(200)
  })

  test('a body that is not UTF-8', async () => {
    const body = Buffer.concat([Buffer.from('{"bootId":"'), Buffer.from([0xff]), Buffer.from('","sequence":1}')])
    expect((await server.ask('PUT', member('bad'), { body })).error?.message).toContain('not UTF-8')
  })

  test.each([
    ['says its length', {}],
    ['comes in chunks', { 'transfer-encoding': 'chunked' }],
  ])('a body of 10 MB that %s', async (_what, headers) => {
    const body = Buffer.alloc(10 * 2 ** 20, ' ')
    const answer = await server.ask('PUT', member('bad'), { body, headers: headers as Record<string, string> })
    expect(answer.status).toBe(413)
    expect(answer.error).toMatchObject({ code: 'CAUCUS_TOO_LARGE', message: 'the body has at most 1048576 bytes' })
    expect(server.hosting.viewOf('g')).toBeUndefined()
  })

  test('another share than the group has', async () => {
    await join('a', { share: { partitions: 4 } })
    const before = server.state()
    for (const share of ['index', { partitions: 8 }]) {
      const { status, error } = await join('b', { share })
      expect(status).toBe(409)
      expect(error).toMatchObject({ code: 'CAUCUS_CONFLICT', message: expect.stringContaining('4 partitions') })
    }
    expect(server.state()).toEqual(before)
  })

  test('a claim far ahead of every generation', async () => {
    const { status, error } = await join('a', { generation: 4_000_000_000, incarnation: 2 ** 53 - 1 })
    expect([status, error?.code]).toEqual([400, 'CAUCUS_PROTOCOL'])
  })

  test.each(['%00', 'a%0Ab', 'x'.repeat(257), '%ed%a0%80'])('an id such as %s', async (id) => {
    const { status, error } = await server.put(`/v1/groups/g/members/${id}`, good)
    expect([status, error?.code]).toEqual([400, 'CAUCUS_INVALID_ARGUMENT'])
    expect((await server.put(`/v1/groups/${id}/members/a`, good)).status).toBe(400)
  })

  test('more members and more groups than the limit', async () => {
    for (let i = 0; i < 10; i++) expect((await join(`m${i}`)).status).toBe(200)
    expect(await join('late')).toMatchObject({ status: 429, error: { code: 'CAUCUS_OVERLOADED', retriable: true } })
    for (let i = 1; i < 10; i++) await server.put(member('a', `g${i}`), good)
    const refused = await server.put(member('a', 'one more'), good)
    expect(refused.error?.code).toBe('CAUCUS_OVERLOADED')
    expect((await join('m0', { sequence: 2 })).status).toBe(200)
  })
})

test.each(['incarnation=1', 'bootId=b&sequence=1', 'incarnation=1&bootId=b&sequence=x', 'force'])(
  'a DELETE with ?%s is no eviction by mistake',
  async (query) => {
    await join('a')
    const { status, error } = await server.ask('DELETE', `${member('a')}?${query}`)
    expect([status, error?.code]).toEqual([400, 'CAUCUS_INVALID_ARGUMENT'])
    expect((await server.ask('GET', member('a'))).status).toBe(200)
  },
)
