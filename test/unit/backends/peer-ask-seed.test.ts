import { once } from 'node:events'
import { createServer, type RequestListener, type Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import { afterEach, describe, expect, test } from 'vitest'
import { seedAsker } from '../../../src/backends/peer/ask-seed.ts'
import { SimulatedClock } from '../../../src/testing/simulated-clock.ts'

const servers: Server[] = []
afterEach(() => {
  for (const server of servers.splice(0)) {
    server.close()
    server.closeAllConnections()
  }
})

const seedOf = async (answer: RequestListener) => {
  const server = createServer(answer).listen(0, '127.0.0.1')
  servers.push(server)
  await once(server, 'listening')
  return { host: '127.0.0.1', port: (server.address() as AddressInfo).port }
}

const stage = () => {
  const clock = new SimulatedClock()
  return { clock, ask: seedAsker({ token: 'secret', tls: undefined, clock }) }
}

describe('a seed', () => {
  test('is asked who the voters are, with the token', async () => {
    const { ask, clock } = stage()
    const seed = await seedOf(({ url, headers }, response) => response.end(`${url} ${headers.authorization}`))
    await expect(ask(seed).answer).resolves.toBe('/v1/peers Bearer secret')
    expect(clock.pending).toBe(0)
  })

  test.each<[string, RequestListener, string]>([
    ['a plain server', (_, response) => response.writeHead(404).end(), 'is it a plain server?'],
    ['elsewhere', (_, response) => response.writeHead(307, { location: 'http://x/' }).end(), 'answered with 307'],
    [
      'not for us',
      (_, response) => response.writeHead(401).end('{"error":\n"no"}'),
      'answered with 401: {"error":?"no"}',
    ],
    ['endless', (_, response) => void response.write('x'.repeat(9 * 2 ** 20)), 'longer than 8388608 bytes'],
    ['gone in the middle', (_, response) => response.write('{', () => response.destroy()), 'aborted'],
    ['gone before a word', ({ socket }) => void socket.destroy(), 'socket hang up'],
  ])('that is %s is none', async (_what, answer, message) => {
    const { ask, clock } = stage()
    await expect(ask(await seedOf(answer)).answer).rejects.toThrow(message)
    expect(clock.pending).toBe(0)
  })

  test('that does not answer is left after a while, and at once when nobody wants to know any more', async () => {
    const { ask, clock } = stage()
    let resolve: () => void = () => undefined
    const heard = new Promise<void>((done) => {
      resolve = done
    })
    const seed = await seedOf(() => resolve())
    const { answer } = ask(seed)
    const refused = expect(answer).rejects.toThrow('not answered within 3000 ms')
    await heard
    clock.advance(3_000)
    await refused
    const ended = ask(seed)
    const over = expect(ended.answer).rejects.toThrow()
    ended.end()
    await over
    expect(clock.pending).toBe(0)
  })
})
