import { once } from 'node:events'
import { createServer } from 'node:net'
import { describe, expect, test } from 'vitest'
import { WebSocket } from 'ws'
import { TopicsClient } from '../topics-client.ts'
import { addressed, TestCluster, type TestPeer } from './peers.ts'

const JOIN = {
  type: 'renew',
  group: 'g',
  member: 'm',
  bootId: 'boot-1',
  sequence: 1,
  order: 0,
  holding: [],
  draining: [],
  acknowledged: [],
}

type Said = { readonly type: string } & Readonly<Record<string, unknown>>

/** A process with a link, as bare as it can be. */
class Process {
  readonly socket: WebSocket
  readonly frames: Said[][] = []
  readonly closed: Promise<string>
  /** How the upgrade was refused. */
  readonly refused: Promise<{ status: number; body: string }>

  constructor(peer: TestPeer, path = '/v1/link', headers: Record<string, string> = {}) {
    this.socket = new WebSocket(`ws://127.0.0.1:${peer.port}${path}`, ['caucus.v2'], { headers })
    this.socket.on('message', (data, isBinary) => {
      if (!isBinary) this.frames.push(JSON.parse(String(data)))
    })
    this.socket.on('error', () => undefined)
    this.closed = new Promise((resolve) => {
      this.socket.on('close', (code, reason) => resolve(`${code} ${reason}`))
    })
    this.refused = new Promise((resolve) => {
      this.socket.on('unexpected-response', (_request, response) => {
        let body = ''
        response.on('data', (part: Buffer) => {
          body += part
        })
        response.on('end', () => resolve({ status: response.statusCode ?? 0, body }))
      })
    })
  }

  async hears(type: string): Promise<Said> {
    for (;;) {
      const message = this.frames.flat().find((each) => each.type === type)
      if (message !== undefined) return message
      await once(this.socket, 'message')
    }
  }
}

describe('a link to a peer that does not serve', () => {
  test('is one with the peer that does: it is greeted, taken and granted', async () => {
    await using cluster = await TestCluster.start()
    const { leader, follower } = cluster
    const member = new Process(follower)
    expect(await member.hears('hello')).toMatchObject({ instanceId: 'cluster-1' })
    member.socket.send(JSON.stringify([JOIN]))
    await expect.poll(() => leader.peers.hosting.viewOf('g')?.members.length).toBe(1)
    await leader.clock.play(1_500)
    expect(await member.hears('share')).toMatchObject({ member: 'm' })
    expect(await follower.number('caucus_forwarded_links')).toBe(1)
    expect(await follower.number('caucus_links')).toBe(0)
    expect(await leader.number('caucus_links')).toBe(1)
    member.socket.close(1000, 'done')
    expect(await member.closed).toBe('1000 done')
    await expect.poll(() => leader.number('caucus_links')).toBe(0)
    await expect.poll(() => follower.number('caucus_forwarded_links')).toBe(0)
    await expect.poll(() => follower.number('caucus_forwards_held')).toBe(0)
  })

  test('carries asks and large answers in both directions', async () => {
    await using cluster = await TestCluster.start()
    const producer = await new TopicsClient(cluster.follower.port).open()
    const asker = await new TopicsClient(cluster.follower.port).open()
    await producer.produces(1, 'price', 'x')
    const large = { kind: 'bytes', bytes: Buffer.alloc(400_000, 7) } as const
    producer.answers(large)
    for (let ask = 1; ask <= 5; ask++) {
      asker.asks(ask, 'price', { payload: large })
      const reply = await asker.hears('answered')
      expect(reply).toMatchObject({ ask })
    }
    asker.socket.terminate()
    producer.socket.terminate()
    await expect.poll(() => cluster.leader.number('caucus_links')).toBe(0)
  })

  test('has its end cut there when its client is cut off here, and the other way round', async () => {
    await using cluster = await TestCluster.start()
    const { leader, follower } = cluster
    const one = new Process(follower)
    await one.hears('hello')
    one.socket.terminate()
    await expect.poll(() => leader.number('caucus_links')).toBe(0)
    const other = new Process(follower)
    await other.hears('hello')
    await leader.close({ drain: false })
    expect(await other.closed).toMatch(/^100[16] /)
  })

  test('is refused in the words of the peer that serves', async () => {
    await using cluster = await TestCluster.start()
    const { status, body } = await new Process(cluster.follower, '/v1/link?protocol=9').refused
    expect(status).toBe(400)
    expect(JSON.parse(body).error.code).toBe('CAUCUS_PROTOCOL')
    const elsewhere = await new Process(cluster.follower, '/v1/elsewhere').refused
    expect(elsewhere.status).toBe(404)
  })

  test('may come with its first frame in the packet of the request', async () => {
    await using cluster = await TestCluster.start()
    const socket = await cluster.follower.connect()
    const handshake = [
      'GET /v1/link HTTP/1.1',
      'Host: localhost',
      'Connection: keep-alive, Upgrade',
      'Upgrade: websocket',
      'Sec-WebSocket-Version: 13',
      'Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==',
      'Sec-WebSocket-Protocol: caucus.v2',
    ]
    const ping = Buffer.from([0x89, 0x82, 0, 0, 0, 0, 0x68, 0x69])
    socket.write(Buffer.concat([Buffer.from(`${handshake.join('\r\n')}\r\n\r\n`), ping]))
    let text = ''
    for await (const part of socket) {
      text += part.toString('latin1')
      if (text.includes('\x8a\x02hi')) break
    }
    expect(text).toMatch(/^HTTP\/1.1 101 Switching Protocols\r\n/)
    expect(text.toLowerCase()).toContain('sec-websocket-accept: s3pplmbitxaq9kygzzhzrbk+xoo=')
    expect(text).toContain('"type":"hello"')
  })
})

