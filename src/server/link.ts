import type { CoordinatorMessage } from '../core/group/messages.ts'
import type { CoordinatorHosting, HostedLink } from '../ports/hosting.ts'
import type { AcceptedSink, AcceptedSocket } from '../ports/socket.ts'
import type { TopicsHosting } from '../ports/topics-hosting.ts'
import { decodeMemberFrame, encodeFrames } from '../wire/frames.ts'
import type { Protocol } from '../wire/versions.ts'
import type { Gate } from './access/link-gate.ts'
import { LinkTopics } from './link-topics.ts'
import type { ServerLogger } from './logger.ts'
import type { ServerCounts } from './metrics.ts'
import type { ServerLimits } from './options.ts'
import type { Outbox } from './outbox.ts'

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
  /** Without it nobody asks or answers through these links. */
  readonly topics?: TopicsHosting | undefined
  readonly limits: Pick<ServerLimits, 'linkBufferBytes'> & Partial<Pick<ServerLimits, 'topicsBufferBytes'>>
  readonly counts: Pick<ServerCounts, 'linksCut' | 'framesRefused' | 'framesDropped'>
  readonly logger: ServerLogger
}

/** One connection of a member process. Whatever comes from it does nothing to any other. */
export class Link implements AcceptedSink {
  readonly #options: LinkOptions & { readonly outbox: Outbox }
  readonly #socket: AcceptedSocket
  readonly #gone: () => void
  /** The version that its client speaks. */
  readonly #protocol: Protocol
  readonly #gate: Gate | undefined
  #hosted: HostedLink | undefined
  #topics: LinkTopics | undefined
  #silentLooks = 0

  constructor({ connect, protocol, gate, gone }: Connected, options: LinkOptions & { readonly outbox: Outbox }) {
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
    this.#take(() => this.#receive(decodeMemberFrame(frame, this.#protocol)))
  }

  /** Bytes are about topics, which there are since version 2. */
  binary(frame: Uint8Array): void {
    this.#take(() => {
      const { topics: hosting, outbox } = this.#options
      if (this.#topics === undefined) {
        if (hosting === undefined || this.#protocol < 2) return this.#fault('a frame is text')
        this.#topics = new LinkTopics({
          hosting,
          socket: this.#socket,
          gate: this.#gate,
          outbox,
          bufferBytes: () => this.#bufferBytes,
          fault: (why) => this.#fault(why),
          unread: () => this.#unread(),
        })
      }
      this.#topics.receive(frame)
    })
  }

  pong(): void {
    this.#silentLooks = 0
  }

  faulty(): void {
    this.#options.counts.framesRefused++
  }

  closed(): void {
    this.#topics?.closed()
    this.#hosted?.close()
    this.#gone()
  }

  /** Whatever a frame does to us, it does to its own link only: thrown from here, an error would end the process. */
  #take(receive: () => void): void {
    this.#silentLooks = 0
    if (!this.#socket.open) return
    try {
      receive()
    } catch (error) {
      this.#options.counts.framesRefused++
      this.#options.logger.error(
        { event: 'frame.failed', err: error },
        'a frame could not be taken, and its link was closed',
      )
      this.#socket.close(CLOSE.internal, reason('CAUCUS_BACKEND', 'the server failed at this frame'))
    }
  }

  #receive(messages: ReturnType<typeof decodeMemberFrame>): void {
    if (typeof messages === 'string') return this.#fault(messages)
    const passed = this.#gate?.admit(messages, (refusals) => this.#deliver(refusals)) ?? messages
    if (passed.length === 0 && messages.length > 0) return
    // What is lost by this is said again by the next renewal: a flood of refusals would only feed the overload.
    if (this.#hosted?.receive(passed) === false) this.#options.counts.framesDropped++
  }

  #fault(fault: string): void {
    this.#options.counts.framesRefused++
    this.#options.logger.warn({ event: 'link.rejected', fault }, 'a link sent what no member sends, and was closed')
    this.#socket.close(CLOSE.protocol, reason('CAUCUS_PROTOCOL', fault))
  }

  /** How much may wait. */
  get #bufferBytes(): number {
    const { linkBufferBytes, topicsBufferBytes = linkBufferBytes } = this.#options.limits
    return this.#topics === undefined ? linkBufferBytes : Math.max(linkBufferBytes, topicsBufferBytes)
  }

  #unread(): void {
    this.#options.logger.warn({ event: 'link.dropped' }, 'a link was not read by its client, and was cut')
    this.cut()
  }

  #deliver(messages: readonly CoordinatorMessage[]): void {
    if (!this.#socket.open) return
    if (this.#socket.bufferedBytes > this.#bufferBytes) return this.#unread()
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
    if (fault === undefined) {
      this.#topics?.review((what, topic) => this.#gate?.topicFault(what, topic))
      return false
    }
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
