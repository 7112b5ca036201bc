import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import type { AccessRule, Grant } from '../../../src/config/access.ts'
import { explainWhy } from '../../../src/core/group/explain.ts'
import type { GroupPast } from '../../../src/core/group/past.ts'
import type { GroupView } from '../../../src/core/group/view.ts'
import type { RecordedEvent } from '../../../src/ports/hosting.ts'
import { Access } from '../../../src/server/access/access.ts'
import type { AuditEntry } from '../../../src/server/access/audit.ts'
import { TestServer } from './harness.ts'

const rule = (name: string, grant: Grant): AccessRule => ({
  name,
  credential: { type: 'token', token: `token-of-${name}` },
  grant,
})
const RULES = [
  rule('reader', { role: 'read' }),
  rule('worker', { role: 'member' }),
  rule('ops', { role: 'admin' }),
  rule('team', { role: 'admin', groups: ['g'], members: ['a*'] }),
]

let server: TestServer
let lines: AuditEntry[]
beforeEach(async () => {
  lines = []
  server = await TestServer.start({ access: new Access(RULES), audit: (line) => lines.push(line) })
  await as('worker', 'PUT', '/v1/groups/g/members/a', { bootId: 'boot-a', sequence: 1, share: { partitions: 4 } })
  await server.clock.play(1_500)
})
afterEach(() => server[Symbol.asyncDispose]())

const as = (name: string, method: string, path: string, body?: unknown) =>
  server.ask(method, path, {
    headers: { authorization: `Bearer token-of-${name}` },
    ...(body !== undefined && { body: typeof body === 'string' ? body : JSON.stringify(body) }),
  })
const group = async () => (await as('ops', 'GET', '/v1/groups/g')).json as GroupView

describe('an operator', () => {
  test('freezes and thaws a group', async () => {
    expect(await as('ops', 'PUT', '/v1/groups/g/freeze')).toMatchObject({ status: 200, json: { frozen: true } })
    expect((await group()).frozen).toBe(true)
    expect(await as('ops', 'DELETE', '/v1/groups/g/freeze')).toMatchObject({ status: 200, json: { frozen: false } })
    expect((await group()).frozen).toBeUndefined()
  })

  test('pins a partition and takes that back', async () => {
    const pin = '/v1/groups/g/pins/2'
    expect(await as('ops', 'PUT', pin, { member: 'b' })).toMatchObject({ status: 200, json: { pinned: true } })
    expect((await group()).pins).toEqual([{ partition: 2, member: 'b' }])
    expect(await as('ops', 'DELETE', pin)).toMatchObject({ status: 200, json: { pinned: false } })
    expect((await as('ops', 'DELETE', pin)).error?.code).toBe('CAUCUS_NOT_FOUND')
  })

  test('has a member drained and gives it work again', async () => {
    const drain = '/v1/groups/g/members/a/drain'
    expect(await as('ops', 'PUT', drain)).toMatchObject({ status: 200, json: { drained: true } })
    expect((await group()).members[0]?.drained).toBe(true)
    expect(await as('ops', 'DELETE', drain)).toMatchObject({ status: 200, json: { drained: false } })
    expect((await as('ops', 'PUT', '/v1/groups/g/members/nobody/drain')).error?.code).toBe('CAUCUS_NOT_FOUND')
  })

  test('leaves a line for each in the audit log, also for what failed', async () => {
    await as('ops', 'PUT', '/v1/groups/g/freeze')
    await as('ops', 'PUT', '/v1/groups/g/pins/2', { member: 'b' })
    await as('ops', 'DELETE', '/v1/groups/g/pins/3')
    await as('ops', 'PUT', '/v1/groups/g/pins/9', { member: 'b' })
    const by = { identity: 'ops', via: 'token', from: '127.0.0.1', group: 'g', time: expect.any(String) }
    expect(lines).toEqual([
      { ...by, action: 'freeze', outcome: 'done' },
      { ...by, action: 'pin', partition: 2, member: 'b', outcome: 'done' },
      { ...by, action: 'unpin', partition: 3, outcome: 'not found', code: 'CAUCUS_NOT_FOUND' },
      { ...by, action: 'pin', partition: 9, member: 'b', outcome: 'failed', code: 'CAUCUS_INVALID_ARGUMENT' },
    ])
  })

  test.each(['reader', 'worker'])('may, and %s may not', async (name) => {
    const before = server.state()
    for (const [method, path, body] of [
      ['PUT', '/v1/groups/g/freeze'],
      ['DELETE', '/v1/groups/g/freeze'],
      ['PUT', '/v1/groups/g/pins/2', { member: 'a' }],
      ['DELETE', '/v1/groups/g/pins/2'],
      ['PUT', '/v1/groups/g/members/a/drain'],
      ['DELETE', '/v1/groups/g/members/a/drain'],
    ] as const) {
      const { status, error } = await as(name, method, path, body)
      expect([path, status, error?.code]).toEqual([path, 403, 'CAUCUS_FORBIDDEN'])
    }
    expect(server.state()).toEqual(before)
  })

  test('of some members orders what is about them, and nothing about all', async () => {
    expect((await as('team', 'PUT', '/v1/groups/g/members/a/drain')).status).toBe(200)
    expect((await as('team', 'PUT', '/v1/groups/g/pins/1', { member: 'a2' })).status).toBe(200)
    expect((await as('team', 'PUT', '/v1/groups/g/pins/1', { member: 'b' })).status).toBe(403)
    expect((await as('team', 'DELETE', '/v1/groups/g/pins/1')).status).toBe(200)
    await as('ops', 'PUT', '/v1/groups/g/pins/1', { member: 'b' })
    expect((await as('team', 'DELETE', '/v1/groups/g/pins/1')).status).toBe(403)
    const { status, error } = await as('team', 'PUT', '/v1/groups/g/freeze')
    expect([status, error?.message]).toEqual([403, expect.stringMatching(/"team" may not freeze .* lists no members/)])
  })
})

