import { once } from 'node:events'
import { get } from 'node:http'
import { afterEach, describe, expect, test } from 'vitest'
import { WebSocket } from 'ws'
import type { AccessRule, Grant } from '../../../src/config/access.ts'
import type { CoordinatorMessage, Renew } from '../../../src/core/group/messages.ts'
import { Access } from '../../../src/server/access/access.ts'
import type { AuditEntry } from '../../../src/server/access/audit.ts'
import type { ListenOptions } from '../../../src/server/options.ts'
import { TestServer } from './harness.ts'

const rule = (name: string, grant: Grant, token = `token-of-${name}`): AccessRule => ({
  name,
  credential: { type: 'token', token },
  grant,
})
const RULES = [
  rule('reader', { role: 'read', groups: ['jobs-*'] }),
  rule('jobs', { role: 'member', groups: ['jobs-*'] }),
  rule('other', { role: 'member', groups: ['jobs-*'] }),
  rule('listed', { role: 'member', groups: ['jobs-*', 'default'], members: ['w-*'] }),
  rule('ops', { role: 'admin', groups: ['jobs-*', 'web'] }),
  rule('root', { role: 'admin' }),
]

const servers: TestServer[] = []
const sockets: WebSocket[] = []
afterEach(async () => {
  for (const socket of sockets.splice(0)) socket.terminate()
  for (const server of servers.splice(0)) await server[Symbol.asyncDispose]()
})

const start = async (options: Partial<ListenOptions> = {}) => {
  const access = new Access(RULES)
  const lines: AuditEntry[] = []
  const server = await TestServer.start({ access, audit: (line) => lines.push(line), ...options })
  servers.push(server)
  const as = (name: string, more: Record<string, string> = {}) => ({
    authorization: `Bearer token-of-${name}`,
    ...more,
  })
  const ask = async (name: string, method: string, path: string, body?: unknown) => {
    const session = { 'bloc-session-id': path.startsWith('/index') ? (path.split('?')[1] ?? 'x') : 'w-1' }
    const answer = await server.ask(method, path, {
      headers: as(name, session),
      ...(body !== undefined && { body: JSON.stringify(body) }),
    })
    return answer
  }
  const status = async (...args: Parameters<typeof ask>) => (await ask(...args)).status
  return { access, lines, server, as, ask, status }
}

const renewal = (bootId = 'boot-1', sequence = 1) => ({ bootId, sequence })

