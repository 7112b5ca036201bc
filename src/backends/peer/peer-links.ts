import type { PeerAddress } from '../../core/election/io.ts'
import type { PeerMessage, RefusalReason } from '../../core/election/messages.ts'
import type { Millis } from '../../core/time.ts'
import type { Clock } from '../../ports/clock.ts'
import type { AcceptedPeer, AcceptPeer, PeerAddressed } from '../../ports/peers.ts'
import type { OpenSocket, TlsOptions } from '../../ports/socket.ts'
import type { Telemetry } from '../../ports/telemetry.ts'
import type { PeerGreeting } from '../../wire/peers/schemas.ts'
import { AcceptedPeerEnd } from './accepted-peer.ts'
import { DialedPeer, type PeerLinkEvent } from './dialed-peer.ts'

export interface PeerLinksOptions {
  readonly greeting: PeerGreeting
  readonly others: readonly PeerAddressed[]
  readonly token: string | undefined
  readonly tls: TlsOptions | undefined
  readonly clock: Clock
  readonly openSocket: OpenSocket
  random(): number
  readonly reconnectMaxMs: Millis
  readonly quietMs: Millis
  readonly telemetry: Telemetry | undefined
  received(from: PeerAddress, message: PeerMessage): void
  /** Somebody who cannot be one of us: each reason once. */
  refused(id: string, because: RefusalReason): void
  tell(event: PeerLinkEvent): void
}

/** So many connections of one voter; one is enough, and others are left over from before a restart. */
const MAX_OF_ONE = 8
/** So many that have not said yet who they are. */
const MAX_UNNAMED = 64
/** Ids of those who are refused may be anything. */
const MAX_REFUSED = 64

/**
 * All connections of one peer. It asks on those that it made itself, one to each voter, and answers on those that others made, where
 * each question came from: so an answer reaches the very process that asked, whoever has that voter's address by now.
 */
export class PeerLinks {
  readonly #options: PeerLinksOptions
  readonly #dialed = new Map<string, DialedPeer>()
  readonly #accepted = new Map<PeerAddress, AcceptedPeerEnd>()
  readonly #metadata = new Map<string, unknown>()
  readonly #refused = new Map<string, RefusalReason>()
  #lastNumber = 0

  constructor(options: PeerLinksOptions) {
    this.#options = options
  }

  /** Connects to everybody from now on. */
  open(): void {
    const { others, greeting, token, tls, clock, openSocket, reconnectMaxMs, quietMs, tell } = this.#options
    for (const to of others) {
      const { identifier } = to
      const dialed = new DialedPeer({
        to,
        greeting,
        token,
        tls,
        clock,
        openSocket,
        random: () => this.#options.random(),
        reconnectMaxMs,
        quietMs,
        greeted: (far) => this.#heardOf(far),
        received: (messages) => this.#received(identifier, messages),
        tell,
      })
      this.#dialed.set(identifier, dialed)
    }
  }

  send(to: PeerAddress, message: PeerMessage): void {
    const connection = this.#dialed.get(to) ?? this.#accepted.get(to)
    connection?.send(message)
  }

  accept(peer: AcceptPeer): AcceptedPeer {
    const { greeting, telemetry, others } = this.#options
    // No identifier has a line break, so this is nobody's.
    const address = `connection\n${++this.#lastNumber}`
    const accepted = new AcceptedPeerEnd({
      ...peer,
      address,
      greeting,
      telemetry,
      isVoter: (id) => others.some(({ identifier }) => identifier === id),
      refused: (id, because) => this.#refuse(id, because),
      greeted: (end, far) => {
        this.#bound(({ voter }) => voter === far.id && end.voter === voter, MAX_OF_ONE)
        this.#refused.delete(far.id)
        this.#heardOf(far)
        this.#dialed.get(far.id)?.nudge()
      },
      received: (from, messages) => this.#received(from, messages),
      gone: () => {
        this.#accepted.delete(address)
        peer.gone()
      },
    })
    this.#accepted.set(address, accepted)
    this.#bound(({ voter }) => voter === undefined, MAX_UNNAMED)
    return accepted
  }

  isConnected(identifier: string): boolean {
    return this.#dialed.get(identifier)?.connected === true
  }

  problemOf(identifier: string): string | undefined {
    return this.#dialed.get(identifier)?.problem
  }

  /** What a peer said about itself when it was last heard. */
  metadataOf(identifier: string): unknown {
    return this.#metadata.get(identifier)
  }

  /** Resolves once no connection of ours is left. Those of others are the server's to close. */
  async close(): Promise<void> {
    await Promise.all([...this.#dialed.values()].map((dialed) => dialed.close()))
    for (const accepted of this.#accepted.values()) accepted.close()
  }

  #received(from: PeerAddress, messages: readonly PeerMessage[]): void {
    for (const message of messages) this.#options.received(from, message)
  }

  #heardOf({ id, metadata }: PeerGreeting): void {
    if (metadata === undefined) this.#metadata.delete(id)
    else this.#metadata.set(id, metadata)
  }

  #refuse(id: string, because: RefusalReason): void {
    if (this.#refused.get(id) === because) return
    const [oldest] = this.#refused.keys()
    if (this.#refused.size >= MAX_REFUSED && oldest !== undefined) this.#refused.delete(oldest)
    this.#refused.set(id, because)
    this.#options.refused(id, because)
  }

  /** The oldest of too many go. */
  #bound(counts: (accepted: AcceptedPeerEnd) => boolean, most: number): void {
    const those = [...this.#accepted.values()].filter(counts)
    for (const accepted of those.slice(0, Math.max(0, those.length - most))) accepted.terminate()
  }
}
