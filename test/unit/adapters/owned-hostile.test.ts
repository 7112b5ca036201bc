import { createServer, type IncomingMessage, type ServerResponse } from 'node:http'
import { connect as connectSecond, createServer as createSecondServer } from 'node:http2'
import { connect as connectTcp, createServer as createTcpServer, type Socket } from 'node:net'
import { expect, test } from 'vitest'
import { owned } from '../../../src/adapters/owned.ts'
import { bodyOf, closing, listening, member, Room } from './owned-room.ts'

/** A member `a` that passes everything on to a web server elsewhere. */
const before = async (url: string, silenceMs = 5_000): Promise<string> => {
  const room = new Room()
  const a = await room.serve('a', { silenceMs })
  room.members = [member('b', [0], { url })]
  return a
}

/** Sends these bytes, and gives all that comes back until the connection is closed. */
const said = async (url: string, text: string): Promise<string> => {
  let answer = ''
  const socket = connectTcp(Number(new URL(url).port), '127.0.0.1', () => socket.write(text))
  for await (const part of socket) answer += part
  return answer
}

/** A web server that answers each first packet with these bytes, whatever they are. */
const answering = async (bytes: string): Promise<string> => {
  const sockets = new Set<Socket>()
  const server = createTcpServer((socket) => {
    sockets.add(socket)
    socket.on('error', () => undefined).once('data', () => socket.write(bytes))
  })
  closing.push(() => {
    server.close()
    for (const socket of sockets) socket.destroy()
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  const address = server.address()
  return `http://127.0.0.1:${typeof address === 'object' ? address?.port : ''}`
}

test.each(['GET', 'HEAD', 'DELETE', 'OPTIONS', 'POST'])(
  'a body is never read as the next request, though its sender has its length left behind (%s)',
  async (method) => {
    const seen: string[] = []
    const b = await listening(
      createServer(async (incoming, response) => {
        seen.push(`${incoming.method} ${incoming.url} ${await bodyOf(incoming)}`)
        response.end()
      }),
    )
    const inner = 'GET /smuggled HTTP/1.1\r\nhost: x\r\nx-forwarded-for: 6.6.6.6\r\n\r\n'
    const headers = `host: x\r\nconnection: close, content-length\r\ncontent-length: ${inner.length}`
    await said(await before(b), `${method} /one HTTP/1.1\r\n${headers}\r\n\r\n${inner}`)
    expect(seen).toEqual([`${method} /one ${inner}`])
  },
)

test.each(['POST', 'GET'])('a body whose length nobody says, as in HTTP/2, arrives as well (%s)', async (method) => {
  const room = new Room()
  closing.push(() => room.shares.close())
  const b = await listening(
    createServer(async (incoming, response) => {
      const body = await bodyOf(incoming)
      response.end(`${incoming.method} ${incoming.url} ${body}`)
    }),
  )
  room.members = [member('b', [0], { url: b })]
  const only = owned(room.group, room.membership('a'), { key: () => 'k' })
  const server = createSecondServer((incoming, response) => {
    // As a framework of HTTP/2 hands them over, by Node's own names for those of HTTP/1.
    only(incoming as unknown as IncomingMessage, response as unknown as ServerResponse, () => response.end('here'))
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  closing.push(() => server.close())
  const address = server.address()
  const session = connectSecond(`http://127.0.0.1:${typeof address === 'object' ? address?.port : ''}`)
  closing.push(() => session.destroy())
  for (const body of ['a body', '']) {
    const asked = session.request({ ':method': method, ':path': '/x' }, { endStream: body === '' })
    if (body !== '') asked.end(body)
    let answer = ''
    for await (const part of asked) answer += part
    expect(answer).toBe(`${method} /x ${body}`)
  }
})

test.each([
  ['a status that there is none of', 'HTTP/1.1 000 x\r\ncontent-length: 0\r\n\r\n'],
  ['another protocol', 'HTTP/1.1 101 x\r\nconnection: upgrade\r\nupgrade: y\r\n\r\nz'],
  ['two lengths', 'HTTP/1.1 200 x\r\ncontent-length: 1\r\ntransfer-encoding: chunked\r\n\r\n1\r\na\r\n0\r\n\r\n'],
  ['what is no HTTP', 'hello'],
])('an owner that answers with %s ends nothing but that request', async (_what, bytes) => {
  const a = await before(await answering(bytes))
  const answer = await said(a, 'GET / HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n')
  expect(answer).toMatch(/^HTTP\/1.1 502 .*CAUCUS_CONNECTION_LOST/s)
})

test('an owner with which no secure line comes about was told nothing, and nothing was done there', async () => {
  const silent = await answering('')
  const a = await before(silent.replace('http:', 'https:'), 50)
  const answer = await said(a, 'POST / HTTP/1.1\r\nhost: x\r\nconnection: close\r\ncontent-length: 1\r\n\r\nb')
  expect(answer).toMatch(/^HTTP\/1.1 503 .*CAUCUS_UNAVAILABLE/s)
})

test('what was passed on for somebody who went away is not done twice', async () => {
  const seen: string[] = []
  let asker: Socket | undefined
  let gone: (() => void) | undefined
  const heardOfIt = new Promise<void>((resolve) => (gone = resolve))
  const b = await listening(
    createServer((incoming, response) => {
      seen.push(`${incoming.method} ${incoming.url}`)
      if (incoming.url !== '/slow') return void response.end()
      incoming.socket.once('close', () => gone?.())
      asker?.destroy()
    }),
  )
  const a = await before(b)
  // A connection to the owner that is kept and used again: one that breaks then is said once more, if nothing broke it on purpose.
  await (await fetch(`${a}/before`)).text()
  asker = connectTcp(Number(new URL(a).port), '127.0.0.1')
  asker.write('DELETE /slow HTTP/1.1\r\nhost: x\r\n\r\n')
  await heardOfIt
  await (await fetch(`${a}/after`)).text()
  expect(seen).toEqual(['GET /before', 'DELETE /slow', 'GET /after'])
})

test('a handler that throws is not run again', async () => {
  const room = new Room()
  closing.push(() => room.shares.close())
  room.tokens.set('a', 1)
  const only = owned(room.group, room.membership('a'), { key: () => 'k' })
  let runs = 0
  const run = () =>
    only({ headers: {} } as IncomingMessage, {} as ServerResponse, () => {
      runs++
      throw new Error('broken')
    })
  expect(run).toThrow('broken')
  expect(runs).toBe(1)
})