describe('a role', () => {
  test('read sees its groups and no others, in pictures and in metrics', async () => {
    const { ask, status } = await start()
    await ask('root', 'PUT', '/v1/groups/jobs-a/members/x', renewal())
    await ask('root', 'PUT', '/v1/groups/web/members/x', renewal())
    for (const path of ['/v1/groups', '/v1/status', '/v1/overview']) {
      const { json } = await ask('reader', 'GET', path)
      expect((json as { groups: { name: string }[] }).groups.map(({ name }) => name)).toEqual(['jobs-a'])
    }
    expect(await status('reader', 'GET', '/v1/groups/jobs-a')).toBe(200)
    expect(await status('reader', 'GET', '/v1/groups/jobs-a/members/x')).toBe(200)
    const metrics = await ask('reader', 'GET', '/metrics')
    expect(metrics.text).toContain('caucus_members{group="jobs-a"} 1')
    expect(metrics.text).not.toContain('group="web"')
    // Whether there is such a group is nobody else's business either.
    for (const path of ['/v1/groups/web', '/v1/groups/nowhere', '/v1/groups/web/members/x', '/v1/groups/web/events']) {
      const { status, error } = await ask('reader', 'GET', path)
      expect([path, status, error?.code]).toEqual([path, 403, 'CAUCUS_FORBIDDEN'])
      expect(error?.message).toMatch(/"reader" may not read the group .*the role read that covers the group/)
    }
  })

  test.each([
    ['reader', [403, 403, 403, 403]],
    ['jobs', [200, 200, 403, 403]],
    ['listed', [403, 200, 403, 403]],
    ['ops', [200, 200, 200, 403]],
    ['root', [200, 200, 200, 200]],
  ])('%s does what it is for', async (name, expected) => {
    const { ask, status, server } = await start()
    await ask('root', 'PUT', '/v1/groups/jobs-a/members/victim', renewal())
    await ask('root', 'PUT', '/v1/groups/other/members/victim', renewal())
    const before = server.state()
    const done = [
      await status(name, 'PUT', '/v1/groups/jobs-a/members/x', renewal()),
      await status(name, 'PUT', '/v1/groups/jobs-a/members/w-1', renewal()),
      await status(name, 'DELETE', '/v1/groups/jobs-a/members/victim'),
      await status(name, 'DELETE', '/v1/groups/other/members/victim'),
    ]
    expect(done).toEqual(expected)
    if (name === 'reader') expect(server.state()).toEqual(before)
  })

  test('is needed on bloc’s routes for the group that they serve, with the session as the member', async () => {
    const { status } = await start()
    expect(await status('jobs', 'GET', '/index?x')).toBe(403)
    expect(await status('listed', 'GET', '/index?x')).toBe(403)
    expect(await status('listed', 'GET', '/index?w-1')).toBe(200)
    expect(await status('jobs', 'DELETE', '/session')).toBe(403)
    expect(await status('listed', 'DELETE', '/session')).toBe(200)
  })
})

describe('a member id', () => {
  test('belongs to the identity that brought it, over HTTP too, boot id or not', async () => {
    const { ask, status, lines } = await start()
    const first = (await ask('jobs', 'PUT', '/v1/groups/jobs-a/members/x', renewal())).json as { incarnation: number }
    const leave = `/v1/groups/jobs-a/members/x?incarnation=${first.incarnation}&bootId=boot-1&sequence=9`
    for (const bootId of ['boot-1', 'boot-2']) {
      const { status, error } = await ask('other', 'PUT', '/v1/groups/jobs-a/members/x', renewal(bootId, 2))
      expect([status, error?.message]).toEqual([
        403,
        expect.stringContaining('in use by another identity than "other"'),
      ])
    }
    expect(await status('other', 'DELETE', leave)).toBe(403)
    expect(await status('jobs', 'PUT', '/v1/groups/jobs-a/members/x', renewal('boot-2', 1))).toBe(200)
    expect(await status('root', 'PUT', '/v1/groups/jobs-a/members/x', renewal('boot-3', 1))).toBe(200)
    expect(lines.filter(({ action }) => action === 'takeover')).toMatchObject([{ identity: 'root', member: 'x' }])
  })
})

describe('the audit log', () => {
  test('says who evicted whom, from where and with what outcome, and never a token', async () => {
    const { ask, lines } = await start()
    await ask('jobs', 'PUT', '/v1/groups/jobs-a/members/x', renewal())
    await ask('ops', 'DELETE', '/v1/groups/jobs-a/members/x')
    await ask('ops', 'DELETE', '/v1/groups/jobs-a/members/x')
    await ask('jobs', 'DELETE', '/v1/groups/jobs-a/members/y')
    await ask('nobody', 'GET', '/v1/groups?token=token-of-root')
    const by = { from: '127.0.0.1', time: expect.stringMatching(/^\d{4}-\d\d-\d\dT/) }
    const ops = { ...by, action: 'evict', identity: 'ops', via: 'token', group: 'jobs-a', member: 'x' }
    expect(lines).toEqual([
      { ...ops, outcome: 'done' },
      { ...ops, outcome: 'not found' },
      {
        ...by,
        action: 'refuse',
        identity: 'jobs',
        via: 'token',
        request: 'DELETE /v1/groups/jobs-a/members/y',
        outcome: 'refused',
        code: 'CAUCUS_FORBIDDEN',
        message: expect.stringContaining('"jobs" may not evict "y"'),
      },
      {
        ...by,
        action: 'refuse',
        request: 'GET /v1/groups',
        outcome: 'refused',
        code: 'CAUCUS_UNAUTHORIZED',
        message: expect.stringContaining('the token is wrong'),
      },
    ])
    expect(JSON.stringify(lines)).not.toContain('token-of')
  })

  test('is no flood when somebody is refused again and again', async () => {
    const { ask, lines } = await start()
    for (let i = 0; i < 50; i++) await ask('nobody', 'GET', '/v1/groups')
    expect(lines.length).toBe(10)
  })

  test('goes to the log where there is no other place', async () => {
    const { ask, server } = await start({ audit: undefined })
    await ask('root', 'DELETE', '/v1/groups/jobs-a/members/x')
    expect(server.logged.join()).toMatch(/audit .*"action":"evict","identity":"root"/)
  })
})

