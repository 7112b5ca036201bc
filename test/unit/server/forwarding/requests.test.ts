import { once } from 'node:events'
import type { IncomingMessage } from 'node:http'
import { describe, expect, test } from 'vitest'
import { TopicsClient } from '../topics-client.ts'
import { answerOf, TestCluster } from './peers.ts'

const MEMBER = '/v1/groups/g/members/m'
const JOIN = { bootId: 'boot-1', sequence: 1, share: { partitions: 4 }, metadata: { text: 'ä €' } }

describe('a request to a peer that does not serve', () => {
  test('is answered by the one that does, as if that one had been asked', async () => {
    await using cluster = await TestCluster.start()
    const { leader, follower } = cluster
    const joined = await follower.put(MEMBER, JOIN)
    expect(joined).toMatchObject({ status: 200, json: { sequence: 1, state: 'settling' } })
    await leader.clock.play(1_500)
    const paths = [
      '/v1/groups',
      '/v1/groups/g',
      MEMBER,
      '/v1/groups/none',
      '/v1/services',
      '/v1/topics',
      '/v1/status',
      '/v1/groups/g/history?view=true&limit=5',
    ]
    for (const path of paths) {
      const [near, far] = [await leader.ask('GET', path), await follower.ask('GET', path)]
      expect([path, far.status, far.json]).toEqual([path, near.status, near.json])
      const { date: _date, ...headers } = near.headers
      expect(far.headers).toMatchObject(headers)
    }
    expect((await follower.ask('GET', '/v1/status')).json).toMatchObject({
      leader: { identifier: 'a' },
      groups: [{ name: 'g' }, { name: 'default' }],
    })
    const { generation, incarnation } = joined.json
    const left = await follower.ask('DELETE', `${MEMBER}?incarnation=${incarnation}&bootId=boot-1&sequence=2`)
    expect([left.json, generation]).toEqual([{ left: true }, expect.any(Number)])
    expect(await follower.number('caucus_forwarded_requests_total')).toBe(paths.length + 3)
  })

  test('has only a head where only a head was asked for', async () => {
    await using cluster = await TestCluster.start()
    const { leader, follower } = cluster
    const [near, far] = [await leader.ask('HEAD', '/v1/groups'), await follower.ask('HEAD', '/v1/groups')]
    expect([far.status, far.text, far.headers['content-length']]).toEqual([200, '', near.headers['content-length']])
  })

  test("takes bloc's wire with it, header and all", async () => {
    await using cluster = await TestCluster.start()
    const headers = { 'Bloc-Session-ID': 'p' }
    expect((await cluster.follower.ask('GET', '/index', { headers })).text).toBe('{"status": "SETTLING"}')
    await cluster.leader.clock.play(2_000)
    const settled = await cluster.follower.ask('GET', '/index', { headers })
    expect(settled.text).toBe('{"status": "SETTLED", "index": 1, "total": 1}')
    expect(settled.headers['caucus-lease-ms']).toBeDefined()
    expect((await cluster.follower.ask('DELETE', '/session', { headers })).status).toBe(200)
  })

  test('may have a body in pieces, also behind a method that has none as a rule, and wait for leave to send it', async () => {
    await using cluster = await TestCluster.start()
    const { follower } = cluster
    const chunked = { 'transfer-encoding': 'chunked' }
    expect((await follower.ask('PUT', MEMBER, { headers: chunked, body: JSON.stringify(JOIN) })).status).toBe(200)
    const gone = await follower.ask('DELETE', '/v1/groups/g/members/none', {
      headers: chunked,
      body: 'GET /v1/groups HTTP/1.1',
    })
    expect(gone.error?.code).toBe('CAUCUS_NOT_FOUND')
    const asked = follower.begin('PUT', MEMBER, { headers: { expect: '100-continue', ...chunked } })
    asked.flushHeaders()
    await once(asked, 'continue')
    asked.end(JSON.stringify({ ...JOIN, sequence: 2, generation: 1 }))
    const [response] = (await once(asked, 'response')) as [IncomingMessage]
    expect((await answerOf(response)).error?.code).toBe('CAUCUS_CONFLICT')
    // Each on a connection that others used before.
    expect((await follower.ask('GET', '/v1/groups/g')).status).toBe(200)
  })

  test('with a body over the limit is refused as ever', async () => {
    await using cluster = await TestCluster.start()
    const body = Buffer.alloc(3 * 2 ** 20, 0x20)
    for (const headers of [{}, { 'transfer-encoding': 'chunked' }]) {
      const { status, error } = await cluster.follower.ask('PUT', MEMBER, { body, headers })
      expect([status, error?.code]).toEqual([413, 'CAUCUS_TOO_LARGE'])
    }
    expect((await cluster.follower.ask('GET', '/v1/groups/g')).status).toBe(404)
  })

  test('that nobody takes is refused here, and what is about each peer is answered here', async () => {
    await using cluster = await TestCluster.start()
    const { follower } = cluster
    expect((await follower.ask('GET', '/v1/elsewhere')).status).toBe(404)
    expect((await follower.ask('PATCH', '/v1/groups')).headers.allow).toBe('GET, HEAD')
    expect((await follower.ask('GET', '/v1/peers')).json).toMatchObject({
      identifier: 'b',
      leader: { identifier: 'a' },
    })
    expect((await follower.ask('GET', '/v1/leader')).json).toMatchObject({ identifier: 'a' })
    expect((await follower.ask('GET', '/readyz')).json).toEqual({ ok: true, leader: 'a' })
    expect((await follower.ask('GET', '/healthz')).json).toMatchObject({
      ok: true,
      guarantees: { exclusion: 'leased' },
    })
    expect((await follower.ask('GET', '/v1/link')).status).toBe(400)
    expect(await follower.number('caucus_leads')).toBe(0)
    expect(await cluster.leader.number('caucus_leads')).toBe(1)
    expect(await follower.number('caucus_forwarded_requests_total')).toBe(0)
  })

  test('over a connection that is used again and again, also with several on their way at once', async () => {
    await using cluster = await TestCluster.start()
    const socket = await cluster.follower.connect()
    const parts: Buffer[] = []
    socket.on('data', (part) => parts.push(part))
    socket.write('GET /v1/services HTTP/1.1\r\nHost: localhost\r\n\r\n'.repeat(5))
    socket.write('GET /v1/topics HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n')
    await once(socket, 'close')
    const text = Buffer.concat(parts).toString()
    expect(text.match(/\{"services":\[\]\}/g)).toHaveLength(5)
    expect(text.endsWith('{"topics":[]}')).toBe(true)
    expect(await cluster.leader.number('caucus_connections')).toBeLessThan(4)
  })
})

