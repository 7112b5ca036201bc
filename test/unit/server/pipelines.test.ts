import { once } from 'node:events'
import { expect, onTestFinished, test } from 'vitest'
import { TestServer } from './harness.ts'

const ask = (path: string, more = '') => `GET ${path} HTTP/1.1\r\nHost: localhost\r\n${more}\r\n`

const start = async () => {
  const server = await TestServer.start({ limits: { pipelined: 4 } })
  onTestFinished(() => server[Symbol.asyncDispose]())
  return server
}

test('a few requests may wait for the answers to those before them', async () => {
  const server = await start()
  const { text } = await server.raw(ask('/openapi.json').repeat(4) + ask('/healthz', 'Connection: close\r\n'))
  expect(text.split('HTTP/1.1 200 ').length - 1).toBe(5)
})

test('answers behind a stream are not made before their turn', async () => {
  const server = await start()
  const socket = await server.connect()
  socket.on('error', () => undefined)
  socket.write(ask('/v1/groups/g/events') + ask('/openapi.json').repeat(3))
  const seen = async () => (await server.ask('GET', '/metrics')).text
  while (!(await seen()).includes('caucus_streams 1'));
  // Refused or answered, each would have been counted by now; it has not even been looked at.
  socket.write(ask('/nothing', 'Authorization: none\r\n'))
  expect(await seen()).not.toContain('caucus_errors_total{code="CAUCUS_NOT_FOUND"}')
  socket.destroy()
  while (!(await seen()).includes('caucus_streams 0'));
})

test('the first that are too many are told so, and the connection is closed', async () => {
  const server = await start()
  const { text } = await server.raw(ask('/openapi.json').repeat(7))
  expect(text.split('HTTP/1.1 200 ').length - 1).toBe(5)
  expect(text).toContain('4 requests wait for their answers on this connection')
})

test('whoever sends a flood of them is cut, and others are served', async () => {
  const server = await start()
  const socket = await server.connect()
  socket.on('error', () => undefined)
  socket.write(ask('/openapi.json').repeat(1_000))
  socket.resume()
  await once(socket, 'close')
  expect((await server.ask('GET', '/healthz')).status).toBe(200)
})