describe('a rate', () => {
  test('of requests is told with the time to wait, of one identity and not of another', async () => {
    const { ask, status } = await start({
      limits: { requestsPerSecond: 1, requestsBurst: 30, renewalsPerSecond: 1, renewalsBurst: 3 },
    })
    for (let i = 0; i < 3; i++)
      expect(await status('jobs', 'PUT', '/v1/groups/jobs-a/members/x', renewal('b', i))).toBe(200)
    const refused = await ask('jobs', 'PUT', '/v1/groups/jobs-a/members/x', renewal('b', 9))
    expect([refused.status, refused.error?.code, refused.error?.retriable]).toEqual([429, 'CAUCUS_OVERLOADED', true])
    expect(Number(refused.headers['retry-after'])).toBeGreaterThanOrEqual(1)
    expect(refused.error?.details).toEqual({ retryAfterMs: expect.any(Number) })
    // One cannot use up the other: to look is still allowed.
    const { text } = await ask('root', 'GET', '/metrics')
    expect(text).toContain('caucus_rate_limited_total{kind="renewals",by="address"} 1')
  })

  test('of an address holds whoever has no token too, and whoever guesses', async () => {
    const { server, status } = await start({ limits: { requestsPerSecond: 1, requestsBurst: 5 } })
    const statuses = []
    for (let i = 0; i < 7; i++) statuses.push(await status(`guess-${i}`, 'GET', '/v1/groups/jobs-a'))
    expect(statuses).toEqual([401, 401, 401, 401, 401, 429, 429])
    expect((await server.ask('GET', '/healthz')).status).toBe(429)
  })

  test.each([
    '/v1/groups',
    '/v1/groups?',
    '/v1/%67roups',
    '/v1/groups#x',
    'http://127.0.0.1/v1/groups',
    '/v1/overview',
  ])('of pictures is the same however their path is written: %s', async (path) => {
    const { status } = await start({ limits: { requestsPerSecond: 0.001, requestsBurst: 20 } })
    const statuses = []
    for (let i = 0; i < 3; i++) statuses.push(await status('root', 'GET', path))
    expect(statuses).toEqual([200, 200, 429])
  })
})

/** A member process as far as its frames go. */
class Client {
  readonly socket: WebSocket
  readonly heard: CoordinatorMessage[] = []
  readonly closed: Promise<readonly [number, string]>

  constructor(server: TestServer, headers: Record<string, string>) {
    this.socket = new WebSocket(`ws://127.0.0.1:${server.port}/v1/link?protocol=2`, { headers })
    sockets.push(this.socket)
    this.socket.on('error', () => undefined)
    this.socket.on('message', (data) => this.heard.push(...(JSON.parse(String(data)) as CoordinatorMessage[])))
    this.closed = once(this.socket, 'close').then(([code, reason]) => [code, String(reason)] as const)
  }

  async until(count: number): Promise<readonly CoordinatorMessage[]> {
    while (this.heard.length < count) await once(this.socket, 'message')
    return this.heard
  }

