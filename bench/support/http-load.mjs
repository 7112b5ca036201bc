import { connect } from 'node:net'
import { Latencies, sleep } from './figures.mjs'
import { usageOf } from './process.mjs'

const LENGTH = /content-length: (\d+)/i

/** One kept-alive connection with one request outstanding at most. Answers must be 200 and have a Content-Length. */
export class HttpConnection {
  #socket
  #text = ''
  #answered
  #failed

  /** `answered(connection)` is called after each answer. */
  static open(port, answered) {
    return new Promise((resolve, reject) => {
      const connection = new HttpConnection()
      const socket = connect(port, '127.0.0.1', () => resolve(connection))
      socket.setNoDelay(true)
      connection.#socket = socket
      connection.#answered = answered
      connection.#failed = reject
      socket.on('data', (chunk) => connection.#take(chunk))
      socket.on('error', reject)
    })
  }

  send(bytes) {
    this.#socket.write(bytes)
  }

  #take(chunk) {
    this.#text += chunk.latin1Slice()
    const text = this.#text
    const head = text.indexOf('\r\n\r\n')
    if (head < 0) return
    if (!text.startsWith('HTTP/1.1 200')) {
      const error = new Error(`unexpected answer: ${text.slice(0, 400)}`)
      this.#failed(error)
      // After the connection was made, nobody listens to the promise any more.
      throw error
    }
    if (text.length < head + 4 + Number(LENGTH.exec(text)?.[1])) return
    this.#text = ''
    this.#answered(this)
  }

  close() {
    return new Promise((resolve) => {
      this.#socket.once('close', resolve)
      this.#socket.end()
    })
  }
}

/**
 * Kept-alive requests over raw sockets, one outstanding on each connection. Raw, because a client library would be measured instead of
 * the server. Connection number c sends `requests[c]`, then the one `connections` further on, and so on; so each session has its own order.
 */
export const httpLoad = async ({ server, connections, durationMs, requests, from = 0 }) => {
  const latencies = new Latencies()
  let running = true
  let counting = false
  let done = 0
  let count = from
  const all = await Promise.all(
    Array.from({ length: connections }, async (_, number) => {
      let turn = number
      let sentAt = 0
      let finish
      const finished = new Promise((resolve) => {
        finish = resolve
      })
      const next = (connection) => {
        sentAt = performance.now()
        connection.send(requests[turn % requests.length].numbered(count++))
        turn += connections
      }
      const connection = await HttpConnection.open(server.port, (answered) => {
        if (counting) {
          done++
          latencies.add(performance.now() - sentAt)
        }
        if (running) next(answered)
        else finish()
      })
      return { connection, finished, begin: () => next(connection) }
    }),
  )
  for (const { begin } of all) begin()
  await sleep(Math.min(500, durationMs / 4))
  const before = usageOf(server.pid)
  const started = performance.now()
  counting = true
  await sleep(durationMs)
  counting = false
  const seconds = (performance.now() - started) / 1_000
  const after = usageOf(server.pid)
  running = false
  await Promise.all(all.map(({ finished }) => finished))
  await Promise.all(all.map(({ connection }) => connection.close()))
  return { rate: done / seconds, latencies, busy: busyOf(before, after, seconds), count }
}

/** Which part of a core a server has used. */
export const busyOf = (before, after, seconds) =>
  before === undefined || after === undefined ? undefined : (after.seconds - before.seconds) / seconds
