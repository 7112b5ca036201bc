import type { IncomingMessage } from 'node:http'
import type { Duplex } from 'node:stream'
import { WebSocket, WebSocketServer } from 'ws'
import { PROTOCOL } from '../core/group/messages.ts'
import { CaucusError } from '../errors.ts'
import type { AcceptedSink, AcceptedSocket } from '../ports/socket.ts'
import { LINK_PATH, LINK_SUBPROTOCOL, protocolFault } from '../wire/frames.ts'
import { invalid, notFound, refuseSocket } from './answers.ts'
import type { Guard } from './guard.ts'
import type { Links } from './links.ts'
import type { ServerCounts } from './metrics.ts'
import type { ServerLimits } from './options.ts'

export interface UpgradesOptions {
  readonly links: Links
  readonly guard: Guard
  readonly limits: ServerLimits
  readonly counts: ServerCounts
}

/** Makes links of requests that ask for one. */
export class Upgrades {
  readonly #options: UpgradesOptions
  readonly #server: WebSocketServer

  constructor(options: UpgradesOptions) {
    this.#options = options
    this.#server = new WebSocketServer({
      noServer: true,
      clientTracking: false,
      maxPayload: options.limits.frameBytes,
      perMessageDeflate: false,
      handleProtocols: (offered) => (offered.has(LINK_SUBPROTOCOL) ? LINK_SUBPROTOCOL : false),
    })
  }

  /** Takes an upgrade, or refuses it with an error that a person can read. */
  take(request: IncomingMessage, socket: Duplex, head: Buffer): void {
    const { links, guard, counts } = this.#options
    const fault = guard.check(request) ?? upgradeFault(request)
    if (fault !== undefined) {
      counts.error(fault.code)
      refuseSocket(socket, fault)
      return
    }
    this.#server.handleUpgrade(request, socket, head, (webSocket) => {
      links.accept((sink) => new ServerSocket(webSocket, socket, sink))
    })
  }
}

/** The path, and the version that the client says it speaks. */
const upgradeFault = (request: IncomingMessage): CaucusError | undefined => {
  // Not by `URL`, which throws for what can be sent as a path.
  const [path, ...query] = (request.url ?? '').split('?')
  if (path !== LINK_PATH) return notFound('WebSocket at this path')
  if (request.method !== 'GET' || request.headers.upgrade?.toLowerCase() !== 'websocket') {
    return invalid('a link is opened by GET with Upgrade: websocket')
  }
  const offered = (request.headers['sec-websocket-protocol'] ?? '').split(',').map((each) => each.trim())
  const named = new URLSearchParams(query.join('?')).getAll('protocol')
  const right = named.length > 0 ? named.every((each) => each === String(PROTOCOL)) : offered.includes(LINK_SUBPROTOCOL)
  return right ? undefined : new CaucusError('CAUCUS_PROTOCOL', protocolFault(named[0] ?? offered.join(', ')))
}

/** The server's end of one WebSocket. */
class ServerSocket implements AcceptedSocket {
  readonly #webSocket: WebSocket
  readonly #socket: Duplex
  #corked = false

  constructor(webSocket: WebSocket, socket: Duplex, sink: AcceptedSink) {
    this.#webSocket = webSocket
    this.#socket = socket
    webSocket.on('message', (data, isBinary) => (isBinary ? sink.binary() : sink.text(String(data))))
    webSocket.on('pong', () => sink.pong())
    // A frame that is too long, or no frame at all: `ws` closes with the right code, and `close` follows.
    webSocket.on('error', () => sink.faulty())
    webSocket.once('close', () => sink.closed())
  }

  get open(): boolean {
    return this.#webSocket.readyState === WebSocket.OPEN
  }

  get bufferedBytes(): number {
    return this.#webSocket.bufferedAmount
  }

  send(frame: string): void {
    this.#cork()
    this.#webSocket.send(frame)
  }

  /** Whatever this turn of the loop has to say goes out in one write. */
  #cork(): void {
    if (this.#corked) return
    this.#corked = true
    this.#socket.cork()
    process.nextTick(() => {
      this.#corked = false
      this.#socket.uncork()
    })
  }

  ping(): void {
    this.#webSocket.ping()
  }

  close(code: number, reason: string): void {
    this.#webSocket.close(code, reason)
  }

  terminate(): void {
    this.#webSocket.terminate()
  }
}