  say(...messages: Renew[]): void {
    this.socket.send(JSON.stringify(messages))
  }
}

const renew = (group: string, member: string, more: Partial<Renew> = {}): Renew => ({
  type: 'renew',
  group,
  member,
  bootId: `boot-${member}`,
  sequence: 1,
  order: 0,
  holding: [],
  draining: [],
  acknowledged: [],
  ...more,
})

const refusedWith = (server: TestServer, headers: Record<string, string>) =>
  new Promise<number>((resolve) => {
    const socket = new WebSocket(`ws://127.0.0.1:${server.port}/v1/link?protocol=2`, { headers })
    sockets.push(socket)
    socket.on('error', () => undefined)
    socket.on('open', () => resolve(101))
    socket.on('unexpected-response', (_request, response) => resolve(response.statusCode ?? 0))
  })

describe('a link', () => {
  test('is for members', async () => {
    const { server, as } = await start()
    expect(await refusedWith(server, as('reader'))).toBe(403)
    expect(await refusedWith(server, as('nobody'))).toBe(401)
    expect(await refusedWith(server, as('jobs'))).toBe(101)
  })

  test('passes on what its identity may say; the rest is refused, member by member, and disturbs nobody', async () => {
    const { server, as, ask } = await start()
    await ask('other', 'PUT', '/v1/groups/jobs-a/members/theirs', renewal())
    const client = new Client(server, as('jobs'))
    await client.until(1)
    client.say(renew('web', 'x'), renew('jobs-a', 'mine'), renew('jobs-a', 'theirs', { bootId: 'boot-2' }))
    const [, ...answers] = await client.until(4)
    expect(answers.map((each) => [each.type, 'member' in each ? each.member : '']).sort()).toEqual([
      ['refused', 'theirs'],
      ['refused', 'x'],
      ['share', 'mine'],
    ])
    expect(answers.filter(({ type }) => type === 'refused')).toMatchObject([
      { code: 'CAUCUS_FORBIDDEN', message: expect.stringMatching(/^"jobs" may not be/) },
      { code: 'CAUCUS_FORBIDDEN', message: expect.stringMatching(/ in use by another/) },
    ])
    expect(server.hosting.viewOf('web')).toBeUndefined()
    expect(
      server.hosting
        .viewOf('jobs-a')
        ?.members.map(({ id }) => id)
        .sort(),
    ).toEqual(['mine', 'theirs'])
    const { text } = await ask('root', 'GET', '/metrics')
    expect(text).toContain('caucus_messages_forbidden_total 2')
  })

  test('shares its members with every other link of the same identity', async () => {
    const { server, as } = await start()
    const [one, two] = [new Client(server, as('jobs')), new Client(server, as('jobs'))]
    await Promise.all([one.until(1), two.until(1)])
    one.say(renew('jobs-a', 'x'))
    await one.until(2)
    two.say(renew('jobs-a', 'x', { bootId: 'boot-2' }))
    expect((await two.until(2))[1]).toMatchObject({ type: 'share', bootId: 'boot-2' })
    expect((await one.until(3))[2]).toMatchObject({ type: 'refused', code: 'CAUCUS_FENCED' })
  })

  test('is told to slow down, and loses nothing by it', async () => {
    const { server, as } = await start({ limits: { renewalsPerSecond: 0.001, renewalsBurst: 2 } })
    const client = new Client(server, as('jobs'))
    await client.until(1)
    for (let sequence = 1; sequence <= 5; sequence++) client.say(renew('jobs-a', 'x', { sequence }))
    const answers = await client.until(4)
    expect(answers.slice(1)).toMatchObject([
      { type: 'share', sequence: 1 },
      { type: 'share', sequence: 2 },
      { type: 'refused', code: 'CAUCUS_OVERLOADED' },
    ])
    expect(server.hosting.viewOf('jobs-a')?.total).toBe(1)
  })
})

