import { execFileSync } from 'node:child_process'
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, describe, expect, test } from 'vitest'
import type { AccessRule } from '../../../../src/config/access.ts'
import { Access, hashOf } from '../../../../src/server/access/access.ts'
import { encodeForwarded, FORWARDED_HEADER } from '../../../../src/server/access/forwarded.ts'
import { TopicsClient } from '../topics-client.ts'
import { TestCluster } from './peers.ts'

const rule = (name: string, grant: AccessRule['grant']): AccessRule => ({
  name,
  credential: { type: 'token', token: `token-of-${name}` },
  grant,
})
const RULES: readonly AccessRule[] = [
  rule('a', { role: 'admin', groups: ['cluster/*'], members: ['{identity}'] }),
  rule('b', { role: 'admin', groups: ['cluster/*'], members: ['{identity}'] }),
  rule('ops', { role: 'admin' }),
  rule('jobs', { role: 'member', groups: ['jobs-*'] }),
  rule('more-jobs', { role: 'member', groups: ['jobs-*'] }),
  rule('reader', { role: 'read', groups: ['jobs-*'], topics: ['-'] }),
]
const token = (name: string) => ({ token: `token-of-${name}` })
const MEMBER = '/v1/groups/jobs-a/members/m'
const JOIN = { bootId: 'boot-1', sequence: 1 }

/** Two peers with the same entries, each with its own token for the other. */
const start = async (more: (id: string) => object = () => ({})) => {
  const accesses = new Map(['a', 'b'].map((id) => [id, new Access(RULES)]))
  const cluster = await TestCluster.start((id) => ({
    access: accesses.get(id),
    credentials: { token: `token-of-${id}`, tls: undefined },
    ...more(id),
  }))
  const replace = (rules: readonly AccessRule[]) => accesses.get('a')?.replace(rules)
  return { cluster, replace, [Symbol.asyncDispose]: () => cluster[Symbol.asyncDispose]() }
}
const saying = (text: string) => Buffer.from(text).toString('base64url')
const forged = (name: string, address = '10.9.8.7') =>
  encodeForwarded({ shown: { via: 'token', hash: hashOf(`token-of-${name}`) }, address }) ?? ''

