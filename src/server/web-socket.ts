import type { IncomingMessage } from 'node:http'
import type { Socket } from 'node:net'
import type { Duplex } from 'node:stream'
import { type RawData, WebSocket, WebSocketServer } from 'ws'
import { PROTOCOL } from '../core/group/messages.ts'
import { CaucusError, isCaucusError } from '../errors.ts'
import type { AcceptedSink, AcceptedSocket } from '../ports/socket.ts'
import { LINK_PATH } from '../wire/frames.ts'
import { negotiated, offerFault, PROTOCOLS, type Protocol, subprotocolOf, versionsIn } from '../wire/versions.ts'
import type { Desk } from './access/desk.ts'
import { RateLimit } from './access/rate-limit.ts'
import { invalid, notFound, owesAnswer, refuseSocket } from './answers.ts'
import type { Forwarder } from './forwarding/forwarder.ts'
import type { Guard } from './guard.ts'
import { type Arrival, type Intake, TOO_MUCH } from './intake.ts'
import type { Links } from './links.ts'
import type { ServerCounts } from './metrics.ts'
import type { ServerLimits } from './options.ts'
import type { PeerEnds } from './peer-ends.ts'
import { isForPeers, observerGate, peerFault, peerProtocolOf, voterGate } from './peer-gate.ts'
import { asksForTether, takeTether } from './tether-gate.ts'

/** What a voter does besides. */
export interface VoterEnds {
  /** Its connections to others. */
  readonly ends: PeerEnds
  /** Where links are while another one leads. */
  readonly forwarder: Forwarder
  /** Counts the connection of a link for its client, and not for the voter that has passed it on. */
  countAs(network: string, socket: Socket): CaucusError | undefined
}

export interface UpgradesOptions {
  readonly links: Links
  readonly voter?: VoterEnds | undefined
  readonly guard: Guard
  readonly desk: Desk
  readonly limits: ServerLimits
  readonly counts: ServerCounts
  readonly intake: Intake
}

/** Makes links of requests that ask for one. */
export class Upgrades {
  readonly #options: UpgradesOptions
  readonly #server: WebSocketServer

  constructor(options: UpgradesOptions) {
    this.#options = options
    const webSocketOptions = {
      noServer: true,
      clientTracking: false,
      maxPayload: options.limits.frameBytes,
      // A piece of one byte takes hundreds in memory, and so does what arrives byte by byte.
      maxFragments: options.limits.frameFragments,
      maxBufferedChunks: MAX_CHUNKS,
      closeTimeout: CLOSE_TIMEOUT_MS,
      // Answered by us, who count them.
      autoPong: false,
      perMessageDeflate: false,
      handleProtocols: (offered: Set<string>, request: IncomingMessage): string | false => {
        if (options.voter !== undefined && isForPeers(request)) return peerProtocolOf(offered) ?? false
        const protocol = protocolOf(request)
        const chosen = isCaucusError(protocol) ? undefined : subprotocolOf(protocol)
        return chosen !== undefined && offered.has(chosen) ? chosen : false
      },
    }
    this.#server = new WebSocketServer(webSocketOptions)
    // A handshake that is wrong in a way of its own, which `ws` would answer in plain text.
    this.#server.on('wsClientError', (error, socket, request) => this.#refuse(request, socket, invalid(error.message)))
  }

  /** Takes an upgrade, or refuses it with an error that a person can read. */
  take(request: IncomingMessage, socket: Duplex, head: Buffer): void {
    const { voter, guard, desk } = this.#options
    // Whoever pipelines an upgrade behind another request would read its answer as that request's.
    if (owesAnswer(socket)) {
      socket.destroy()
      return
    }
    if (voter !== undefined && (isForPeers(request) || asksForTether(request)))
      return this.#takePeer(request, socket, head, voter.ends)
    const fault = guard.check(request) ?? upgradeFault(request) ?? desk.linkFault(request)
    if (fault !== undefined) return this.#refuse(request, socket, fault)
    if (voter === undefined) return this.#takeLink(request, socket, head)
    voter.forwarder.upgrade(request, socket, head, {
      here: () => this.#takeLink(request, socket, head),
      refuse: (error) => this.#refuse(request, socket, error),
    })
  }

