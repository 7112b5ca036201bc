import type { IncomingMessage } from 'node:http'
import type { Duplex } from 'node:stream'
import { type RawData, WebSocket, WebSocketServer } from 'ws'
import { type CoordinatorMessage, PROTOCOL } from '../core/group/messages.ts'
import { CaucusError, isCaucusError } from '../errors.ts'
import type { CoordinatorHosting, HostedLink } from '../ports/hosting.ts'
import { decodeMemberFrame, encodeFrames, LINK_PATH, LINK_SUBPROTOCOL, protocolFault } from '../wire/frames.ts'
import { invalid, notFound, refuseSocket } from './answers.ts'
import type { Guard } from './guard.ts'
import type { ServerLogger } from './logger.ts'
import type { ServerCounts } from './metrics.ts'
import type { ServerLimits } from './options.ts'

/** How a link is closed: by WebSocket's own codes. */
const CLOSE = { goingAway: 1001, protocol: 1002, internal: 1011 } as const
/** After so many silent looks a link is asked, and after so many it is cut. */
const ASK_AFTER = 1
const CUT_AFTER = 3

export interface LinksOptions {
  readonly hosting: CoordinatorHosting
  readonly guard: Guard
  readonly limits: ServerLimits
  readonly counts: ServerCounts
  readonly logger: ServerLogger
}

/** All links of this server: takes upgrades, asks silent links whether they are there, and cuts those that are not. */
export class Links {
  readonly #options: LinksOptions
  readonly #server: WebSocketServer
  readonly #links = new Set<Link>()
  readonly #timer: NodeJS.Timeout

  constructor(options: LinksOptions) {
    this.#options = options
    this.#server = new WebSocketServer({
      noServer: true,
      clientTracking: false,
      maxPayload: options.limits.frameBytes,
      perMessageDeflate: false,
      handleProtocols: (offered) => (offered.has(LINK_SUBPROTOCOL) ? LINK_SUBPROTOCOL : false),
    })
    this.#timer = setInterval(() => this.#look(), options.limits.pingMs)
    this.#timer.unref()
  }

  /** Takes an upgrade, or refuses it with an error that a person can read. */
  upgrade(request: IncomingMessage, socket: Duplex, head: Buffer): void {
    const fault = this.#options.guard.check(request) ?? upgradeFault(request)
    if (fault !== undefined) {
      this.#options.counts.error(fault.code)
      refuseSocket(socket, fault)
      return
    }
    this.#server.handleUpgrade(request, socket, head, (webSocket) => this.#open(webSocket, socket))
  }

  #open(webSocket: WebSocket, socket: Duplex): void {
    const { counts } = this.#options
    try {
      const link = new Link(webSocket, socket, this.#options)
      this.#links.add(link)
      counts.links++
      webSocket.once('close', () => {
        this.#links.delete(link)
        counts.links--
      })
    } catch (error) {
      // The coordinator was closed between the check and here.
      if (!isCaucusError(error)) throw error
      webSocket.close(CLOSE.goingAway, error.code)
    }
  }

  #look(): void {
    for (const link of this.#links) link.look()
  }

  /** Tells every link to go away; whoever does not answer is cut by `terminate`. */
  close(): void {
    clearInterval(this.#timer)
    for (const link of this.#links) link.close()
  }

  get size(): number {
    return this.#links.size
  }

  terminate(): void {
    clearInterval(this.#timer)
    for (const link of this.#links) link.cut()
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

/** One connection of a member process. */
class Link {
  readonly #webSocket: WebSocket
  readonly #socket: Duplex
  readonly #options: LinksOptions
  readonly #hosted: HostedLink
  #silentLooks = 0
  #corked = false

  constructor(webSocket: WebSocket, socket: Duplex, options: LinksOptions) {
    this.#webSocket = webSocket
    this.#socket = socket
    this.#options = options
    webSocket.on('message', (data, isBinary) => this.#take(data, isBinary))
    webSocket.on('pong', () => {
      this.#silentLooks = 0
    })
    // A frame that is too long, or no frame at all: `ws` closes with the right code, and `close` follows.
    webSocket.on('error', () => options.counts.framesRefused++)
    this.#hosted = options.hosting.attach((messages) => this.#deliver(messages))
    webSocket.once('close', () => this.#hosted.close())
  }

  /** Whatever a frame does to us, it does to its own link only: thrown from here, an error would end the process. */
  #take(data: RawData, isBinary: boolean): void {
    try {
      this.#receive(data, isBinary)
    } catch (error) {
      this.#options.counts.framesRefused++
      this.#options.logger.error({ err: error }, 'a frame could not be taken, and its link was closed')
      this.#webSocket.close(CLOSE.internal, reason('CAUCUS_BACKEND', 'the server failed at this frame'))
    }
  }

  #receive(data: RawData, isBinary: boolean): void {
    this.#silentLooks = 0
    if (this.#webSocket.readyState !== WebSocket.OPEN) return
    const messages = isBinary ? 'a frame is text' : decodeMemberFrame(String(data))
    if (typeof messages === 'string') {
      this.#options.counts.framesRefused++
      this.#options.logger.warn({ fault: messages }, 'a link sent what no member sends, and was closed')
      this.#webSocket.close(CLOSE.protocol, reason('CAUCUS_PROTOCOL', messages))
      return
    }
    // What is lost by this is said again by the next renewal: a flood of refusals would only feed the overload.
    if (!this.#hosted.receive(messages)) this.#options.counts.framesDropped++
  }

  #deliver(messages: readonly CoordinatorMessage[]): void {
    if (this.#webSocket.readyState !== WebSocket.OPEN) return
    if (this.#webSocket.bufferedAmount > this.#options.limits.linkBufferBytes) {
      this.#options.logger.warn({}, 'a link was not read by its client, and was cut')
      this.cut()
      return
    }
    this.#cork()
    for (const frame of encodeFrames(messages)) this.#webSocket.send(frame)
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

  look(): void {
    if (this.#silentLooks >= CUT_AFTER) this.cut()
    else if (this.#silentLooks++ >= ASK_AFTER && this.#webSocket.readyState === WebSocket.OPEN) this.#webSocket.ping()
  }

  cut(): void {
    this.#options.counts.linksCut++
    this.#webSocket.terminate()
  }

  close(): void {
    this.#webSocket.close(CLOSE.goingAway, reason('CAUCUS_UNAVAILABLE', 'the server is stopping'))
  }
}

/** At most 123 bytes, in characters that need no more than one. */
const reason = (code: string, message: string): string =>
  `${code}: ${message}`.replaceAll(/[^\x20-\x7e]/g, '?').slice(0, 123)