describe('whoever asks a peer that does not serve', () => {
  test('is who it is, for what it may do and for whose a member is', async () => {
    await using world = await start()
    const { leader, follower } = world.cluster
    expect((await follower.put(MEMBER, JOIN, token('jobs'))).status).toBe(200)
    const other = await follower.put(MEMBER, { ...JOIN, bootId: 'boot-2' }, token('more-jobs'))
    expect(other.error).toMatchObject({ code: 'CAUCUS_FORBIDDEN', details: { identity: 'more-jobs' } })
    expect((await leader.put(MEMBER, { ...JOIN, sequence: 2 }, token('jobs'))).status).toBe(200)
    expect((await follower.put('/v1/groups/other/members/m', JOIN, token('jobs'))).status).toBe(403)
    expect((await follower.put(MEMBER, JOIN, token('reader'))).status).toBe(403)
    expect((await follower.ask('GET', '/v1/groups', token('reader'))).json.groups).toHaveLength(1)
    expect((await follower.ask('GET', '/v1/groups', token('nobody'))).status).toBe(401)
    expect((await follower.ask('GET', '/v1/groups')).status).toBe(401)
    expect((await follower.ask('DELETE', MEMBER, token('jobs'))).status).toBe(403)
    expect((await follower.ask('DELETE', MEMBER, token('ops'))).json).toEqual({ evicted: true })
    expect(leader.audited).toContainEqual(
      expect.objectContaining({
        action: 'evict',
        identity: 'ops',
        via: 'token',
        from: '127.0.0.1',
        through: '127.0.0.1',
      }),
    )
    expect(await leader.number('caucus_forwards_forbidden_total', 'token-of-ops')).toBe(0)
  })

  test('is named so on topics', async () => {
    await using world = await start()
    const { leader, follower } = world.cluster
    const producer = await new TopicsClient(leader.port, token('jobs')).open()
    await producer.produces(1, 'price', 'x')
    const asked = follower.ask('POST', '/v1/topics/price/requests', { body: '1', ...token('more-jobs') })
    expect(await producer.hears('request')).toMatchObject({ from: 'more-jobs' })
    producer.answers()
    expect((await follower.ask('POST', '/v1/topics/price/requests', { body: '1', ...token('reader') })).status).toBe(
      403,
    )
    producer.socket.terminate()
    await asked
  })

  test('has the rates and the parts of its own address, and not those of the peer between', async () => {
    const few = { requestsPerSecond: 0.001, requestsBurst: 30, connectionsPerAddress: 4, streamsPerAddress: 1 }
    await using world = await start((id: string) => (id === 'a' ? { limits: few } : {}))
    const { follower } = world.cluster
    const from = (localAddress: string, name: string) => ({ localAddress, ...token(name) })
    const links = (localAddress: string, name: string, count: number) =>
      Array.from({ length: count }, () => new TopicsClient(follower.port, from(localAddress, name)))
    // More than one address may have of each, since they are of two.
    const open = [...links('127.0.0.2', 'jobs', 4), ...links('127.0.0.3', 'more-jobs', 3)]
    expect(await Promise.all(open.map((each) => each.refusal()))).toEqual(Array(7).fill(undefined))
    const [fifth] = links('127.0.0.2', 'more-jobs', 1)
    expect(await fifth?.refusal()).toBe(429)
    const statuses: number[] = []
    for (let i = 0; i < 30; i++)
      statuses.push((await follower.ask('GET', '/v1/topics/x', from('127.0.0.2', 'jobs'))).status)
    expect([statuses[0], statuses.at(-1)]).toEqual([404, 429])
    expect((await follower.ask('GET', '/v1/topics/x', from('127.0.0.3', 'more-jobs'))).status).toBe(404)
    for (const each of open) each.socket.terminate()
  })

  test('loses its link when its entry goes, there or on the peer that serves', async () => {
    await using world = await start()
    const { follower } = world.cluster
    const link = await new TopicsClient(follower.port, token('jobs')).open()
    const stays = await new TopicsClient(follower.port, token('more-jobs')).open()
    world.replace(RULES.filter(({ name }) => name !== 'jobs'))
    expect(await link.closed()).toBe('1008 CAUCUS_UNAUTHORIZED: the entry that let you in is not there any more')
    expect(stays.socket.readyState).toBe(stays.socket.OPEN)
    const late = await follower.ask('GET', '/v1/groups', token('jobs'))
    expect(late.error?.code).toBe('CAUCUS_UNAUTHORIZED')
    // And the peer between: in its name nobody asks any more.
    world.replace(RULES.filter(({ name }) => name !== 'b'))
    expect(await stays.closed()).toMatch('1008 CAUCUS_UNAUTHORIZED')
    expect((await follower.ask('GET', '/v1/groups', token('ops'))).status).toBe(401)
  })
})