describe('when another peer takes the seat', () => {
  test('links that this one served are sent to look for it, and its streams end', async () => {
    await using cluster = await TestCluster.start()
    const { leader } = cluster
    const member = new Process(leader)
    await member.hears('hello')
    const stream = leader.ask('GET', '/v1/groups/g/events')
    await expect.poll(() => leader.number('caucus_streams')).toBe(1)
    const producer = await new TopicsClient(leader.port).open()
    await producer.produces(1, 'price', 'x')
    const asked = leader.ask('POST', '/v1/topics/price/requests', { body: '1' })
    await producer.hears('request')
    cluster.seat('b')
    expect(await member.closed).toBe('1001 CAUCUS_NOT_LEADER: this peer does not lead any more')
    expect((await stream).status).toBe(200)
    const [line = ''] = (await asked).text.trim().split('\n')
    expect(JSON.parse(line)).toMatchObject({ type: 'failed', error: { code: 'CAUCUS_NOT_LEADER' } })
    // What begins afterwards is passed on, and goes on.
    const again = new Process(leader)
    await again.hears('hello')
    expect(await cluster.follower.number('caucus_links')).toBe(1)
    again.socket.terminate()
  })

  test('what leads to the earlier one is cut at once', async () => {
    await using cluster = await TestCluster.start(undefined, ['a', 'b', 'c'])
    const member = new Process(cluster.follower)
    await member.hears('hello')
    const stream = cluster.follower.ask('GET', '/v1/groups/g/events')
    await expect.poll(() => cluster.leader.number('caucus_streams')).toBe(1)
    // The earlier one does not know it yet, and says nothing.
    cluster.follower.peers.move({ type: 'there', peer: cluster.of('c').address })
    expect(await member.closed).toMatch(/^1006 /)
    expect((await stream).status).toBe(200)
  })

  test('nothing is cut by a moment in which nobody is known to lead', async () => {
    await using cluster = await TestCluster.start()
    const { follower } = cluster
    const member = new Process(follower)
    await member.hears('hello')
    follower.peers.move({ type: 'nobody' })
    follower.peers.move(cluster.seatFor(follower, 'a'))
    member.socket.send(JSON.stringify([JOIN]))
    await member.hears('share')
    member.socket.terminate()
  })
})