  #takeLink(request: IncomingMessage, socket: Duplex, head: Buffer): void {
    const { links, counts, desk, limits } = this.#options
    const protocol = this.#countFault(request) ?? protocolOf(request)
    if (isCaucusError(protocol)) return this.#refuse(request, socket, protocol)
    const held = desk.hold('links', request)
    if (isCaucusError(held)) return this.#refuse(request, socket, held)
    socket.once('close', held)
    const arrival = this.#arrivalOn(socket, desk.networkOf(request))
    this.#server.handleUpgrade(request, socket, head, (webSocket) => {
      if (protocol !== PROTOCOL) this.#countOlder(webSocket)
      const connect = (sink: AcceptedSink) => new ServerSocket({ webSocket, socket, sink, limits, counts, arrival })
      links.accept(connect, protocol, desk.gateFor(request))
    })
  }

  /** Where a voter has passed it on for whom somebody vouches, its client has one more connection, and that voter one less. */
  #countFault(request: IncomingMessage): CaucusError | undefined {
    const { voter, desk } = this.#options
    const { through, from } = desk.callerOf(request)
    return through === undefined ? undefined : voter?.countAs(from.network, request.socket)
  }

  /** Voters are few, and an election goes before everybody's part of the connections. */
  #takePeer(request: IncomingMessage, socket: Duplex, head: Buffer, peers: PeerEnds): void {
    const { guard, counts, limits, desk } = this.#options
    if (asksForTether(request)) {
      const refused = guard.check(request) ?? takeTether(request, socket, head, peers.hosting, voterGate(desk, request))
      if (refused !== undefined) this.#refuse(request, socket, refused)
      return
    }
    const fault = guard.check(request) ?? peerFault(request)
    if (fault !== undefined) return this.#refuse(request, socket, fault)
    const arrival = this.#arrivalOn(socket, desk.networkOf(request))
    const [mayBe, observer] = [voterGate(desk, request), observerGate(desk, request)]
    this.#server.handleUpgrade(request, socket, head, (webSocket) => {
      const connect = (sink: AcceptedSink) => new ServerSocket({ webSocket, socket, sink, limits, counts, arrival })
      peers.accept(connect, mayBe, observer)
    })
  }

  /** Apart from the request: a function that waits for the end of the link would keep all that is named around it for as long. */
  #arrivalOn(socket: Duplex, network: string): Arrival {
    const arrival = this.#options.intake.open(network)
    socket.once('close', () => arrival.close())
    return arrival
  }

  #refuse(request: IncomingMessage, socket: Duplex, error: CaucusError): void {
    const { counts, desk } = this.#options
    counts.error(error.code)
    desk.refused(request, error)
    refuseSocket(socket, error)
  }

  #countOlder(webSocket: WebSocket): void {
    const { counts } = this.#options
    counts.olderLinks++
    webSocket.once('close', () => counts.olderLinks--)
  }
}

