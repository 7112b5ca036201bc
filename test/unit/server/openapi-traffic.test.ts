import { once } from 'node:events'
import { Ajv2020 } from 'ajv/dist/2020.js'
import fc from 'fast-check'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { WebSocket } from 'ws'
import type { RenewAnswer } from '../../../src/wire/http.ts'
import { type Answer, TestServer } from './harness.ts'
import { arbitraryOf, closed, type JsonSchema, type OpenApi, resolved, spoilt } from './openapi-schema.ts'
import { json as payloadOf, TopicsClient } from './topics-client.ts'

const MEMBER = '/v1/groups/{group}/members/{member}'
const ASK = '/v1/topics/{topic}/requests'
const ajv = new Ajv2020({ strict: false })

let server: TestServer
let document: OpenApi
beforeEach(async () => {
  server = await TestServer.start()
  document = (await server.ask('GET', '/openapi.json')).json as OpenApi
})
afterEach(() => server[Symbol.asyncDispose]())

const operation = (method: string, path: string) =>
  document.paths[path]?.[method] ?? expect.fail(`no ${method} ${path}`)
const parameter = (method: string, path: string, name: string): JsonSchema =>
  operation(method, path).parameters.find((each) => each.name === name)?.schema ?? expect.fail(`no ${name}`)
const bodySchema = (): JsonSchema =>
  resolved(operation('put', MEMBER).requestBody?.content['application/json']?.schema, document)
const path = (group: string, member: string) =>
  `/v1/groups/${encodeURIComponent(group)}/members/${encodeURIComponent(member)}`

const strings = (values: Readonly<Record<string, unknown>>): Record<string, string> =>
  Object.fromEntries(Object.entries(values).map(([name, value]) => [name, String(value)]))

type Item = { readonly item: number; readonly epoch: number; readonly of?: number }
/** What no JSON Schema can say: an item stands in a list once, and an index is from 1 to its total. */
const meant = (items: readonly Item[] | undefined): readonly Item[] | undefined => {
  const once = new Map(items?.map((each) => [each.item, each]))
  return (
    items &&
    [...once.values()].map(({ of, ...rest }) =>
      of !== undefined && rest.item >= 1 && rest.item <= of ? { ...rest, of } : rest,
    )
  )
}

const FULL = {
  bootId: 'b',
  sequence: 1,
  incarnation: 1,
  generation: 1_700_000_000,
  share: { partitions: 4 },
  metadata: { zone: 1 },
  leaving: false,
  order: 0,
  weight: 1,
  static: true,
  holding: [{ item: 1, epoch: 1, of: 2 }],
  draining: [{ item: 2, epoch: 1 }],
  acknowledged: [{ item: 3, epoch: 1 }],
}

describe('a request that the document allows', () => {
  test('is taken, whatever the coordinator then says to it', async () => {
    const bodies = arbitraryOf(bodySchema())
    const groups = arbitraryOf(parameter('put', MEMBER, 'group'))
    const members = arbitraryOf(parameter('put', MEMBER, 'member'))
    await fc.assert(
      fc.asyncProperty(groups, members, bodies, async (group, member, drawn) => {
        const body = drawn as Record<string, unknown>
        for (const list of ['holding', 'draining', 'acknowledged'] as const) {
          if (body[list] !== undefined) body[list] = meant(body[list] as readonly Item[])
        }
        const { status, error } = await server.put(path(String(group), String(member)), body)
        // A generation far ahead of every other is a protocol error; a join of the poll clients' group a conflict.
        expect([status, error?.code, error?.message]).not.toContain('CAUCUS_INVALID_ARGUMENT')
        expect([200, 400, 409, 429, 503]).toContain(status)
      }),
      { numRuns: 150 },
    )
  })

  test('of the most that it allows is taken, too', async () => {
    expect((await server.put(path('g', 'a'), FULL)).error?.code).not.toBe('CAUCUS_INVALID_ARGUMENT')
    const longest = (schema: JsonSchema) => 'x'.repeat(schema.maxLength ?? 0)
    const [group, member] = ['group', 'member'].map((name) => longest(parameter('put', MEMBER, name)))
    const { status } = await server.put(path(String(group), String(member)), { bootId: 'b', sequence: 1 })
    expect(status).toBe(200)
  })

  test('leaves with the query that is described, and goes on from a revision', async () => {
    const named = ['incarnation', 'bootId', 'sequence']
    const drawn = named.map((name) => arbitraryOf(parameter('delete', MEMBER, name)))
    await fc.assert(
      fc.asyncProperty(fc.tuple(...drawn), async (values) => {
        const query = new URLSearchParams(Object.fromEntries(named.map((name, i) => [name, String(values[i])])))
        expect((await server.ask('DELETE', `${path('g', 'a')}?${query}`)).error?.code).not.toBe(
          'CAUCUS_INVALID_ARGUMENT',
        )
      }),
      { numRuns: 50 },
    )
  })
})

