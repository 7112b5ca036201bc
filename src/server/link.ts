import type { CoordinatorMessage } from '../core/group/messages.ts'
import type { CoordinatorHosting, HostedLink } from '../ports/hosting.ts'
import type { AcceptedSink, AcceptedSocket } from '../ports/socket.ts'
import { decodeMemberFrame, encodeFrames } from '../wire/frames.ts'
import type { Protocol } from '../wire/versions.ts'
import type { Gate } from './access/link-gate.ts'
import type { ServerLogger } from './logger.ts'
import type { ServerCounts } from './metrics.ts'
import type { ServerLimits } from './options.ts'

/** How a link is closed: by WebSocket's own codes. */
const CLOSE = { goingAway: 1001, protocol: 1002, policy: 1008, internal: 1011 } as const
/** After so many silent looks a link is asked, and after so many it is cut. */
const ASK_AFTER = 1
const CUT_AFTER = 3

/** What one link is, besides what all of them have in common. */
export interface Connected {
  /** Gives the socket, which tells its sink later, never before it returns. */
  connect(sink: AcceptedSink): AcceptedSocket
  readonly protocol: Protocol
  /** What its client may say; without one anything. */
  readonly gate?: Gate | undefined
  /** Called once the socket is closed. */
  gone(): void
}

export interface LinkOptions {
  readonly hosting: CoordinatorHosting
  readonly limits: Pick<ServerLimits, 'linkBufferBytes'>
  readonly counts: Pick<ServerCounts, 'linksCut' | 'framesRefused' | 'framesDropped'>
  readonly logger: ServerLogger
}

/** One connection of a member process. Whatever comes from it does nothing to any other. */
export class Link implements AcceptedSink {
  readonly #options: LinkOptions
  readonly #socket: AcceptedSocket
  readonly #gone: () => void
  /** The version that its client speaks. */
  readonly #protocol: Protocol
  readonly #gate: Gate | undefined
  #hosted: HostedLink | undefined
  #silentLooks = 0

  constructor({ connect, protocol, gate, gone }: Connected, options: LinkOptions) {
    this.#options = options
    this.#gone = gone
    this.#protocol = protocol
    this.#gate = gate
    this.#socket = connect(this)
  }

  /** Greets, and begins to listen. Throws what the coordinator has against it. */
  attach(): void {
    this.#hosted = this.#options.hosting.attach((messages) => this.#deliver(messages))
  }

  text(frame: string): void {
    this.#take(() => decodeMemberFrame(frame, this.#protocol))
  }

  binary(): void {
    this.#take(() => 'a frame is text')
  }

  pong(): void {
    this.#silentLooks = 0
  }

  faulty(): void {
    this.#options.counts.framesRefused++
  }

  closed(): void {
    this.#hosted?.close()
    this.#gone()
  }

  /** Whatever a frame does to us, it does to its own link only: thrown from here, an error would end the process. */
  #take(decode: () => ReturnType<typeof decodeMemberFrame>): void {
    this.#silentLooks = 0
    if (!this.#socket.open) return
    try {
      this.#receive(decode())
    } catch (error) {
      this.#options.counts.framesRefused++
      this.#options.logger.error({ err: error }, 'a frame could not be taken, and its link was closed')
      this.#socket.close(CLOSE.internal, reason('CAUCUS_BACKEND', 'the server failed at this frame'))
    }
  }

  #receive(messages: ReturnType<typeof decodeMemberFrame>): void {
    if (typeof messages === 'string') {
      this.#options.counts.framesRefused++
      this.#options.logger.warn({ fault: messages }, 'a link sent what no member sends, and was closed')
      this.#socket.close(CLOSE.protocol, reason('CAUCUS_PROTOCOL', messages))
      return
    }
    const passed = this.#gate?.admit(messages, (refusals) => this.#deliver(refusals)) ?? messages
    if (passed.length === 0 && messages.length > 0) return
    // What is lost by this is said again by the next renewal: a flood of refusals would only feed the overload.
    if (this.#hosted?.receive(passed) === false) this.#options.counts.framesDropped++
  }

  #deliver(messages: readonly CoordinatorMessage[]): void {
    if (!this.#socket.open) return
    if (this.#socket.bufferedBytes > this.#options.limits.linkBufferBytes) {
      this.#options.logger.warn({}, 'a link was not read by its client, and was cut')
      this.cut()
      return
    }
    for (const frame of encodeFrames(messages, this.#protocol)) this.#socket.send(frame)
  }

  /** Asks whether anybody is there, once nothing was heard for a while, and gives up when nobody answers. */
  look(): void {
    if (this.#silentLooks >= CUT_AFTER) this.cut()
    else if (this.#silentLooks++ >= ASK_AFTER && this.#socket.open) this.#socket.ping()
  }

  /** After what its client may do has changed. True when it may not stay, and is closed. */
  review(): boolean {
    const fault = this.#gate?.review()
    if (fault === undefined) return false
    this.#socket.close(CLOSE.policy, reason(fault.code, fault.message))
    return true
  }

  cut(): void {
    this.#options.counts.linksCut++
    this.#socket.terminate()
  }

  /** Says that this server will not do any more, or not yet, and why. */
  sendAway(why: string): void {
    this.#socket.close(CLOSE.goingAway, why)
  }

  close(): void {
    this.sendAway(reason('CAUCUS_UNAVAILABLE', 'the server is stopping'))
  }
}

/** At most 123 bytes, in characters that need no more than one. */
const reason = (code: string, message: string): string =>
  `${code}: ${message}`.replaceAll(/[^\x20-\x7e]/g, '?').slice(0, 123)
