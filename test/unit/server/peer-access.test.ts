import { once } from 'node:events'
import { afterEach, describe, expect, test } from 'vitest'
import { WebSocket } from 'ws'
import type { ListeningForPeers, PeersHosting } from '../../../src/ports/peers.ts'
import { Access } from '../../../src/server/access/access.ts'
import { peerListener } from '../../../src/server/peer-listen.ts'
import { SimulatedClock } from '../../../src/testing/simulated-clock.ts'
import { FakePeers, testCoordinator } from './forwarding/peers.ts'

const listening: ListeningForPeers[] = []
afterEach(async () => {
  await Promise.all(listening.splice(0).map((each) => each.close({ drain: false })))
})

/** A voter that takes whoever may be the voter whose name is the first frame, and says what it thinks of it. */
class Voter extends FakePeers {
  override accept: PeersHosting['accept'] = ({ connect, mayBe, gone }) => {
    const socket = connect({
      text: (frame) => {
        const fault = mayBe(frame)
        if (fault === undefined) socket.send('welcome')
        else socket.close(1008, fault.code)
      },
      binary: () => undefined,
      pong: () => undefined,
      faulty: () => undefined,
      closed: gone,
    })
    return {
      review: () => false,
      look: () => undefined,
      close: () => socket.close(1001, ''),
      terminate: () => socket.terminate(),
    }
  }
}

const hosting = async (): Promise<FakePeers> =>
  new Voter('a', ['a', 'b', 'c'], await testCoordinator(new SimulatedClock(0)))

const start = async (access?: Access) => {
  const listen = peerListener({ version: '1', ...(access !== undefined && { access }) })
  const server = await listen({ peers: await hosting(), host: '127.0.0.1', port: 0 })
  listening.push(server)
  return server
}

/** Says that it is this voter. Resolves with the answer, or with how it was closed or refused. */
const says = async ({ port }: ListeningForPeers, voter: string, token?: string, protocol = 'caucus.peer.v1') => {
  const headers = token === undefined ? {} : { authorization: `Bearer ${token}` }
  const socket = new WebSocket(`ws://127.0.0.1:${port}/v1/peer`, [protocol], { headers })
  const refused = once(socket, 'unexpected-response').then(([, response]) => Number(response.statusCode))
  const closed = once(socket, 'close').then(([code, reason]) => `${code} ${String(reason)}`)
  const answered = once(socket, 'message').then(([data]) => String(data))
  for (const each of [refused, closed, answered]) each.catch(() => undefined)
  socket.on('error', () => undefined)
  socket.on('open', () => socket.send(voter))
  const result = await Promise.race([refused, closed, answered])
  socket.terminate()
  return result
}

describe('who may be a voter', () => {
  test('anybody of this machine, where there is no token', async () => {
    expect(await says(await start(), 'b')).toBe('welcome')
  })

  test('whoever has a token that may be any, or that very one', async () => {
    const rule = (name: string, grant: object) => ({
      name,
      credential: { type: 'token' as const, token: `token-of-${name}` },
      grant: { role: 'admin' as const, ...grant },
    })
    const server = await start(
      new Access([
        rule('all', {}),
        rule('b', { members: ['{identity}'] }),
        rule('jobs', { groups: ['jobs-*'] }),
        { ...rule('member', {}), grant: { role: 'member' } },
      ]),
    )
    expect(await says(server, 'b', 'token-of-all')).toBe('welcome')
    expect(await says(server, 'b', 'token-of-b')).toBe('welcome')
    for (const [voter, token] of [
      ['c', 'token-of-b'],
      ['b', 'token-of-jobs'],
      ['b', 'token-of-member'],
    ] as const) {
      expect(await says(server, voter, token)).toBe('1008 CAUCUS_FORBIDDEN')
    }
    expect(await says(server, 'b', 'token-of-nobody')).toBe(401)
    expect(await says(server, 'b')).toBe(401)
  })

  test('nobody who speaks something else', async () => {
    expect(await says(await start(), 'b', undefined, 'caucus.v2')).toBe(400)
  })
})

describe('the server of a voter', () => {
  test('is not open to other machines by mistake', async () => {
    const listen = peerListener({ version: '1' })
    await expect(listen({ peers: await hosting(), host: '0.0.0.0', port: 0 })).rejects.toMatchObject({
      code: 'CAUCUS_INVALID_CONFIG',
      message: expect.stringContaining('can be reached from other machines'),
    })
  })

  test('says who is there and that nobody leads, and is ready all the same', async () => {
    const { url } = await start()
    const ask = async (path: string) => {
      const response = await fetch(`${url}${path}`)
      return { status: response.status, body: await response.json() }
    }
    expect(await ask('/v1/leader')).toMatchObject({ status: 503, body: { error: { code: 'CAUCUS_NO_QUORUM' } } })
    expect(await ask('/v1/peers')).toMatchObject({ status: 200, body: { identifier: 'a', role: 'follower' } })
    expect(await ask('/healthz')).toMatchObject({ body: { guarantees: { exclusion: 'leased' } } })
    expect(await ask('/readyz')).toEqual({ status: 200, body: { ok: true, leader: null } })
    expect((await ask('/v1/peer')).status).toBe(400)
    expect((await ask('/v1/elsewhere')).status).toBe(404)
    expect((await fetch(`${url}/metrics`)).status).toBe(200)
  })

  test('is not ready as long as its voter does not take part', async () => {
    const peers = await hosting()
    const server = await peerListener({ version: '1' })({ peers, host: '127.0.0.1', port: 0 })
    listening.push(server)
    peers.role = 'idle'
    const response = await fetch(`${server.url}/readyz`)
    expect([response.status, await response.json()]).toMatchObject([503, { error: { code: 'CAUCUS_UNAVAILABLE' } }])
  })
})