describe('an ask that the document allows', () => {
  test('is taken, whatever its topic, its query and its body', async () => {
    const topics = arbitraryOf(parameter('post', ASK, 'topic'))
    const names = ['within', 'until', 'pick'] as const
    const query = fc.record(
      Object.fromEntries(names.map((name) => [name, arbitraryOf(parameter('post', ASK, name))])),
      { requiredKeys: [] },
    )
    const ids = fc.array(arbitraryOf(parameter('post', ASK, 'id').items as JsonSchema), { maxLength: 3 })
    await fc.assert(
      fc.asyncProperty(topics, query, ids, fc.json(), async (topic, drawn, id, body) => {
        const asked = new URLSearchParams(strings(drawn))
        for (const each of id) asked.append('id', String(each))
        const path = `/v1/topics/${encodeURIComponent(String(topic))}/requests?${asked}`
        expect([path, (await server.ask('POST', path, { body })).status]).toEqual([path, 200])
      }),
      { numRuns: 100 },
    )
  })
})

describe('a request that the document does not allow', () => {
  test('is refused for every rule of its schema, and changes nothing', async () => {
    await server.put(path('g', 'other'), { bootId: 'o', sequence: 1 })
    const before = server.state()
    const wrong = spoilt(bodySchema(), FULL)
    expect(wrong.length).toBeGreaterThan(80)
    for (const { what, value } of wrong) {
      const { status, error } = await server.put(path('g', 'a'), value)
      expect([what, status, error?.code]).toEqual([what, 400, 'CAUCUS_INVALID_ARGUMENT'])
    }
    expect(server.state()).toEqual(before)
  })

  test('is refused for its path and its query', async () => {
    for (const name of ['group', 'member']) {
      const schema = parameter('put', MEMBER, name)
      const bad = spoilt(schema, 'x').filter(({ value }) => typeof value === 'string' && value !== '')
      for (const { what, value } of bad) {
        const asked = name === 'group' ? path(String(value), 'a') : path('g', String(value))
        expect([what, (await server.put(asked, { bootId: 'b', sequence: 1 })).status]).toEqual([what, 400])
      }
    }
    const good: Record<string, unknown> = { incarnation: 1, bootId: 'b', sequence: 1 }
    for (const name of Object.keys(good)) {
      for (const { what, value } of spoilt(parameter('delete', MEMBER, name), good[name])) {
        if (value === 1 || value === '1') continue
        const query = new URLSearchParams({ ...strings(good), [name]: String(value) })
        const { status } = await server.ask('DELETE', `${path('g', 'a')}?${query}`)
        expect([name, what, status]).toEqual([name, what, 400])
      }
    }
    for (const [name, value] of [
      ['within', 1],
      ['until', 'all'],
      ['pick', 1],
    ] as const) {
      for (const { what, value: bad } of spoilt(parameter('post', ASK, name), value)) {
        if (String(bad) === '1') continue
        const asked = `/v1/topics/t/requests?${new URLSearchParams({ [name]: String(bad) })}`
        expect([name, what, (await server.ask('POST', asked, { body: '1' })).status]).toEqual([name, what, 400])
      }
    }
    for (const after of ['x', '1', '1-', '12345678901-1']) {
      expect((await server.ask('GET', `/v1/groups/g/events?after=${after}`)).status).toBe(400)
    }
  })
})

