import type { PeerAddress } from '../../core/election/io.ts'
import type { RefusalReason } from '../../core/election/messages.ts'
import type { Millis } from '../../core/time.ts'
import type { Clock } from '../../ports/clock.ts'
import type { AcceptedPeer, AcceptPeer, PeerAddressed, SeenObserver } from '../../ports/peers.ts'
import type { OpenSocket, TlsOptions } from '../../ports/socket.ts'
import type { Telemetry } from '../../ports/telemetry.ts'
import { type LinkMessage, prepareFrames } from '../../wire/peers/frames.ts'
import type { PeerGreeting } from '../../wire/peers/schemas.ts'
import { AcceptedPeerEnd } from './accepted-peer.ts'
import { ANSWERS, ANSWERS_TO_OBSERVERS } from './answers.ts'
import { DialedPeer, type PeerLinkEvent } from './dialed-peer.ts'
import { type ObserverEvent, Observers } from './observers.ts'
import type { PeerTethers } from './peer-tethers.ts'

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
  /** Those that go with the links, where there are any. */
  readonly tethers?: PeerTethers | undefined
  received(from: PeerAddress, message: LinkMessage): void
  /** Somebody who cannot be one of us: each reason once. */
  refused(id: string, because: RefusalReason): void
  tell(event: PeerLinkEvent | ObserverEvent): void
}

/** So many connections of one voter; one is enough, and others are left over from before a restart. */
const MAX_OF_ONE = 8
/** So many that have not said yet who they are. */
const MAX_UNNAMED = 64
/** How long an observer is listed whose connection has gone, in parts of `quietMs`: longer than it takes to come back. */
const KEPT_QUIETS = 10
/** How often an observer may ask, in parts of `quietMs`. It asks about twice in that time. */
const OBSERVE_QUIETS = 1 / 8
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
  /** By whoever was turned away, what was logged of it last. */
  readonly #logged = new Map<string, string>()
  readonly #observers: Observers
  readonly #leaving = new Set<Promise<void>>()
  #others: readonly PeerAddressed[]
  #lastNumber = 0

  constructor(options: PeerLinksOptions) {
    prepareFrames()
    this.#options = options
    this.#others = options.others
    const { clock, quietMs, tell, greeting } = options
    this.#observers = new Observers({
      clock,
      keptMs: KEPT_QUIETS * quietMs,
      isVoter: (id) => id === greeting.id || this.#isOther(id),
      tell,
      replaced: (connection) => this.#accepted.get(connection)?.replace(),
    })
  }

  /** Connects to everybody from now on. */
  open(): void {
    this.follow(this.#others)
  }

  /** Connects to these from now on, and to nobody else any more. */
  follow(others: readonly PeerAddressed[]): void {
    this.#others = others
    for (const [identifier, dialed] of this.#dialed) {
      if (others.some((to) => isSamePlace(to, dialed.to))) continue
      this.#dialed.delete(identifier)
      const leaving = dialed.close()
      this.#leaving.add(leaving)
      void leaving.then(() => this.#leaving.delete(leaving))
    }
    const { greeting, token, tls, clock, openSocket, reconnectMaxMs, quietMs, tethers } = this.#options
    const answers = greeting.observer === undefined ? ANSWERS : ANSWERS_TO_OBSERVERS
    for (const to of others) {
      const { identifier } = to
      if (this.#dialed.has(identifier)) continue
      const dialed = new DialedPeer({
        to,
        greeting: tethers?.greetingFor(identifier, greeting) ?? greeting,
        token,
        tls,
        clock,
        openSocket,
        random: () => this.#options.random(),
        reconnectMaxMs,
        quietMs,
        answers,
        greeted: (far) => {
          this.#heardOf(far)
          tethers?.linked(to, far)
        },
        received: (messages) => this.#received(identifier, messages),
        tell: (event) => {
          if (event.type === 'link.lost') tethers?.unlinked(identifier)
          this.#options.tell(event)
        },
      })
      this.#dialed.set(identifier, dialed)
    }
  }

  send(to: PeerAddress, message: LinkMessage): void {
    const connection = this.#dialed.get(to) ?? this.#accepted.get(to)
    connection?.send(message)
  }

  /** To everybody to whom there is a connection of its own. */
  broadcast(message: LinkMessage): void {
    for (const dialed of this.#dialed.values()) dialed.send(message)
  }

  /** A line for each reason, and not for each attempt: whoever is turned away comes again. */
  #logRefusal(why: string, peer = 'somebody who has not said who'): void {
    const isNews = this.#logged.get(peer) !== why
    const [oldest] = this.#logged.keys()
    if (this.#logged.size >= MAX_UNNAMED && oldest !== undefined && !this.#logged.has(peer)) this.#logged.delete(oldest)
    this.#logged.set(peer, why)
    this.#options.telemetry?.log(isNews ? 'warn' : 'debug', 'a peer was refused', { event: 'peer.refused', peer, why })
  }

  accept(peer: AcceptPeer): AcceptedPeer {
    const { greeting, telemetry, clock, quietMs, tethers } = this.#options
    // No identifier has a line break, so this is nobody's.
    const address = `connection\n${++this.#lastNumber}`
    const accepted = new AcceptedPeerEnd({
      ...peer,
      address,
      greeting,
      telemetry,
      isVoter: (id) => this.#isOther(id),
      turnedAway: (why, id) => this.#logRefusal(why, id),
      refused: (id, because) => this.#refuse(id, because),
      greeted: (end, far) => {
        this.#bound(({ peer }) => peer === far.id && end.peer === peer, MAX_OF_ONE)
        this.#refused.delete(far.id)
        this.#logged.delete(far.id)
        this.#heardOf(far)
        tethers?.offered(far)
        this.#dialed.get(far.id)?.nudge()
      },
      received: (from, messages) => this.#received(from, messages),
      observed: (far, connection) => this.#observers.admit(far, connection),
      observeMs: OBSERVE_QUIETS * quietMs,
      now: () => clock.now(),
      gone: () => {
        this.#accepted.delete(address)
        this.#observers.left(address)
        peer.gone()
      },
    })
    this.#accepted.set(address, accepted)
    this.#bound((one) => one.peer === undefined, MAX_UNNAMED)
    return accepted
  }

  get observers(): readonly SeenObserver[] {
    return this.#observers.list
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
    this.#observers.close()
    await Promise.all([...this.#leaving, ...[...this.#dialed.values()].map((dialed) => dialed.close())])
    for (const accepted of this.#accepted.values()) accepted.close()
  }

  #isOther(id: string): boolean {
    return this.#others.some(({ identifier }) => identifier === id)
  }

  #received(from: PeerAddress, messages: readonly LinkMessage[]): void {
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

const isSamePlace = (one: PeerAddressed, other: PeerAddressed): boolean =>
  one.identifier === other.identifier && one.host === other.host && one.port === other.port
