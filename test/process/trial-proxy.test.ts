import { once } from 'node:events'
import { type AddressInfo, connect, createServer, type Socket } from 'node:net'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { FaultProxy } from '../../src/testing/trial/fault-proxy.ts'
import { waitFor } from './support/wait.ts'

/** What the server heard, and its end of each connection. */
let heard: string
let far: Socket[]
let proxy: FaultProxy
let close: () => void
const clients: Socket[] = []

beforeEach(async () => {
  heard = ''
  far = []
  const server = createServer({ allowHalfOpen: true }, (socket) => {
    far.push(socket)
    socket.on('error', () => undefined)
    socket.setEncoding('latin1').on('data', (text: string) => {
      heard += text
    })
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  proxy = await FaultProxy.start(`127.0.0.1:${(server.address() as AddressInfo).port}`)
  close = () => {
    for (const socket of [...far, ...clients.splice(0)]) socket.destroy()
    server.close()
  }
})
afterEach(async () => {
  close()
  await proxy.close()
})

const dial = () => {
  const socket = connect({ port: proxy.port, host: '127.0.0.1', allowHalfOpen: true })
  const end: { error?: string; ended?: boolean; closed?: boolean; heard: string } = { heard: '' }
  socket.on('error', (error) => {
    end.error = 'code' in error ? String(error.code) : error.message
  })
  socket.on('end', () => {
    end.ended = true
  })
  socket.on('close', () => {
    end.closed = true
  })
  socket.setEncoding('latin1').on('data', (text: string) => {
    end.heard += text
  })
  clients.push(socket)
  return { socket, end }
}
const connected = async () => {
  const client = dial()
  client.socket.write('1')
  await waitFor('the first byte to arrive', () => heard === '1')
  return client
}
const reply = (text: string) => far[0]?.write(text)

describe('a proxy with faults', () => {
  test('passes on what both sides say, and how they end', async () => {
    const { socket, end } = await connected()
    const passed = proxy.nextPassed('down')
    reply('a')
    await passed
    await waitFor('the reply', () => end.heard === 'a')
    socket.end()
    await once(far[0] as Socket, 'end')
    far[0]?.end('b')
    await waitFor('the end', () => end.ended)
    expect(end).toMatchObject({ heard: 'ab', ended: true })
    await waitFor('nothing to be left', () => proxy.connections === 0)
  })

  test('loses one direction and not the other', async () => {
    const { socket, end } = await connected()
    proxy.set('down', { lose: true })
    reply('lost')
    socket.write('2')
    await waitFor('the request', () => heard === '12')
    await proxy.heal()
    reply('found')
    await waitFor('the reply', () => end.heard === 'found')
  })

  test('keeps what it reads until it is healed, in order', async () => {
    const { socket, end } = await connected()
    proxy.set('up', { hold: true })
    socket.write('2')
    reply('a')
    await waitFor('the reply', () => end.heard === 'a')
    expect(heard).toBe('1')
    proxy.set('up', { delayMs: 20 })
    socket.write('3')
    await waitFor('both', () => heard === '123')
  })

  test('loses nothing of what it delays and throttles', async () => {
    const { socket } = await connected()
    proxy.set('up', { delayMs: 10, bytesPerSecond: 1_000_000 })
    const text = Array.from({ length: 20_000 }, (_, n) => n % 10).join('')
    socket.write(text)
    await waitFor('all of it', () => heard.length === text.length + 1)
    expect(heard).toBe(`1${text}`)
  })

  test('does not read, so that buffers fill on the side that writes', async () => {
    const { socket } = await connected()
    proxy.set('up', { unread: true })
    const size = 64 << 20
    socket.write(Buffer.alloc(size, 'x'))
    await once(socket, 'connect', { signal: AbortSignal.timeout(100) }).catch(() => undefined)
    expect(socket.writableLength).toBeGreaterThan(0)
    expect(heard).toBe('1')
    await proxy.heal()
    await waitFor('all of it', () => heard.length === size + 1)
  })

  test.each([
    ['fin' as const, undefined],
    ['rst' as const, 'ECONNRESET'],
  ])('cuts by %s', async (how, error) => {
    const { end } = await connected()
    proxy.cut(how)
    await waitFor('the end', () => (how === 'fin' ? end.ended : end.closed))
    expect(end.error).toBe(error)
  })

  test('refuses new connections, and is back on its port', async () => {
    await proxy.welcome('refuse')
    const { end } = dial()
    await waitFor('the refusal', () => end.closed)
    expect(end.error).toBe('ECONNREFUSED')
    await proxy.heal()
    await connected()
  })

  test('accepts and never answers, and ends what waits for that when it is healed', async () => {
    await proxy.welcome('mute')
    const { socket, end } = dial()
    await once(socket, 'connect')
    socket.write('1')
    await waitFor('the proxy to have taken it', () => proxy.connections === 1)
    expect(far).toEqual([])
    await proxy.heal()
    await waitFor('the end', () => end.closed)
    expect(heard).toBe('')
  })

  test('abandons the connections that are there, and serves new ones', async () => {
    const { end } = await connected()
    proxy.abandon()
    reply('never')
    heard = ''
    await connected()
    expect(end).toEqual({ heard: '' })
  })
})