describe('while nobody leads', () => {
  test('a link and a request wait, and are served by whoever leads next, wherever that is', async () => {
    await using cluster = await TestCluster.start()
    const { leader, follower } = cluster
    cluster.seat(undefined)
    const [near, far] = [new Process(leader), new Process(follower)]
    const asked = follower.ask('GET', '/v1/groups')
    await expect.poll(() => follower.number('caucus_forwards_held')).toBe(2)
    await expect.poll(() => leader.number('caucus_forwards_held')).toBe(1)
    cluster.seat('b')
    await Promise.all([near.hears('hello'), far.hears('hello')])
    expect((await asked).status).toBe(200)
    expect(await follower.number('caucus_links')).toBe(2)
    near.socket.terminate()
    far.socket.terminate()
  })

  test('they are told so once patience ends, with when to come again', async () => {
    await using cluster = await TestCluster.start()
    cluster.seat(undefined)
    const { follower } = cluster
    follower.peers.patienceMs = 1
    const { status, error, headers } = await follower.ask('GET', '/v1/groups')
    expect([status, error?.code, error?.definite, headers['retry-after']]).toEqual([503, 'CAUCUS_NO_QUORUM', true, '1'])
    const { status: refused, body } = await new Process(follower).refused
    expect([refused, JSON.parse(body).error.code]).toEqual([503, 'CAUCUS_NO_QUORUM'])
    expect((await follower.ask('GET', '/readyz')).json).toEqual({ ok: true, leader: null })
    expect(await follower.number('caucus_forwards_held')).toBe(0)
  })

  test('and whoever leads but has not begun to serve is named', async () => {
    await using cluster = await TestCluster.start()
    cluster.seat(undefined)
    const { follower } = cluster
    const { peers } = follower
    peers.patienceMs = 1
    peers.leader = () => ({ ...addressed('b', 1), term: 1, token: 1, leaseMsLeft: 100 })
    const { error } = await follower.ask('GET', '/v1/groups')
    expect(error).toMatchObject({ code: 'CAUCUS_NO_QUORUM', message: expect.stringContaining('b leads, and does not') })
  })

  test('whoever goes away waits no longer', async () => {
    await using cluster = await TestCluster.start()
    cluster.seat(undefined)
    const { follower } = cluster
    const asked = follower.begin('GET', '/v1/groups')
    asked.on('error', () => undefined)
    asked.end()
    const link = new Process(follower)
    await expect.poll(() => follower.number('caucus_forwards_held')).toBe(2)
    asked.destroy()
    link.socket.terminate()
    await expect.poll(() => follower.number('caucus_forwards_held')).toBe(0)
    await expect.poll(() => follower.number('caucus_connections')).toBe(1)
  })

  test('so many wait and no more, and one address has not all the room', async () => {
    await using cluster = await TestCluster.start(() => ({ limits: { connections: 60 } }))
    cluster.seat(undefined)
    const { follower } = cluster
    const sent = Array.from({ length: 30 }, () => follower.ask('GET', '/v1/services'))
    await expect.poll(() => follower.number('caucus_forwards_refused_total')).toBe(7)
    expect(await follower.number('caucus_forwards_held')).toBe(23)
    cluster.seat('a')
    const statuses = (await Promise.all(sent)).map(({ status }) => status)
    expect(statuses.filter((status) => status === 200)).toHaveLength(23)
    expect(statuses.filter((status) => status === 429)).toHaveLength(7)
  })

  test('a server that stops sends them away', async () => {
    await using cluster = await TestCluster.start()
    cluster.seat(undefined)
    const asked = cluster.follower.ask('GET', '/v1/groups')
    await expect.poll(() => cluster.follower.number('caucus_forwards_held')).toBe(1)
    const closed = cluster.follower.close()
    expect((await asked).error).toMatchObject({ code: 'CAUCUS_UNAVAILABLE' })
    await closed
  })
})

describe('a peer that leads and cannot be reached', () => {
  test('is tried again as long as there is patience, and nothing was done', async () => {
    await using cluster = await TestCluster.start()
    const { leader, follower } = cluster
    const closed = createServer().listen(0, '127.0.0.1')
    await once(closed, 'listening')
    const { port } = closed.address() as { port: number }
    closed.close()
    await once(closed, 'close')
    follower.peers.move({ type: 'there', peer: addressed('a', port) })
    const [waiting, link] = [
      follower.put('/v1/groups/g/members/m', { bootId: 'b', sequence: 1 }),
      new Process(follower),
    ]
    await expect.poll(() => follower.number('caucus_forwarded_requests_total')).toBeGreaterThan(0)
    follower.peers.move({ type: 'there', peer: leader.address })
    expect((await waiting).status).toBe(200)
    await link.hears('hello')
    link.socket.terminate()
    follower.peers.patienceMs = 1
    follower.peers.move({ type: 'there', peer: addressed('z', port) })
    const { status, error } = await follower.ask('GET', '/v1/groups')
    expect([status, error?.code, error?.definite]).toEqual([503, 'CAUCUS_UNAVAILABLE', true])
  })

  test('and goes away in the middle of it: nobody knows whether it was done', async () => {
    await using cluster = await TestCluster.start()
    const { follower } = cluster
    const frozen = createServer((socket) => socket.once('data', () => socket.destroy())).listen(0, '127.0.0.1')
    await once(frozen, 'listening')
    follower.peers.move({ type: 'there', peer: addressed('a', (frozen.address() as { port: number }).port) })
    const { status, error } = await follower.put('/v1/groups/g/members/m', { bootId: 'b', sequence: 1 })
    expect([status, error?.code, error?.definite]).toEqual([502, 'CAUCUS_CONNECTION_LOST', false])
    // A link that was not taken has done nothing, and is asked of whoever leads next.
    const link = new Process(follower)
    await once(frozen, 'connection')
    cluster.seat('a')
    await link.hears('hello')
    link.socket.terminate()
    frozen.close()
  })
})