describe('an answer that goes on', () => {
  test('reaches its reader as it comes, and ends at the other end when the reader goes', async () => {
    await using cluster = await TestCluster.start()
    const { leader, follower } = cluster
    const asked = follower.begin('GET', '/v1/groups/g/events')
    asked.end()
    const [response] = (await once(asked, 'response')) as [IncomingMessage]
    expect(response.headers['content-type']).toBe('text/event-stream')
    expect(await leader.number('caucus_streams')).toBe(1)
    await follower.put(MEMBER, JOIN)
    await leader.clock.play(1)
    let text = ''
    for await (const piece of response) {
      text += String(piece)
      if (text.includes('member.joined')) break
    }
    response.destroy()
    await expect.poll(() => leader.number('caucus_streams')).toBe(0)
    await expect.poll(() => follower.number('caucus_forwards_held')).toBe(0)
  })

  test('as an ask has its lines one by one, and is called off with its asker', async () => {
    await using cluster = await TestCluster.start()
    const producer = await new TopicsClient(cluster.leader.port).open()
    for (const [index, id] of ['x', 'y'].entries()) await producer.produces(index + 1, 'price', id)
    const asked = cluster.follower.begin('POST', '/v1/topics/price/requests')
    asked.end('1')
    const first = await producer.hears('request')
    const [response] = (await once(asked, 'response')) as [IncomingMessage]
    producer.says({ type: 'reply', request: first.request, payload: { kind: 'json', bytes: Buffer.from('7') } })
    const [line] = await once(response, 'data')
    expect(JSON.parse(String(line))).toMatchObject({ type: 'reply', value: 7 })
    expect(await cluster.leader.number('caucus_topic_asks')).toBe(1)
    asked.destroy()
    await expect.poll(() => cluster.leader.number('caucus_topic_asks')).toBe(0)
    producer.socket.terminate()
  })
})
