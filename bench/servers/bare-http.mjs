// The floor over HTTP: Node's own server. A GET gets one fixed JSON answer; whoever sends a body gets an answer from what is in it.
import { createServer } from 'node:http'

const body = JSON.stringify({ status: 'SETTLED', index: 1234, total: 9999 })

const answer = (response, text) => {
  response.writeHead(200, { 'content-type': 'application/json', 'content-length': text.length })
  response.end(text)
}

const server = createServer((request, response) => {
  if (request.method === 'GET') {
    answer(response, body)
    return
  }
  let text = ''
  request.setEncoding('utf8')
  request.on('data', (chunk) => {
    text += chunk
  })
  request.on('end', () => {
    const { generation, incarnation, sequence, order } = JSON.parse(text)
    const share = { index: 12, total: 64, epoch: 1, leaseMs: 600_000 }
    answer(response, JSON.stringify({ generation, incarnation, sequence, order, state: 'settled', ...share }))
  })
})
server.listen(0, '127.0.0.1', () => console.log(`listening on http://127.0.0.1:${server.address().port}`))
