import { connect } from 'node:net'

/**
 * Keep-alive requests over raw sockets, one outstanding on each connection. Raw, because a client library would be measured
 * instead of the server. Answers must have a Content-Length.
 */
export const httpLoad = async ({ port, connections, durationMs, sessions }) => {
  let done = 0
  let turn = 0
  let running = true
  const requests = Array.from({ length: sessions }, (_, i) =>
    Buffer.from(`GET /index HTTP/1.1\r\nHost: 127.0.0.1:${port}\r\nBloc-Session-ID: session-${i}\r\n\r\n`),
  )
  const worker = () =>
    new Promise((resolve, reject) => {
      const socket = connect(port, '127.0.0.1')
      socket.setNoDelay(true)
      const next = () => socket.write(requests[turn++ % sessions])
      let text = ''
      socket.on('connect', next)
      socket.on('error', reject)
      socket.on('close', resolve)
      socket.on('data', (chunk) => {
        text += chunk.latin1Slice()
        const head = text.indexOf('\r\n\r\n')
        if (head < 0) return
        const length = Number(/content-length: (\d+)/i.exec(text)?.[1])
        if (!text.startsWith('HTTP/1.1 200')) return reject(new Error(`unexpected answer: ${text.slice(0, 200)}`))
        if (text.length < head + 4 + length) return
        text = ''
        done++
        if (running) next()
        else socket.end()
      })
    })
  const started = process.hrtime.bigint()
  const workers = Array.from({ length: connections }, worker)
  await new Promise((resolve) => setTimeout(resolve, durationMs))
  running = false
  const seconds = Number(process.hrtime.bigint() - started) / 1e9
  const rate = done / seconds
  await Promise.all(workers)
  return rate
}
