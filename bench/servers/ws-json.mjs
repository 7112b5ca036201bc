// What JSON costs: every frame is parsed, and a new one of the size of an answer is written.
import { WebSocketServer } from 'ws'

const server = new WebSocketServer({ port: 0, host: '127.0.0.1', perMessageDeflate: false })
server.on('connection', (socket) =>
  socket.on('message', (data) => {
    const [renewal] = JSON.parse(String(data))
    const { group, member, bootId, generation, incarnation, sequence, order, holding } = renewal
    const known = { type: 'share', group, member, bootId, generation, incarnation, sequence, order, holding }
    const state = { state: 'settled', epoch: 1, leaseMs: 600_000, members: 64, share: 'index', revoked: [] }
    socket.send(JSON.stringify([{ ...known, ...state }]))
  }),
)
server.on('listening', () => console.log(`listening on http://127.0.0.1:${server.address().port}`))
