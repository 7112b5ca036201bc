import { once } from 'node:events'
import { createServer as createHttpServer, type RequestListener } from 'node:http'
import { createServer, type Server } from 'node:net'
import { timing } from 'caucus'
import { describe, expect, onTestFinished, test } from 'vitest'
import { WebSocketServer } from 'ws'
import { RemoteBackend } from '../../src/backends/remote/backend.ts'
import { RemoteLink } from '../../src/backends/remote/link.ts'
import { checkedRemote } from '../../src/backends/remote/options.ts'
import { systemSurroundings } from '../../src/backends/remote/system.ts'
import type { CaucusError } from '../../src/errors.ts'
import type { LinkEvent } from '../../src/ports/backend.ts'
import { systemClocks } from '../../src/runtime/system-clock.ts'
import { openWebSocket } from '../../src/transports/websocket.ts'

const listening = async (server: Server): Promise<string> => {
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  onTestFinished(() => void server.close())
  const { port } = server.address() as { port: number }
  return `http://127.0.0.1:${port}`
}

/** A client of a server that knows no WebSockets. */
const reading = async (answer: RequestListener) => {
  const server = createHttpServer((request, response) => {
    if (request.url?.endsWith('/events')) answer(request, response)
    else response.writeHead(404).end()
  })
  const options = checkedRemote(await listening(server), { timing: timing.local })
  const backend = new RemoteBackend(options, systemSurroundings)
  onTestFinished(async () => {
    await backend.close()
    server.closeAllConnections()
  })
  return backend
}
const STREAM = { 'content-type': 'text/event-stream' }
const event = `data: ${JSON.stringify({ revision: '1-1', event: { type: 'group.settled' } })}\n\n`

describe('the events of a group', () => {
  test('begin with a gap when the stream broke before there was a place to go on from', async () => {
    let requests = 0
    const backend = await reading((_, response) => {
      response.writeHead(200, STREAM)
      response.write(':\n\n')
      if (++requests === 1) response.destroy()
      else response.write(event)
    })
    const told: unknown[] = []
    for await (const each of backend.events({ group: 'g' })) {
      told.push(each)
      if (told.length === 2) break
    }
    expect(told).toEqual([{ type: 'gap', dropped: undefined }, expect.objectContaining({ revision: '1-1' })])
  })

  test('go on without a gap after the last one, which the server is asked for', async () => {
    const asked: unknown[] = []
    const backend = await reading((request, response) => {
      asked.push(request.headers['last-event-id'])
      response.writeHead(200, STREAM)
      response.end(event)
    })
    const told: unknown[] = []
    for await (const each of backend.events({ group: 'g' })) {
      told.push(each)
      if (told.length === 2) break
    }
    expect(told).toEqual([1, 2].map(() => expect.objectContaining({ revision: '1-1' })))
    expect(asked).toEqual([undefined, '1-1'])
  })

  test('have as many readers as there are, without a warning', async () => {
    const backend = await reading((_, response) => {
      response.writeHead(200, STREAM)
      response.write(event)
    })
    const warnings: Error[] = []
    const warned = (warning: Error) => void warnings.push(warning)
    process.on('warning', warned)
    onTestFinished(() => void process.off('warning', warned))
    const loops = Array.from({ length: 20 }, () => backend.events({ group: 'g' }))
    await Promise.all(loops.map((loop) => loop.next()))
    await new Promise((resolve) => setImmediate(resolve))
    expect(warnings).toEqual([])
    await Promise.all(loops.map((loop) => loop.return(undefined)))
  })
})

describe('a server that does not come to the point', () => {
  const refusedBy = async (begin: string): Promise<CaucusError> => {
    const server = createServer((socket) => {
      socket.write(begin)
      const drip = setInterval(() => socket.write('x'), 20)
      socket.on('error', () => undefined)
      socket.on('close', () => clearInterval(drip))
    })
    const url = (await listening(server)).replace('http', 'ws')
    return new Promise((resolve) => {
      openWebSocket(
        { url, subprotocols: ['any'], token: undefined, tls: undefined, handshakeTimeoutMs: 200 },
        { opened: () => {}, text: () => {}, bytes: () => {}, heard: () => {}, closed: resolve },
      )
    })
  }

  test('while it refuses is taken by what it has said', async () => {
    const error = await refusedBy('HTTP/1.1 401 Unauthorized\r\ncontent-length: 100000\r\n\r\n')
    expect(error.code).toBe('CAUCUS_UNAUTHORIZED')
  })

  test('in its answer is left', async () => {
    const error = await refusedBy('HTTP/1.1 101 Switching Protocols\r\nx-never-ends: ')
    expect([error.code, error.message]).toEqual([
      'CAUCUS_CONNECTION_LOST',
      expect.stringContaining('took longer than 200 ms'),
    ])
  })
})

test('a frame that cannot be taken costs its connection, which is made again', async () => {
  const sockets = new WebSocketServer({ port: 0, host: '127.0.0.1' })
  await once(sockets, 'listening')
  const hello = { type: 'hello', protocol: 1, clusterId: 'c', instanceId: 'i', generation: 1 }
  sockets.on('connection', (socket) => {
    socket.send(JSON.stringify([hello]))
    socket.send(JSON.stringify([hello]))
  })
  const { port } = sockets.address() as { port: number }
  const { token, tls } = checkedRemote('http://127.0.0.1', {})
  const events: LinkEvent[] = []
  let frames = 0
  await new Promise<void>((resolve) => {
    const link = new RemoteLink(
      {
        urls: [`http://127.0.0.1:${port}`],
        token,
        tls,
        clock: systemClocks.grantor,
        openSocket: openWebSocket,
        random: () => 0,
        reconnectMaxMs: 10,
        heartbeatMs: 1_000,
        tell: (event) => void events.push(event),
      },
      {
        opened: () => {},
        received: () => {
          if (++frames === 1) throw new RangeError('too deep')
          resolve()
        },
        closed: () => {},
      },
    )
    onTestFinished(async () => {
      await link.close()
      sockets.close()
    })
  })
  expect(events).toMatchObject([
    { type: 'link.opened' },
    { type: 'link.refused', error: { code: 'CAUCUS_PROTOCOL', cause: { message: 'too deep' } } },
    { type: 'link.opened' },
  ])
})