describe('the header in which a peer says who asked', () => {
  test('counts from nobody who may not be a voter, on either peer, and is noted', async () => {
    await using world = await start()
    for (const peer of world.cluster.all) {
      for (const who of ['jobs', 'reader']) {
        const headers = { [FORWARDED_HEADER]: forged('ops') }
        const { status, error } = await peer.ask('DELETE', MEMBER, { headers, ...token(who) })
        expect([status, error?.code]).toEqual([403, 'CAUCUS_FORBIDDEN'])
        expect(error?.message).toContain('may not ask for others')
        const refusal = expect.objectContaining({ action: 'refuse', identity: who, from: '127.0.0.1' })
        expect(peer.audited).toContainEqual(refusal)
      }
      const link = new TopicsClient(peer.port, { ...token('jobs'), headers: { [FORWARDED_HEADER]: forged('ops') } })
      expect(await link.refusal()).toBe(403)
      expect(await peer.number('caucus_forwards_forbidden_total', 'token-of-ops')).toBe(3)
    }
  })

  test('is worth nothing without a token, and opens nothing that is for everybody', async () => {
    await using world = await start()
    const { leader } = world.cluster
    const headers = { [FORWARDED_HEADER]: forged('ops') }
    expect((await leader.ask('GET', '/v1/groups', { headers })).status).toBe(401)
    expect((await leader.ask('GET', '/healthz', { headers })).status).toBe(200)
  })

  test('of a peer is not passed on once more', async () => {
    await using world = await start()
    const { follower } = world.cluster
    const headers = { [FORWARDED_HEADER]: forged('ops') }
    const { status, error } = await follower.ask('GET', '/v1/groups', { headers, ...token('a') })
    expect([status, error?.code, error?.details]).toEqual([
      503,
      'CAUCUS_NOT_LEADER',
      expect.objectContaining({ identifier: 'a' }),
    ])
    const link = new TopicsClient(follower.port, { ...token('a'), headers })
    expect(await link.refusal()).toBe(503)
    expect(await world.cluster.leader.number('caucus_errors_total', 'token-of-ops')).toBeNaN()
  })

  test.each([
    ['that is empty', ['']],
    ['that is sent twice', [forged('ops'), forged('ops')]],
    ['that is huge', [saying(JSON.stringify({ shown: { via: 'nothing' }, address: 'x'.repeat(12_000) }))]],
    ['that is no base64url', [`${forged('ops')}, ${forged('ops')}`]],
    ['that is no JSON', [saying('{')]],
    ['that is null', [saying('null')]],
    ['with more than is known', [saying('{"shown":{"via":"nothing"},"address":"::1","role":"admin"}')]],
    ['with less', [saying('{"shown":{"via":"nothing"}}')]],
    ['with an address that is none', [saying('{"shown":{"via":"nothing"},"address":"10.0.0.1\\n"}')]],
    ['with another hash', [saying('{"shown":{"via":"token","hash":"00"},"address":"::1"}')]],
    [
      'with a name that has control characters',
      [saying('{"shown":{"via":"certificate","names":["a\\u0000b"]},"address":"::1"}')],
    ],
    ['with names that are none', [saying('{"shown":{"via":"certificate","names":[{}]},"address":"::1"}')]],
    [
      'with too many names',
      [saying(JSON.stringify({ shown: { via: 'certificate', names: Array(101).fill('a') }, address: '::1' }))],
    ],
    ['with another way to show something', [saying('{"shown":{"via":"magic"},"address":"::1"}')]],
    ['with a prototype', [saying('{"__proto__":{"shown":{"via":"nothing"}},"address":"::1"}')]],
  ])('%s is refused, also from a voter', async (_what, values) => {
    await using world = await start()
    const { status, error } = await world.cluster.leader.ask('GET', '/v1/groups', {
      headers: { [FORWARDED_HEADER]: values },
      ...token('b'),
    })
    expect([status, error?.code]).toEqual([400, 'CAUCUS_PROTOCOL'])
    expect(error?.message).not.toContain(values[0] === '' ? 'ops' : values[0])
  })

  test('with line breaks and other controls in it is no request at all', async () => {
    await using world = await start()
    const socket = await world.cluster.leader.connect()
    socket.write(
      `GET /v1/groups HTTP/1.1\r\nHost: localhost\r\nAuthorization: Bearer token-of-b\r\n${FORWARDED_HEADER}: a\0b\r\n\r\n`,
    )
    let text = ''
    for await (const part of socket) text += String(part)
    expect(text).toMatch(/^HTTP\/1.1 400 /)
  })

  test('on a server without entries gives nobody more than it has: neither another address nor a part of its own', async () => {
    await using cluster = await TestCluster.start(() => ({ limits: { requestsPerSecond: 0.001, requestsBurst: 20 } }))
    const { leader } = cluster
    const statuses: number[] = []
    for (let i = 0; i < 25; i++) {
      const headers = { [FORWARDED_HEADER]: forged('anybody', `10.0.0.${i}`) }
      statuses.push((await leader.ask('GET', '/v1/services/x', { headers })).status)
    }
    expect(statuses.filter((status) => status === 200)).toHaveLength(20)
    expect(statuses.at(-1)).toBe(429)
  })

  test('of a client never gets any further than the peer that it was sent to', async () => {
    await using world = await start()
    const { cluster } = world
    const headers = { [FORWARDED_HEADER.toUpperCase()]: forged('ops') }
    expect((await cluster.follower.put(MEMBER, JOIN, { headers, ...token('jobs') })).status).toBe(403)
    const listed = { connection: `close, ${FORWARDED_HEADER}`, [FORWARDED_HEADER]: forged('ops') }
    expect((await cluster.follower.put(MEMBER, JOIN, { headers: listed, ...token('jobs') })).status).toBe(403)
    // And nobody can have the header of the peer itself left out.
    const named = { connection: `close, ${FORWARDED_HEADER}, authorization, content-length` }
    expect((await cluster.follower.put(MEMBER, JOIN, { headers: named, ...token('jobs') })).status).toBe(200)
    expect((await cluster.leader.put(MEMBER, { ...JOIN, bootId: 'x' }, token('more-jobs'))).status).toBe(403)
  })
})