test.each([
  ['PUT', 'members/b/drain', undefined, '"team" may not drain "b" in the group "g"'],
  ['DELETE', 'members/b/drain', undefined, '"team" may not give "b" work again in the group "g"'],
  ['PUT', 'pins/1', { member: 'b' }, '"team" may not pin a partition to "b" in the group "g"'],
  ['PUT', 'pins/2', { member: 'a' }, '"team" may not take a pin to "b" away in the group "g"'],
  ['DELETE', 'pins/2', undefined, '"team" may not take a pin to "b" away in the group "g"'],
  ['DELETE', 'members/b', undefined, '"team" may not evict "b" from the group "g"'],
  ['DELETE', 'freeze', undefined, '"team" may not thaw the group "g"'],
])('%s %s, by whom it is not for, is refused in its own words', async (method, path, body, why) => {
  await as('ops', 'PUT', '/v1/groups/g/pins/2', { member: 'b' })
  const { status, error } = await as('team', method, `/v1/groups/g/${path}`, body)
  expect([status, error?.message]).toEqual([403, expect.stringContaining(`${why}: that takes an entry`)])
})

test('whoever orders something of some members hears of a pin that is not there as others do', async () => {
  const { status, error } = await as('team', 'DELETE', '/v1/groups/g/pins/3')
  expect([status, error?.code]).toEqual([404, 'CAUCUS_NOT_FOUND'])
  expect(lines.at(-1)).toMatchObject({ identity: 'team', action: 'unpin', partition: 3, outcome: 'not found' })
  expect((await as('worker', 'DELETE', '/v1/groups/g/pins/3')).error?.message).toMatch(
    /may not take pins away in the group "g"/,
  )
})

test('what is only read is not said to be unchanged', async () => {
  for (const path of ['nowhere', 'nowhere/history', 'g/members/nobody']) {
    const { status, error } = await as('reader', 'GET', `/v1/groups/${path}`)
    expect([status, error?.message]).toEqual([404, expect.not.stringContaining('nothing changed')])
  }
})

