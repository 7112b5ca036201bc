import { once } from 'node:events'
import { createServer, type Server, type Socket } from 'node:net'
import { afterEach, describe, expect, test } from 'vitest'
import { TopicsClient } from '../topics-client.ts'
import { addressed, TestCluster, type TestPeer } from './peers.ts'

const servers: Server[] = []
afterEach(() => {
  for (const server of servers.splice(0)) server.close()
})

/** Something on a port that is taken for the peer that serves. Gives the first connection to it. */
const instead = async (peer: TestPeer): Promise<() => Promise<Socket>> => {
  const server = createServer({ pauseOnConnect: true }).listen(0, '127.0.0.1')
  servers.push(server)
  await once(server, 'listening')
  peer.peers.move({ type: 'there', peer: addressed('z', (server.address() as { port: number }).port) })
  const first = once(server, 'connection')
  return async () => {
    const [socket] = (await first) as [Socket]
    socket.on('error', () => undefined)
    return socket
  }
}

/** By whichever of the two, and however. */
const closed = (socket: Socket): Promise<void> =>
  socket.closed ? Promise.resolve() : new Promise((resolve) => void socket.once('close', () => resolve()))

/** Writes as much as is taken. */
const flood = (socket: Socket, piece: Buffer): void => {
  const more = () => {
    while (!socket.destroyed && socket.write(piece));
  }
  socket.on('drain', more)
  more()
}

/** Resolves with how much has gone out once no more does. */
const stalls = async (socket: Socket): Promise<number> => {
  for (let before = -1; ; ) {
    const now = socket.bytesWritten - socket.writableLength
    if (now === before) return now
    before = now
    // Everything happens in this process: so many turns of its loop would carry megabytes.
    for (let turn = 0; turn < 100; turn++) await new Promise((resolve) => setImmediate(resolve))
  }
}

const MEGABYTE = 2 ** 20

describe('through a peer that passes it on', () => {
  test('an answer that nobody reads is not kept, and goes on when somebody does', async () => {
    await using cluster = await TestCluster.start()
    const { follower } = cluster
    const upstream = await instead(follower)
    const asked = await follower.connect()
    asked.pause()
    asked.write('GET /v1/groups HTTP/1.1\r\nHost: localhost\r\n\r\n')
    const far = await upstream()
    far.write('HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nTransfer-Encoding: chunked\r\n\r\n')
    const piece = Buffer.alloc(65_536, 0x61)
    flood(far, Buffer.concat([Buffer.from(`${piece.length.toString(16)}\r\n`), piece, Buffer.from('\r\n')]))
    expect(await stalls(far)).toBeLessThan(32 * MEGABYTE)
    const before = far.bytesWritten
    asked.resume()
    await expect.poll(() => far.bytesWritten).toBeGreaterThan(before + 8 * MEGABYTE)
    asked.destroy()
    await closed(far)
  })

  test('a body that nobody reads is not kept either', async () => {
    await using cluster = await TestCluster.start()
    const { follower } = cluster
    const upstream = await instead(follower)
    const asking = await follower.connect()
    asking.write('PUT /v1/groups/g/members/m HTTP/1.1\r\nHost: localhost\r\nContent-Length: 1000000000\r\n\r\n')
    const far = await upstream()
    flood(asking, Buffer.alloc(65_536, 0x61))
    expect(await stalls(asking)).toBeLessThan(32 * MEGABYTE)
    far.destroy()
    asking.destroy()
  })

  test('nor is what a link says to somebody who does not read it', async () => {
    await using cluster = await TestCluster.start()
    const { follower } = cluster
    const upstream = await instead(follower)
    const link = await follower.connect()
    link.pause()
    link.write('GET /v1/link HTTP/1.1\r\nHost: localhost\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n')
    const far = await upstream()
    far.resume()
    far.write('HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n')
    flood(far, Buffer.alloc(65_536, 0x61))
    expect(await stalls(far)).toBeLessThan(32 * MEGABYTE)
    link.destroy()
    await closed(far)
  })

  test('what is no HTTP, or ends in the middle, harms nobody', async () => {
    await using cluster = await TestCluster.start()
    const { follower } = cluster
    for (const said of [
      'GARBAGE\r\n\r\n',
      'HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nhalf',
      'HTTP/1.1 101 Switching Protocols\r\n\r\n',
      'HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: x\r\n\r\n',
      'HTTP/1.1 200 a\x01b\r\nContent-Length: 4\r\n\r\nhalf',
      'HTTP/1.1 099 No\r\nContent-Length: 4\r\n\r\nhalf',
    ]) {
      const upstream = await instead(follower)
      const asked = await follower.connect()
      asked.write('GET /v1/groups HTTP/1.1\r\nHost: localhost\r\n\r\n')
      const far = await upstream()
      far.resume()
      far.end(said)
      const parts: Buffer[] = []
      asked.on('data', (part) => {
        parts.push(part)
        if (String(part).includes('CAUCUS_CONNECTION_LOST')) asked.destroy()
      })
      await closed(asked)
      expect(Buffer.concat(parts).toString()).toMatch(/^$|CAUCUS_CONNECTION_LOST|half$/)
    }
    cluster.seat('a')
    expect((await follower.ask('GET', '/v1/groups')).status).toBe(200)
  })

  test('links that come and go by the hundred leave nothing behind', async () => {
    await using cluster = await TestCluster.start()
    const { leader, follower } = cluster
    const links = await Promise.all(Array.from({ length: 200 }, () => new TopicsClient(follower.port).open()))
    expect([await leader.number('caucus_links'), await follower.number('caucus_forwarded_links')]).toEqual([200, 200])
    for (const [index, { socket }] of links.entries()) {
      if (index % 2 === 0) socket.terminate()
      else socket.close()
    }
    await expect.poll(() => follower.number('caucus_forwarded_links')).toBe(0)
    await expect.poll(() => follower.number('caucus_connections')).toBe(1)
    await expect.poll(() => leader.number('caucus_connections')).toBe(1)
    expect(await follower.number('caucus_forwards_held')).toBe(0)
  })

  test('nothing goes round in circles', async () => {
    await using cluster = await TestCluster.start()
    const { leader, follower } = cluster
    leader.peers.move({ type: 'there', peer: follower.address })
    const { status, error } = await follower.ask('GET', '/v1/groups')
    expect([status, error?.code, error?.definite]).toEqual([503, 'CAUCUS_NOT_LEADER', true])
    expect(await new TopicsClient(follower.port).refusal()).toBe(503)
    expect(await leader.number('caucus_forwarded_requests_total')).toBe(0)
  })

  test('a header that is meant for one connection stays there', async () => {
    await using cluster = await TestCluster.start()
    const { follower } = cluster
    const upstream = await instead(follower)
    const asked = await follower.connect()
    asked.write(
      'PUT /v1/groups/g/members/m HTTP/1.1\r\nHost: evil.localhost:1\r\n'.replace('evil.localhost:1', 'localhost') +
        'Connection: keep-alive, X-Private\r\nX-Private: 1\r\nX-Public: \xe4\r\nProxy-Authorization: Basic x\r\nTE: trailers\r\n' +
        'Keep-Alive: timeout=1\r\nAuthorization: Bearer mine\r\nContent-Length: 2\r\n\r\n{}',
      'latin1',
    )
    const far = await upstream()
    let head = ''
    for await (const part of far) {
      head += part.toString('latin1')
      if (head.endsWith('\r\n\r\n{}')) break
    }
    expect(head).toContain('X-Public: \xe4\r\n')
    expect(head).toContain('Host: 127.0.0.1:')
    expect(head).toMatch(/\r\ncaucus-forwarded: [\w-]+\r\n/)
    expect(head).not.toMatch(/private|proxy-|\r\nte:|timeout|bearer|localhost/i)
    asked.destroy()
  })
})

