// The floor of renewals over WebSocket: every frame is sent back as it came.
import { WebSocketServer } from 'ws'

const server = new WebSocketServer({ port: 0, host: '127.0.0.1', perMessageDeflate: false })
server.on('connection', (socket) => socket.on('message', (data) => socket.send(data, { binary: false })))
server.on('listening', () => console.log(`listening on http://127.0.0.1:${server.address().port}`))
