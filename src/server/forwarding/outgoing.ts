import { type Agent, request as ask, type ClientRequest, type IncomingMessage } from 'node:http'
import { request as askSecurely } from 'node:https'
import type { Socket } from 'node:net'
import type { Millis } from '../../core/time.ts'
import { CaucusError } from '../../errors.ts'
import type { PeerAddressed, PeerCredentials } from '../../ports/peers.ts'
import type { Caller } from '../access/caller.ts'

/** What is passed on, to whom. */
export interface Onward {
  readonly request: IncomingMessage
  readonly to: PeerAddressed
  readonly caller: Caller
  readonly credentials: PeerCredentials
  readonly headers: readonly string[]
  /** Without one a connection of its own. */
  readonly agent?: Agent | undefined
  /** There is a connection. */
  reached(): void
}

/** What became of it. */
export interface OnwardSink {
  /** From now on something may have been done. */
  connected(): void
  answered(answer: IncomingMessage): void
  upgraded?(answer: IncomingMessage, socket: Socket, head: Buffer): void
  /** There will be no answer. */
  failed(error: Error): void
}

/** How long a connection to another peer may take. */
const CONNECT_MS: Millis = 3_000

/** Asks another peer, with this one's own credentials. Nothing but its head is sent by it, and that once there is a connection. */
export const sendOnward = (onward: Onward, sink: OnwardSink): ClientRequest => {
  const { request, to, credentials, headers, agent } = onward
  const { tls } = credentials
  const { method, url: path } = request
  const target = { host: to.host, port: to.port, method, path, headers: [...headers], agent: agent ?? false }
  const outgoing = tls === undefined ? ask(target) : askSecurely({ ...target, ...tls })
  const limit = setTimeout(() => outgoing.destroy(new Error(`no connection within ${CONNECT_MS} ms`)), CONNECT_MS)
  const connected = () => {
    clearTimeout(limit)
    if (outgoing.destroyed) return
    onward.reached()
    sink.connected()
  }
  outgoing.once('socket', (socket: Socket) => {
    socket.setNoDelay(true)
    if (outgoing.reusedSocket) connected()
    else socket.once(tls === undefined ? 'connect' : 'secureConnect', connected)
  })
  let isAnswered = false
  const { upgraded } = sink
  outgoing.once('response', (answer) => {
    // Nobody has asked for another protocol, or the other end does not say which.
    if (answer.statusCode === 101) return void outgoing.destroy()
    isAnswered = true
    sink.answered(answer)
  })
  if (upgraded !== undefined) {
    outgoing.once('upgrade', (answer, socket: Socket, head) => {
      isAnswered = true
      upgraded(answer, socket, head)
    })
  }
  // More than one may come; the first says what happened.
  outgoing.on('error', (error) => sink.failed(error))
  outgoing.once('close', () => {
    clearTimeout(limit)
    if (!isAnswered) sink.failed(new Error('it was closed without an answer'))
  })
  return outgoing
}

/** What the peer was asked it may have done. */
export const lost = ({ identifier }: PeerAddressed, { message }: Error): CaucusError =>
  new CaucusError(
    'CAUCUS_CONNECTION_LOST',
    `${identifier}, who leads, was asked, and the connection to it was lost: ${message}`,
  )
