import type { Instant, Millis } from '../../core/time.ts'
import { CaucusError } from '../../errors.ts'
import type { Clock, Timer } from '../../ports/clock.ts'
import type { PeerAddressed } from '../../ports/peers.ts'
import type { FrameSocket, OpenSocket, TlsOptions } from '../../ports/socket.ts'
import { BackOff } from '../../runtime/back-off.ts'
import { SilenceWatch } from '../../runtime/silence-watch.ts'
import {
  decodeGreeting,
  decodePeerMessages,
  encodeGreeting,
  type LinkMessage,
  PEER_PATH,
  PEER_SUBPROTOCOLS,
} from '../../wire/peers/frames.ts'
import type { PeerGreeting } from '../../wire/peers/schemas.ts'
import { PeerOutbox } from './outbox.ts'

export interface DialedPeerOptions {
  readonly to: PeerAddressed
  readonly greeting: PeerGreeting
  readonly token: string | undefined
  readonly tls: TlsOptions | undefined
  /** The grantor's. */
  readonly clock: Clock
  readonly openSocket: OpenSocket
  /** In [0, 1). */
  random(): number
  /** The longest pause between two attempts. */
  readonly reconnectMaxMs: Millis
  /** How long nothing may be heard before the other side is asked; after two and a half times that it is taken for gone. */
  readonly quietMs: Millis
  /** What may come back. */
  readonly answers: ReadonlySet<LinkMessage['type']>
  greeted(greeting: PeerGreeting): void
  /** What it answers. */
  received(messages: readonly LinkMessage[]): void
  /** Each of them once, until something else happens. */
  tell(event: PeerLinkEvent): void
}

export type PeerLinkEvent =
  | { readonly type: 'link.opened'; readonly peer: string; readonly url: string }
  | { readonly type: 'link.lost'; readonly peer: string; readonly url: string; readonly reason: string }
  | { readonly type: 'link.refused'; readonly peer: string; readonly url: string; readonly error: CaucusError }

const CLOSE_LIMIT_MS: Millis = 500

/**
 * This peer's own connection to another one, on which it says what it has to say and hears the answers. It is made again whenever it is
 * lost, with full jitter. Nothing is kept while it is down: an election says everything again.
 */
export class DialedPeer {
  readonly #options: DialedPeerOptions
  readonly #outbox = new PeerOutbox()
  readonly #url: string
  #socket: FrameSocket | undefined
  #far: PeerGreeting | undefined
  readonly #backOff: BackOff
  readonly #silence: SilenceWatch
  #openedAt: Instant = Number.NEGATIVE_INFINITY
  #retry: Timer | undefined
  #problem: string | undefined
  #closing = false