describe('a peer that is stopped in the middle of it', () => {
  test('leaves no connection behind, neither here nor there', async () => {
    await using cluster = await TestCluster.start()
    const { leader, follower } = cluster
    const producer = await new TopicsClient(leader.port).open()
    await producer.produces(1, 'price', 'x')
    const link = await new TopicsClient(follower.port).open()
    const begun = [
      follower.begin('GET', '/v1/groups/g/events'),
      follower.begin('POST', '/v1/topics/price/requests'),
      follower.begin('PUT', '/v1/groups/g/members/m', { headers: { 'content-length': '100' } }),
    ]
    for (const each of begun) each.on('error', () => undefined)
    begun[0]?.end()
    begun[1]?.end('1')
    begun[2]?.write('{')
    await producer.hears('request')
    await expect.poll(() => leader.number('caucus_streams')).toBe(2)
    await expect.poll(() => follower.number('caucus_forwards_held')).toBe(3)
    await follower.close({ drain: false })
    await link.closed()
    // The producer's, and the one that asks.
    await expect.poll(() => leader.number('caucus_connections')).toBe(2)
    expect(await leader.number('caucus_streams')).toBe(0)
    producer.socket.terminate()
  })

  test('in peace: streams and links end, and what is owed is answered', async () => {
    await using cluster = await TestCluster.start()
    const { leader, follower } = cluster
    const producer = await new TopicsClient(leader.port).open()
    await producer.produces(1, 'price', 'x')
    const link = await new TopicsClient(follower.port).open()
    const stream = follower.ask('GET', '/v1/groups/g/events')
    const asked = follower.ask('POST', '/v1/topics/price/requests', { body: '1' })
    await expect.poll(() => leader.number('caucus_streams')).toBe(2)
    const { request } = await producer.hears('request')
    const stopped = follower.close()
    await link.closed()
    expect((await stream).status).toBe(200)
    producer.says({ type: 'reply', request, payload: { kind: 'json', bytes: Buffer.from('7') } })
    expect((await asked).text).toContain('"ending":"met"')
    await stopped
    producer.socket.terminate()
  })
})
