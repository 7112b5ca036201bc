import type { IncomingMessage } from 'node:http'
import type { Duplex } from 'node:stream'
import { WebSocket, WebSocketServer } from 'ws'
import { PROTOCOL } from '../core/group/messages.ts'
import { CaucusError, isCaucusError } from '../errors.ts'
import type { AcceptedSink, AcceptedSocket } from '../ports/socket.ts'
import { LINK_PATH } from '../wire/frames.ts'
import { negotiated, offerFault, PROTOCOLS, type Protocol, subprotocolOf, versionsIn } from '../wire/versions.ts'
import type { Desk } from './access/desk.ts'
import { invalid, notFound, refuseSocket } from './answers.ts'
import type { Guard } from './guard.ts'
import type { Links } from './links.ts'
import type { ServerCounts } from './metrics.ts'
import type { ServerLimits } from './options.ts'

export interface UpgradesOptions {
  readonly links: Links
  readonly guard: Guard
  readonly desk: Desk
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
      handleProtocols: (offered, request) => {
        const protocol = protocolOf(request)
        const chosen = isCaucusError(protocol) ? undefined : subprotocolOf(protocol)
        return chosen !== undefined && offered.has(chosen) ? chosen : false
      },
    })
  }

  /** Takes an upgrade, or refuses it with an error that a person can read. */
  take(request: IncomingMessage, socket: Duplex, head: Buffer): void {
    const { links, guard, counts, desk } = this.#options
    const protocol = guard.check(request) ?? upgradeFault(request) ?? desk.linkFault(request) ?? protocolOf(request)
    if (isCaucusError(protocol)) {
      counts.error(protocol.code)
      desk.refused(request, protocol)
      refuseSocket(socket, protocol)
      return
    }
    this.#server.handleUpgrade(request, socket, head, (webSocket) => {
      if (protocol !== PROTOCOL) this.#countOlder(webSocket)
      links.accept((sink) => new ServerSocket(webSocket, socket, sink), protocol, desk.gateFor(request))
    })
  }

  #countOlder(webSocket: WebSocket): void {
    const { counts } = this.#options
    counts.olderLinks++
    webSocket.once('close', () => counts.olderLinks--)
  }
}

/** What is asked for before any version counts. */
const upgradeFault = ({ url, method, headers }: IncomingMessage): CaucusError | undefined => {
  // Not by `URL`, which throws for what can be sent as a path.
  if ((url ?? '').split('?')[0] !== LINK_PATH) return notFound('WebSocket at this path')
  if (method === 'GET' && headers.upgrade?.toLowerCase() === 'websocket') return undefined
  return invalid('a link is opened by GET with Upgrade: websocket')
}

/** The newest version that both sides speak. A client names its own as subprotocols, or one of them as `?protocol=`. */
const protocolOf = ({ url, headers }: IncomingMessage): Protocol | CaucusError => {
  const [, ...query] = (url ?? '').split('?')
  const named = new URLSearchParams(query.join('?')).getAll('protocol')
  if (named.length > 1) return invalid('?protocol= names one version; to offer several, name them as subprotocols')
  const subprotocols = (headers['sec-websocket-protocol'] ?? '').split(',').map((each) => each.trim())
  const offered = versionsIn(named.length > 0 ? named.map((each) => `caucus.v${each}`) : subprotocols)
  const details = { offered: offered.slice(0, 10), spoken: PROTOCOLS }
  return negotiated(offered) ?? new CaucusError('CAUCUS_PROTOCOL', offerFault(offered), { details })
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