  constructor(options: DialedPeerOptions) {
    const { to, tls, clock, random, reconnectMaxMs, quietMs } = options
    this.#options = options
    this.#backOff = new BackOff(random, reconnectMaxMs)
    this.#silence = new SilenceWatch({
      clock,
      quietMs,
      ask: () => this.#socket?.ping(),
      silent: (forMs) => this.#leave('CAUCUS_CONNECTION_LOST', `has said nothing for ${Math.round(forMs)} ms`),
    })
    const host = to.host.includes(':') ? `[${to.host}]` : to.host
    this.#url = `${tls === undefined ? 'ws' : 'wss'}://${host}:${to.port}`
    this.#connect()
  }

  get to(): PeerAddressed {
    return this.#options.to
  }

  get connected(): boolean {
    return this.#far !== undefined
  }

  /** Why there is no connection; `undefined` while there is one, and before it was tried. */
  get problem(): string | undefined {
    return this.#far === undefined ? this.#problem : undefined
  }

  get dropped(): number {
    return this.#outbox.dropped
  }

  send(message: LinkMessage): void {
    if (this.#far !== undefined && this.#socket !== undefined) this.#outbox.add(message, this.#socket)
  }

  /** The other peer is there, it has just connected: no need to wait any longer. */
  nudge(): void {
    if (this.#retry === undefined) return
    this.#retry.clear()
    this.#connect()
  }

  /** Resolves once no socket and no timer is left. */
  async close(): Promise<void> {
    this.#closing = true
    this.#retry?.clear()
    this.#silence.stop()
    const socket = this.#socket
    this.#socket = undefined
    this.#far = undefined
    if (socket === undefined) return
    const { clock } = this.#options
    // What was said in this turn is in the outbox still.
    await Promise.resolve()
    await new Promise<void>((resolve) => {
      const limit = clock.setTimer(clock.now() + CLOSE_LIMIT_MS, () => socket.terminate())
      socket.close(() => {
        limit.clear()
        resolve()
      })
    })
  }

  #connect(): void {
    this.#retry = undefined
    const { token, tls, openSocket, quietMs, greeting } = this.#options
    this.#silence.heard()
    const socket: FrameSocket = openSocket(
      {
        url: `${this.#url}${PEER_PATH}`,
        subprotocols: PEER_SUBPROTOCOLS,
        token,
        tls,
        handshakeTimeoutMs: Math.max(1_000, 2 * quietMs),
      },
      {
        opened: () => {
          socket.send(encodeGreeting(greeting))
          this.#silence.start()
        },
        heard: () => this.#silence.heard(),
        text: (frame) => {
          if (socket === this.#socket) this.#take(frame)
        },
        bytes: () => {
          if (socket === this.#socket) this.#leave('CAUCUS_PROTOCOL', 'sent bytes, where peers send text')
        },
        closed: (error) => {
          if (socket === this.#socket) this.#lost(error)
        },
      },
    )
    this.#socket = socket
  }

  #take(frame: string): void {
    if (this.#far === undefined) return this.#greet(frame)
    const messages = decodePeerMessages(frame, this.#far)
    if (typeof messages === 'string') return this.#leave('CAUCUS_PROTOCOL', `cannot be understood: ${messages}`)
    if (!messages.every(({ type }) => this.#options.answers.has(type)))
      return this.#leave('CAUCUS_PROTOCOL', 'asks on a connection on which it only answers')
    this.#options.received(messages)
  }

  #greet(frame: string): void {
    const { to, greeting, greeted, tell, clock } = this.#options
    const far = decodeGreeting(frame)
    if (typeof far === 'string') return this.#leave('CAUCUS_PROTOCOL', `cannot be understood: ${far}`)
    if (far.cluster !== greeting.cluster)
      return this.#leave('CAUCUS_CONFLICT', `is of the cluster "${far.cluster}", not of "${greeting.cluster}"`)
    if (far.id !== to.identifier)
      return this.#leave('CAUCUS_CONFLICT', `is the peer "${far.id}", not "${to.identifier}"; correct its address`)
    this.#far = far
    this.#problem = undefined
    this.#openedAt = clock.now()
    tell({ type: 'link.opened', peer: to.identifier, url: this.#url })
    greeted(far)
  }

  /** Away from a peer that will not do. */
  #leave(code: 'CAUCUS_PROTOCOL' | 'CAUCUS_CONFLICT' | 'CAUCUS_CONNECTION_LOST', what: string): void {
    const error = new CaucusError(code, `${this.#url} ${what}`)
    const socket = this.#socket
    this.#lost(error)
    socket?.fail(error)
  }

  #lost(error: CaucusError): void {
    const { clock, reconnectMaxMs, to, tell } = this.#options
    const wasOpen = this.#far !== undefined
    const refused = !wasOpen || error.code !== 'CAUCUS_CONNECTION_LOST'
    if (!refused && clock.now() - this.#openedAt > reconnectMaxMs) this.#backOff.reset()
    else if (wasOpen || error.code !== 'CAUCUS_CONNECTION_LOST') this.#backOff.lengthen()
    this.#socket = undefined
    this.#far = undefined
    this.#outbox.clear()
    this.#silence.stop()
    if (this.#closing) return
    const isNews = wasOpen || this.#problem !== error.message
    this.#problem = error.message
    if (isNews) {
      const [peer, url] = [to.identifier, this.#url]
      tell(
        refused ? { type: 'link.refused', peer, url, error } : { type: 'link.lost', peer, url, reason: error.message },
      )
    }
    this.#again()
  }

  #again(): void {
    const { clock } = this.#options
    this.#retry = clock.setTimer(clock.now() + this.#backOff.nextPauseMs(), () => this.#connect(), { ref: false })
  }
}
