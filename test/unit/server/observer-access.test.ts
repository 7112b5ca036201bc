import { once } from 'node:events'
import { afterEach, expect, test } from 'vitest'
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

/** A voter that takes whoever may be the observer whose name is the first frame, and says who that is and from where. */
class Voter extends FakePeers {
  override accept: PeersHosting['accept'] = ({ connect, observer, gone }) => {
    const socket = connect({
      text: (frame) => socket.send(observer?.mayBe(frame)?.code ?? `${observer?.key} at ${observer?.address}`),
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

const start = async (access?: Access): Promise<ListeningForPeers> => {
  const peers = new Voter('a', ['a', 'b', 'c'], await testCoordinator(new SimulatedClock(0)))
  const listen = peerListener({ version: '1', ...(access !== undefined && { access }) })
  const server = await listen({ peers, host: '127.0.0.1', port: 0 })
  listening.push(server)
  return server
}

const says = async ({ port }: ListeningForPeers, observer: string, token?: string): Promise<string> => {
  const headers = token === undefined ? {} : { authorization: `Bearer ${token}` }
  const socket = new WebSocket(`ws://127.0.0.1:${port}/v1/peer`, ['caucus.peer.v1'], { headers })
  await once(socket, 'open')
  socket.send(observer)
  const [said] = await once(socket, 'message')
  socket.terminate()
  return String(said)
}

test('anybody of this machine may observe, where there is no token', async () => {
  expect(await says(await start(), 'o')).toBe('nothing anybody at 127.0.0.1')
})

test('where there are entries, whoever may be a member of cluster/observers, under the names that it may have there', async () => {
  const rule = (name: string, grant: object) => ({
    name,
    credential: { type: 'token' as const, token: `token-of-${name}` },
    grant: { role: 'member' as const, ...grant },
  })
  const server = await start(
    new Access([
      rule('any', { groups: ['cluster/*'] }),
      rule('o1', { groups: ['cluster/observers'], members: ['{identity}'] }),
      rule('jobs', { groups: ['jobs'] }),
      rule('reader', { role: 'read' }),
    ]),
  )
  expect(await says(server, 'o2', 'token-of-any')).toBe('token any at 127.0.0.1')
  expect(await says(server, 'o1', 'token-of-o1')).toBe('token o1 at 127.0.0.1')
  for (const name of ['o1', 'jobs', 'reader'])
    expect(await says(server, 'o2', `token-of-${name}`)).toBe('CAUCUS_FORBIDDEN')
})
