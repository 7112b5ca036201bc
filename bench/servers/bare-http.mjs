// The floor of heartbeats over HTTP: Node's own server, one fixed JSON answer of the same size.
import { createServer } from 'node:http'

const body = JSON.stringify({ status: 'SETTLED', index: 1234, total: 9999 })
const server = createServer((_, response) => {
  response.writeHead(200, { 'content-type': 'application/json', 'content-length': body.length })
  response.end(body)
})
server.listen(0, '127.0.0.1', () => console.log(`listening on http://127.0.0.1:${server.address().port}`))