describe('an answer of the live server', () => {
  const seen = new Set<string>()

  /** Asks, and holds the answer against what the document says of it. */
  const ask = async (method: string, template: string, asked: string, more: Parameters<TestServer['ask']>[2] = {}) => {
    const answer = await server.ask(method, asked, more)
    seen.add(`${method} ${template} ${answer.status}`)
    fits(method, template, answer)
    return answer
  }
  const fits = (method: string, template: string, { status, json, headers }: Answer) => {
    const described = operation(method.toLowerCase(), template).responses[status] ?? expect.fail(`no ${status}`)
    const [type, { schema }] = Object.entries(described.content ?? {})[0] ?? expect.fail(`no content of ${status}`)
    const [sent] = type === 'application/json' ? (headers['content-type'] ?? '').split(';') : [headers['content-type']]
    expect(sent).toBe(type)
    if (type !== 'application/json') return
    const whole = resolved(schema, document)
    const check = ajv.compile(status === 200 && template !== '/openapi.json' ? (closed(whole) as object) : whole)
    expect([template, check(json), ajv.errorsText(check.errors), json]).toEqual([template, true, 'No errors', json])
  }

  test('fits what the document says, has no field more, and each kind of answer has been seen', async () => {
    const put = (body: object, member = 'a') =>
      ask('PUT', MEMBER, path('g', member), {
        body: JSON.stringify(body),
        headers: { 'content-type': 'application/json' },
      })
    const joined = await put({ bootId: 'b', sequence: 1, share: { partitions: 4 }, metadata: { zone: 1 } })
    const { generation, incarnation } = joined.json as RenewAnswer
    await server.clock.play(1_500)
    await put({ bootId: 'b', sequence: 2, generation, incarnation, order: 1 })
    await put({ bootId: 'c', sequence: 1 }, 'b')
    await server.clock.play(1_500)
    await put({ bootId: 'b', sequence: 3, generation, incarnation, order: 2 })
    await put({ bootId: 'b', sequence: 3 })
    await put({ bootId: 'b' })
    const session = { 'Bloc-Session-ID': 'p' }
    await ask('GET', '/index', '/index', { headers: session })
    await server.clock.play(2_000)
    await ask('GET', '/index', '/index', { headers: session })
    await ask('GET', '/v1/groups', '/v1/groups')
    await ask('GET', '/v1/groups/{group}', '/v1/groups/g')
    await ask('GET', '/v1/groups/{group}', '/v1/groups/none')
    await ask('GET', MEMBER, path('g', 'a'))
    const frozen = '/v1/groups/{group}/freeze'
    const pinned = '/v1/groups/{group}/pins/{partition}'
    const drained = `${MEMBER}/drain`
    const order = (method: string, template: string, asked: string, body?: object) =>
      ask(method, template, asked, body === undefined ? {} : { body: JSON.stringify(body) })
    await order('PUT', frozen, '/v1/groups/g/freeze')
    await order('PUT', frozen, '/v1/groups/none/freeze')
    await order('PUT', frozen, '/v1/groups/default/freeze')
    await order('PUT', pinned, '/v1/groups/g/pins/2', { member: 'a' })
    await order('PUT', pinned, '/v1/groups/g/pins/4', { member: 'a' })
    await order('PUT', drained, `${path('g', 'b')}/drain`)
    await ask('GET', '/v1/groups/{group}', '/v1/groups/g')
    await ask('GET', '/v1/groups/{group}/history', '/v1/groups/g/history?view=true')
    await ask('GET', '/v1/groups/{group}/history', '/v1/groups/g/history?limit=2&member=a')
    await ask('GET', '/v1/groups/{group}/history', '/v1/groups/none/history')
    await ask('GET', '/v1/groups/{group}/history', '/v1/groups/g/history?limit=0')
    await order('DELETE', frozen, '/v1/groups/g/freeze')
    await order('DELETE', pinned, '/v1/groups/g/pins/2')
    await order('DELETE', pinned, '/v1/groups/g/pins/2')
    await order('DELETE', drained, `${path('g', 'b')}/drain`)
    const instance = '/v1/services/{service}/instances/{instance}'
    const asked = '/v1/services/search/instances/a'
    const said = { host: '10.0.0.7', port: 80, tags: ['v1'], zone: 'x', weight: 2, status: 'up', metadata: { n: 1 } }
    const registered = await order('PUT', instance, asked, { bootId: 'b', sequence: 1, ...said })
    await order('PUT', instance, asked, { bootId: 'b', sequence: 1, ...said })
    await order('PUT', instance, asked, { bootId: 'b', sequence: 2, host: 'a b', port: 80 })
    await ask('GET', '/v1/services', '/v1/services')
    await ask('GET', '/v1/services/{service}', '/v1/services/search?tag=v1&zone=x&status=any')
    await ask('GET', '/v1/services/{service}', '/v1/services/search?status=fine')
    const { incarnation: number } = registered.json as RenewAnswer
    await ask('DELETE', instance, `${asked}?incarnation=${number}&bootId=b&sequence=3`)
    await ask('DELETE', instance, asked)
    const client = await new TopicsClient(server.port).open()
    await client.produces(1, 'price', 'a')
    client.answers()
    await ask('GET', '/v1/topics', '/v1/topics')
    await ask('GET', '/v1/topics/{topic}', '/v1/topics/price')
    await ask('GET', '/v1/topics/{topic}', '/v1/topics/none')
    await ask('POST', ASK, '/v1/topics/price/requests', { body: '1' })
    await ask('POST', ASK, '/v1/topics/price/requests?within=0', { body: '1' })
    client.socket.terminate()
    await ask('GET', '/healthz', '/healthz')
    await ask('GET', '/readyz', '/readyz')
    await ask('GET', '/healthz', '/healthz', { headers: { origin: 'http://example.org' } })
    await ask('GET', '/v1/status', '/v1/status')
    await ask('GET', '/v1/overview', '/v1/overview')
    await ask('GET', '/metrics', '/metrics')
    await ask('GET', '/openapi.json', '/openapi.json')
    await ask('GET', '/v1/link', '/v1/link')
    await ask('DELETE', MEMBER, `${path('g', 'a')}?incarnation=${incarnation}&bootId=b&sequence=4`)
    await ask('DELETE', MEMBER, path('g', 'b'))
    await ask('DELETE', MEMBER, path('g', 'b'))
    await ask('DELETE', '/session', '/session', { headers: session })
    await ask('PUT', MEMBER, path('g', 'a'), { body: ' '.repeat(2 ** 20 + 1) })
    const answered = Object.entries(document.paths).flatMap(([template, methods]) =>
      Object.entries(methods).flatMap(([method, { responses }]) =>
        responses['200']?.content === undefined ? [] : [`${method.toUpperCase()} ${template} 200`],
      ),
    )
    expect(answered.filter((each) => !seen.has(each))).toEqual([
      'GET /v1/groups/{group}/events 200',
      'GET /v1/services/{service}/events 200',
      'GET /v1/topics/{topic}/asks 200',
    ])
    for (const status of [400, 403, 404, 409, 413])
      expect([...seen].some((each) => each.endsWith(` ${status}`))).toBe(true)
  })

  test('as a stream of events has the events that are described', async () => {
    const ended = new AbortController()
    // The whole answer is kept: the body of one that was collected ends, as if the server had ended it.
    const stream = await fetch(`${server.url}/v1/groups/g/events`, { signal: ended.signal })
    const { RecordedEvent } = document.components.schemas
    const check = ajv.compile(closed(resolved(RecordedEvent, document)) as object)
    await server.put(path('g', 'a'), { bootId: 'b', sequence: 1 })
    await server.clock.play(1_500)
    let text = ''
    for await (const piece of stream.body ?? []) {
      text += Buffer.from(piece).toString()
      if (text.includes('group.settled')) break
    }
    ended.abort()
    const data = text.split('\n').flatMap((line) => (line.startsWith('data: ') ? [JSON.parse(line.slice(6))] : []))
    expect(data.map(({ event }) => event.type)).toEqual([
      'member.joined',
      'group.settling',
      'slot.granted',
      'group.settled',
    ])
    for (const each of data) expect([check(each), each]).toEqual([true, each])
  })

  test('to an ask has the lines that are described, and no field more', async () => {
    const client = await new TopicsClient(server.port).open()
    for (const [index, id] of ['a', 'b', 'c'].entries()) await client.produces(index + 1, 'price', id)
    const sent = server.ask('POST', '/v1/topics/price/requests', { body: '1' })
    const error = {
      code: 'CAUCUS_HANDLER_FAILED',
      message: 'no',
      retriable: false,
      definite: false,
      details: {},
    } as const
    for (const payload of [payloadOf({ cents: 1 }), { kind: 'bytes', bytes: Buffer.alloc(1) } as const, undefined]) {
      const { request } = await client.hears('request')
      if (payload === undefined) client.says({ type: 'fail', request, outcome: 'error', error })
      else client.says({ type: 'reply', request, payload })
    }
    const lines = (await sent).text.trim().split('\n')
    client.socket.terminate()
    const check = ajv.compile(closed(resolved(document.components.schemas.AskLine, document)) as object)
    const types = lines.map((line) => JSON.parse(line)).map((line) => [line.type, check(line)])
    expect(types).toEqual([
      ['reply', true],
      ['reply', true],
      ['error', true],
      ['summary', true],
    ])
    expect(check({ type: 'failed', error })).toBe(true)
    expect(check({ type: 'reply' })).toBe(false)
  })

  test('on a link has the frames that are described', async () => {
    const socket = new WebSocket(`ws://127.0.0.1:${server.port}/v1/link`, ['caucus.v2'])
    const frames: unknown[] = []
    socket.on('message', (data) => frames.push(JSON.parse(String(data))))
    await once(socket, 'open')
    const fromMember = [{ type: 'renew', group: 'g', member: 'a', bootId: 'b', sequence: 1, order: 0 }]
    const lists = { holding: [], draining: [], acknowledged: [] }
    const { LinkFrameOfMember, LinkFrameOfServer } = document.components.schemas
    expect(ajv.validate(resolved(LinkFrameOfMember, document), fromMember)).toBe(false)
    const frame = fromMember.map((each) => ({ ...each, ...lists }))
    expect(ajv.validate(resolved(LinkFrameOfMember, document), frame)).toBe(true)
    socket.send(JSON.stringify(frame))
    while (frames.length < 2) await once(socket, 'message')
    for (const each of frames)
      expect([ajv.validate(resolved(LinkFrameOfServer, document), each), each]).toEqual([true, each])
    socket.terminate()
  })
})