describe('when the entries change', () => {
  test('links and streams of those who are gone are closed, others stay, and new ones come in', async () => {
    const { server, as, access, ask, status, lines } = await start()
    const [jobs, other] = [new Client(server, as('jobs')), new Client(server, as('other'))]
    await Promise.all([jobs.until(1), other.until(1)])
    jobs.say(renew('jobs-a', 'x'))
    await jobs.until(2)
    const options = { host: '127.0.0.1', port: server.port, path: '/v1/groups/jobs-a/events', agent: false as const }
    const [stream] = await once(get({ ...options, headers: as('reader') }), 'response')
    const ended = once(stream.resume(), 'end')
    access.replace([
      rule('other', { role: 'member', groups: ['jobs-b'] }),
      rule('reader', { role: 'read', groups: ['web'] }),
      rule('jobs', { role: 'member', groups: ['jobs-*'] }, 'another-token-of-jobs'),
      rule('root', { role: 'admin' }),
    ])
    expect(await jobs.closed).toEqual([1008, expect.stringContaining('CAUCUS_UNAUTHORIZED')])
    await ended
    // Still there, but not for the same groups.
    other.say(renew('jobs-a', 'y'), renew('jobs-b', 'y'))
    expect((await other.until(3)).slice(1)).toMatchObject([
      { type: 'refused', group: 'jobs-a' },
      { type: 'share', group: 'jobs-b' },
    ])
    expect(await status('jobs', 'GET', '/v1/groups/jobs-a')).toBe(401)
    // A new token of the same identity has what the old one had.
    const again = await server.ask('PUT', '/v1/groups/jobs-a/members/x', {
      headers: { authorization: 'Bearer another-token-of-jobs' },
      body: JSON.stringify(renewal('boot-x', 2)),
    })
    expect(again.status).toBe(200)
    const { text } = await ask('root', 'GET', '/metrics')
    expect(text).toContain('caucus_links_revoked_total 1')
    expect(text).toContain('caucus_streams_revoked_total 1')
    expect(text).toContain('caucus_access_entries 4')
    expect(lines).toContainEqual(expect.objectContaining({ action: 'reload', outcome: 'done' }))
  })

  test('a kept-alive connection is asked again', async () => {
    const { server, access } = await start()
    const socket = await server.connect()
    const ask = async () => {
      socket.write('GET /v1/groups HTTP/1.1\r\nHost: localhost\r\nAuthorization: Bearer token-of-root\r\n\r\n')
      const [data] = await once(socket, 'data')
      return String(data).split(' ')[1]
    }
    expect([await ask(), await ask()]).toEqual(['200', '200'])
    access.replace([rule('jobs', { role: 'member' })])
    expect(await ask()).toBe('401')
  })

  test('to none, they stay: that would open the server', async () => {
    const { access, status } = await start()
    expect(() => access.replace([])).toThrow(/would open this server/)
    expect(await status('nobody', 'GET', '/v1/groups')).toBe(401)
  })
})

test('requests that follow one another on a connection without waiting are each answered as who sent it', async () => {
  const { server } = await start()
  const socket = await server.connect()
  const body = JSON.stringify(renewal())
  const put = (name: string, member: string) =>
    `PUT /v1/groups/jobs-a/members/${member} HTTP/1.1\r\nHost: localhost\r\nAuthorization: Bearer token-of-${name}\r\nContent-Length: ${body.length}\r\n\r\n${body}`
  socket.write(put('reader', 'a') + put('jobs', 'b') + put('reader', 'c') + put('jobs', 'd'))
  let text = ''
  while ((text.match(/HTTP\/1\.1 /g)?.length ?? 0) < 4) text += String((await once(socket, 'data'))[0])
  expect([...text.matchAll(/HTTP\/1\.1 (\d+)/g)].map(([, status]) => status)).toEqual(['403', '200', '403', '200'])
})
