import { once } from 'node:events'
import { WebSocket, WebSocketServer } from 'ws'
import { answerOf, Gathers } from './direct.mjs'

/** A floor: a WebSocket from the asker to each responder, nothing in between, a frame for each message. */
export const name = 'direct ws'

const OPTIONS = { perMessageDeflate: false }

export const respond = async (numbers) => {
  const server = new WebSocketServer({ port: 0, host: '127.0.0.1', ...OPTIONS })
  server.on('connection', (socket, { url }) => {
    const answer = answerOf(Number(url.slice(1)))
    socket.on('message', async (data) => socket.send(await answer(data.toString())))
  })
  await once(server, 'listening')
  return numbers.map((number) => `ws://127.0.0.1:${server.address().port}/${number}`)
}

export const asker = async (targets) => {
  const sockets = targets.flat().map((url) => new WebSocket(url, OPTIONS))
  const gathers = new Gathers((text) => {
    for (const socket of sockets) socket.send(text)
  })
  for (const socket of sockets) socket.on('message', (data) => gathers.take(data.toString()))
  await Promise.all(sockets.map((socket) => once(socket, 'open')))
  return (topic, request, options) => gathers.ask(topic, request, options)
}
