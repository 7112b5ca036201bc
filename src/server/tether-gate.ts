import type { IncomingMessage } from 'node:http'
import { Socket } from 'node:net'
import type { Duplex } from 'node:stream'
import { TLSSocket } from 'node:tls'
import { CaucusError } from '../errors.ts'
import type { PeersHosting } from '../ports/peers.ts'
import { TetherEnd } from '../runtime/tether-end.ts'
import { addressesOf, TETHER_HEADER, TETHER_PATH, TETHER_UPGRADE } from '../wire/peers/tether.ts'
import { invalid } from './answers.ts'

export const asksForTether = ({ url = '' }: IncomingMessage): boolean => url.split('?')[0] === TETHER_PATH

/** Makes a tether of a connection that asks for it, or says why not. From then on nobody here may close it, or set it a time. */
export const takeTether = (
  request: IncomingMessage,
  socket: Duplex,
  head: Buffer,
  peers: PeersHosting,
  mayBe: (voter: string) => CaucusError | undefined,
): CaucusError | undefined => {
  const { method, headers } = request
  const hello = headers[TETHER_HEADER]
  if (method !== 'GET' || headers.upgrade?.toLowerCase() !== TETHER_UPGRADE || typeof hello !== 'string')
    return invalid(`a tether is opened by GET with Upgrade: ${TETHER_UPGRADE} and a hello`)
  if (peers.tether === undefined)
    return new CaucusError('CAUCUS_NOT_FOUND', "this peer holds no tethers: it was not started with links: 'direct'")
  // Above TCP the end of a connection has words of its own, and proves something else.
  if (!(socket instanceof Socket) || socket instanceof TLSSocket)
    return invalid('a tether is a plain TCP connection, without TLS')
  const own = addressesOf(socket)
  if (own === undefined) return invalid('the connection is gone')
  return peers.tether({
    hello,
    own,
    mayBe,
    take: (answer) => {
      const lines = ['HTTP/1.1 101 Switching Protocols', 'Connection: Upgrade', `Upgrade: ${TETHER_UPGRADE}`]
      const stream = new TetherEnd(socket, head)
      socket.write(`${[...lines, `${TETHER_HEADER}: ${answer}`].join('\r\n')}\r\n\r\n`)
      return stream
    },
  })
}