/** What is asked for before any version counts. */
const upgradeFault = ({ url, method, headers }: IncomingMessage): CaucusError | undefined => {
  const asked = headers.upgrade?.toLowerCase()
  if (asked?.startsWith('h2c')) return invalid('this server speaks HTTP/1.1 and WebSocket; ask without "Upgrade: h2c"')
  // Not by `URL`, which throws for what can be sent as a path.
  if ((url ?? '').split('?')[0] !== LINK_PATH) return notFound('WebSocket at this path')
  if (method === 'GET' && asked === 'websocket') return undefined
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

/** Of one frame: 1 MiB in pieces of an Ethernet packet are 750. */
const MAX_CHUNKS = 16_384
/** How long the other end has for its part of closing. */
const CLOSE_TIMEOUT_MS = 5_000
/** How long whoever floods has to read why it is cut. */
const LAST_WORD_MS = 1_000
/** What a ping or a pong of a client has besides what it carries. */
const CONTROL_BYTES = 6
/** More pongs than that are not worth keeping for somebody who does not read them. */
const PONGS_BYTES = 65_536

interface ServerSocketOptions {
  readonly webSocket: WebSocket
  readonly socket: Duplex
  readonly sink: AcceptedSink
  readonly limits: Pick<ServerLimits, 'controlsPerSecond' | 'controlsBurst'>
  readonly counts: Pick<ServerCounts, 'linksFlooding'>
  /** Of its frames. */
  readonly arrival: Arrival
}

/** The server's end of one WebSocket. */
class ServerSocket implements AcceptedSocket {
  /** Those with something to write, of all servers in this process. */
  static #waiting: ServerSocket[] = []
  readonly #webSocket: WebSocket
  readonly #socket: Duplex
  readonly #counts: ServerSocketOptions['counts']
  readonly #limits: ServerSocketOptions['limits']
  /** Most links never need it. */
  #controls: RateLimit | undefined
  #corked = false
  #flooding = false

  constructor({ webSocket, socket, sink, limits, counts, arrival }: ServerSocketOptions) {
    this.#webSocket = webSocket
    this.#socket = socket
    this.#counts = counts
    this.#limits = limits
    // Before the frames in it are read.
    socket.prependListener('data', (bytes: Buffer) => {
      if (!arrival.add(bytes.length)) this.#end(1013, `CAUCUS_OVERLOADED: ${TOO_MUCH}`)
    })
    webSocket.on('message', (data, isBinary) => {
      arrival.taken()
      if (isBinary) sink.binary(bytesOf(data))
      else sink.text(String(data))
    })
    webSocket.on('ping', (data) => {
      arrival.taken(CONTROL_BYTES + data.length)
      this.#pinged(data)
    })
    webSocket.on('pong', (data) => {
      arrival.taken(CONTROL_BYTES + data.length)
      if (!this.#isTooMuch()) sink.pong()
    })
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

  /** Written now: who gathers a turn's words into frames has waited for its end already. `ws` writes the head of the frame with it. */
  sendBytes(frame: Uint8Array): void {
    this.#webSocket.send(frame)
  }

  /**
   * Whatever this turn of the loop has to say goes out in one write, once all sockets have been read that are ready: whoever waits at the
   * other end is woken once, and not with every answer.
   */
  #cork(): void {
    if (this.#corked) return
    this.#corked = true
    this.#socket.cork()
    if (ServerSocket.#waiting.push(this) === 1) setImmediate(ServerSocket.#uncorkAll)
  }

  static readonly #uncorkAll = (): void => {
    const sockets = ServerSocket.#waiting
    ServerSocket.#waiting = []
    for (const each of sockets) {
      each.#corked = false
      each.#socket.uncork()
    }
  }

  #pinged(data: Buffer): void {
    if (this.#isTooMuch() || !this.open || this.bufferedBytes > PONGS_BYTES) return
    this.#cork()
    this.#webSocket.pong(data)
  }

  /** Pings and pongs carry nothing, so no rate of messages holds them. Whoever floods with them is not listened to any more. */
  #isTooMuch(): boolean {
    if (this.#flooding) return true
    const { controlsPerSecond: perSecond, controlsBurst: burst } = this.#limits
    this.#controls ??= new RateLimit({ perSecond, burst, now: () => performance.now() })
    if (this.#controls.take('') === 0) return false
    this.#flooding = true
    this.#counts.linksFlooding++
    this.#end(1008, 'CAUCUS_OVERLOADED: too many pings and pongs; one a second is plenty')
    return true
  }

  /** Says why, listens no more, and does not wait for long until the other end has closed. */
  #end(code: number, reason: string): void {
    if (!this.open) return
    this.#webSocket.close(code, reason)
    this.#webSocket.pause()
    setTimeout(() => this.terminate(), LAST_WORD_MS).unref()
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

/** With the `binaryType` that is the default, it is a `Buffer` already. */
const bytesOf = (data: RawData): Uint8Array => {
  if (Array.isArray(data)) return Buffer.concat(data)
  return data instanceof ArrayBuffer ? new Uint8Array(data) : data
}