const hasOpenssl = (() => {
  try {
    execFileSync('openssl', ['version'], { stdio: 'pipe' })
    return true
  } catch {
    return process.env.CAUCUS_REQUIRE_ALL !== undefined
  }
})()

describe.skipIf(!hasOpenssl)('with certificates (made by openssl)', () => {
  const directory = mkdtempSync(join(tmpdir(), 'caucus-forwarding-'))
  afterAll(() => rmSync(directory, { recursive: true, force: true }))
  const openssl = (...args: string[]) => execFileSync('openssl', args, { cwd: directory, stdio: 'pipe' })
  const curve = ['-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:prime256v1', '-nodes']
  const file = (name: string) => readFileSync(join(directory, name), 'utf8')
  const certified = (name: string) => {
    writeFileSync(join(directory, `${name}.ext`), `subjectAltName=DNS:${name}.example,IP:127.0.0.1\n`)
    openssl('req', ...curve, '-subj', `/CN=${name}`, '-keyout', `${name}.key`, '-out', `${name}.csr`)
    const signed = ['-CA', 'ca.pem', '-CAkey', 'ca.key', '-CAcreateserial', '-days', '2', '-extfile', `${name}.ext`]
    openssl('x509', '-req', '-in', `${name}.csr`, ...signed, '-out', `${name}.pem`)
    return { ca: file('ca.pem'), cert: file(`${name}.pem`), key: file(`${name}.key`) }
  }

  test('a member is bound to the name in its certificate, through a peer too', async () => {
    openssl('req', '-x509', ...curve, '-days', '2', '-subj', '/CN=authority', '-keyout', 'ca.key', '-out', 'ca.pem')
    const of = new Map(['a', 'b', 'worker-1', 'worker-2'].map((name) => [name, certified(name)]))
    const rules: readonly AccessRule[] = [
      {
        name: undefined,
        credential: { type: 'certificate', pattern: '*.example' },
        grant: { role: 'member', groups: ['jobs-*'], members: ['{identity}'] },
      },
      ...['a', 'b'].map((id) => ({
        name: undefined,
        credential: { type: 'certificate' as const, pattern: `${id}.example` },
        grant: { role: 'admin' as const, groups: ['cluster/*'], members: [id] },
      })),
    ]
    await using cluster = await TestCluster.start((id) => ({
      access: new Access(rules),
      tls: of.get(id) ?? expect.fail(id),
      credentials: { token: undefined, tls: of.get(id) },
    }))
    const { follower, leader } = cluster
    const tls = of.get('worker-1') ?? expect.fail()
    const place = (name: string) => `/v1/groups/jobs-a/members/${name}.example`
    expect((await follower.put(place('worker-1'), JOIN, { tls })).status).toBe(200)
    const stolen = await follower.put(place('worker-2'), JOIN, { tls })
    expect(stolen.error).toMatchObject({ code: 'CAUCUS_FORBIDDEN', details: { identity: 'worker-1.example' } })
    const headers = {
      [FORWARDED_HEADER]:
        encodeForwarded({ shown: { via: 'certificate', names: ['worker-2.example'] }, address: '::1' }) ?? '',
    }
    expect((await leader.put(place('worker-2'), JOIN, { tls, headers })).status).toBe(403)
    // A peer that shows no certificate of the authority is none.
    follower.peers.patienceMs = 1
    follower.peers.move({ type: 'there', peer: { ...leader.address, host: 'localhost' } })
    const wrongName = await follower.ask('GET', '/v1/groups', { tls })
    expect(wrongName.error).toMatchObject({ code: 'CAUCUS_UNAVAILABLE', definite: true })
  })
})