test.each([
  ['PUT', '/v1/groups/g/freeze', { frozen: true }, 'no body'],
  ['PUT', '/v1/groups/g/members/a/drain', '0', 'no body'],
  ['PUT', '/v1/groups/g/pins/2', undefined, '{"member":"ID"}'],
  ['PUT', '/v1/groups/g/pins/2', '{', 'not JSON'],
  ['PUT', '/v1/groups/g/pins/2', { member: 'a\n' }, 'control character'],
  ['PUT', '/v1/groups/g/pins/2', { member: 'a', force: true }, 'unknown field "force"'],
  ['PUT', '/v1/groups/g/pins/x', { member: 'a' }, 'from 0 to 4095'],
  ['PUT', '/v1/groups/g/pins/4096', { member: 'a' }, 'from 0 to 4095'],
  ['DELETE', '/v1/groups/g/pins/-1', undefined, 'from 0 to 4095'],
  ['DELETE', '/v1/groups/a%00/freeze', undefined, 'control character'],
])('%s %s with %j is refused, and changes nothing', async (method, path, body, why) => {
  const before = server.state()
  const { status, error } = await as('ops', method, path, body)
  expect([status, error?.code, error?.message]).toEqual([400, 'CAUCUS_INVALID_ARGUMENT', expect.stringContaining(why)])
  expect(server.state()).toEqual(before)
})

interface Answer extends GroupPast<RecordedEvent> {
  readonly group: string
  readonly view?: GroupView
}

describe('the past of a group', () => {
  const history = async (query = '') => (await as('reader', 'GET', `/v1/groups/g/history${query}`)).json as Answer

  test('is told from its beginning, or as far as one asks', async () => {
    const { events, ...rest } = await history()
    expect(rest).toMatchObject({ group: 'g', forgotten: false, more: false })
    expect(rest.view).toBeUndefined()
    const types = events.map(({ event }) => event.type)
    expect(types).toEqual(['member.joined', 'group.settling', ...Array(4).fill('partition.granted'), 'group.settled'])
    const last = await history('?limit=2')
    expect(last.more).toBe(true)
    expect(last.events).toEqual(events.slice(-2))
    expect((await history('?partition=2')).events.map(({ event }) => event)).toMatchObject([{ partition: 2 }])
    expect((await history('?member=a')).events).toHaveLength(6)
    expect(await history('?member=b')).toMatchObject({ events: [], more: false })
  })

  test('with the group of the same moment explains itself', async () => {
    const past = await history('?view=true')
    const { sentence } = explainWhy(past.view, past, { type: 'partition', partition: 2 })
    expect(sentence).toMatch(/^Partition 2 is with a, which got it .* because nobody had claimed it.* because a joined/)
  })

  test('outlives the group', async () => {
    const { incarnation } = (await as('ops', 'GET', '/v1/groups/g/members/a')).json as { incarnation: number }
    await as('worker', 'DELETE', `/v1/groups/g/members/a?incarnation=${incarnation}&bootId=boot-a&sequence=9`)
    await server.clock.play(60_000)
    expect((await as('reader', 'GET', '/v1/groups/g')).status).toBe(404)
    const past = await history('?view=true')
    expect(past.view).toBeUndefined()
    expect(past.events.at(-1)?.event.type).toMatch(/^(member|group)\./)
    expect((await history('?member=x')).events).toEqual([])
  })

  test('of a group that never was is not there', async () => {
    expect((await as('reader', 'GET', '/v1/groups/none/history')).error?.code).toBe('CAUCUS_NOT_FOUND')
  })

  test.each(['limit=0', 'limit=10001', 'limit=x', 'partition=4096', 'member=', 'view=1', 'since=1', 'limit=1&limit=2'])(
    'is not told to %s',
    async (query) => {
      const { status, error } = await as('reader', 'GET', `/v1/groups/g/history?${query}`)
      expect([status, error?.code]).toEqual([400, 'CAUCUS_INVALID_ARGUMENT'])
    },
  )
})
