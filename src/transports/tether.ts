import { connect } from 'node:net'
import type { DialTether } from '../ports/tether.ts'
import { addressesOf, TETHER_HEADER, TETHER_PATH, TETHER_UPGRADE } from '../wire/peers/tether.ts'

/** The longest answer that is read. */
const MAX_ANSWER = 16_384
const HEAD_END = '\r\n\r\n'

/**
 * Opens a tether over TCP, without a client of HTTP: such a client sets times, listens for ends of its own and closes sockets, and of a tether
 * nobody may close either end but who holds it.
 */
export const dialTether: DialTether = ({ host, port, token, timeoutMs, hello }, sink) => {
  const socket = connect({ host, port, allowHalfOpen: true, keepAlive: false })
  let answer = ''
  let settled = false
  const settle = (): boolean => {
    if (settled) return false
    settled = true
    clearTimeout(limit)
    return true
  }
  const fails = (reason: string): void => {
    if (!settle()) return
    socket.resetAndDestroy()
    sink.failed(reason)
  }
  const limit = setTimeout(() => fails(`no answer within ${timeoutMs} ms`), timeoutMs)
  limit.unref()
  socket.unref()
  socket.once('error', ({ message }) => fails(message))
  socket.once('end', () => fails('the other side ended it'))
  socket.once('close', () => fails('it was closed'))
  socket.once('connect', () => {
    const own = addressesOf(socket)
    if (own === undefined) return fails('it was closed')
    const lines = [
      `GET ${TETHER_PATH} HTTP/1.1`,
      `Host: ${host.includes(':') ? `[${host}]` : host}:${port}`,
      'Connection: Upgrade',
      `Upgrade: ${TETHER_UPGRADE}`,
      `${TETHER_HEADER}: ${hello(own)}`,
      ...(token === undefined ? [] : [`Authorization: Bearer ${token}`]),
    ]
    socket.write(lines.join('\r\n') + HEAD_END)
  })
  socket.on('data', function read(bytes: Buffer) {
    answer += bytes.toString('latin1')
    const end = answer.indexOf(HEAD_END)
    if (end < 0) return answer.length > MAX_ANSWER ? fails('the answer is too long') : undefined
    const own = addressesOf(socket)
    const [status = '', ...headers] = answer.slice(0, end).split('\r\n')
    if (!/^HTTP\/1\.1 101 /.test(status) || own === undefined) return fails(`${status}${answer.slice(end + 4)}`.trim())
    const theirs = headers.find((line) => line.toLowerCase().startsWith(`${TETHER_HEADER}:`))
    if (theirs === undefined) return fails('it was taken without a hello')
    if (!settle()) return
    socket.off('data', read)
    const head = { length: answer.length - end - HEAD_END.length }
    sink.opened(socket, head, theirs.slice(TETHER_HEADER.length + 1).trim(), own)
  })
}
