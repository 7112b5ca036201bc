import type { PeerAddress } from '../../core/election/io.ts'
import type { RefusalReason } from '../../core/election/messages.ts'
import type { Instant, Millis } from '../../core/time.ts'
import { CaucusError } from '../../errors.ts'
import type { AcceptedPeer, AcceptPeer } from '../../ports/peers.ts'
import type { AcceptedSink, AcceptedSocket } from '../../ports/socket.ts'
import type { Telemetry } from '../../ports/telemetry.ts'
import { decodeGreeting, decodePeerMessages, encodeGreeting, type LinkMessage } from '../../wire/peers/frames.ts'
import type { PeerGreeting } from '../../wire/peers/schemas.ts'
import { CHARTER_ANSWERS } from './answers.ts'
import type { ObserverConnection } from './observers.ts'
import { PeerOutbox } from './outbox.ts'

/** How a connection is closed: by WebSocket's own codes. */
const CLOSE = { goingAway: 1001, protocol: 1002, policy: 1008, internal: 1011 } as const
/** After so many silent looks the other end is asked, and after so many it is cut. */
const ASK_AFTER = 1
const CUT_AFTER = 3

export interface AcceptedPeerOptions extends AcceptPeer {
  /** Answers on this connection are sent to it. */
  readonly address: PeerAddress
  readonly greeting: PeerGreeting
  readonly telemetry: Telemetry | undefined
  isVoter(id: string): boolean
  /** To be logged: it may come again and again. */
  turnedAway(why: string, peer: string | undefined): void
  /** Somebody who cannot be one of us said hello. */
  refused(id: string, because: RefusalReason): void
  greeted(accepted: AcceptedPeerEnd, greeting: PeerGreeting): void
  received(from: PeerAddress, messages: readonly LinkMessage[]): void
  /** Somebody without a vote said hello. Gives why it may not stay. */
  observed(greeting: PeerGreeting, connection: ObserverConnection): string | undefined
  /** How often it may ask who leads. */
  readonly observeMs: Millis
  now(): Instant
}

/** A connection that another peer has made, on which it asks and is answered. Whatever comes on it does nothing to any other. */
export class AcceptedPeerEnd implements AcceptedSink, AcceptedPeer {
  readonly address: PeerAddress
  readonly #options: AcceptedPeerOptions
  readonly #socket: AcceptedSocket
  readonly #outbox = new PeerOutbox()
  #far: PeerGreeting | undefined
  #silentLooks = 0
  #observedAt: Instant = Number.NEGATIVE_INFINITY

  constructor(options: AcceptedPeerOptions) {
    this.address = options.address
    this.#options = options
    this.#socket = options.connect(this)
  }

  /** Who is there, once it has said so. */
  get peer(): string | undefined {
    return this.#far?.id
  }

  send(message: LinkMessage): void {
    if (this.#far !== undefined) this.#outbox.add(message, this.#socket)
  }

  text(frame: string): void {
    this.#silentLooks = 0
    if (!this.#socket.open) return
    try {
      if (this.#far === undefined) this.#greet(frame)
      else this.#take(frame, this.#far)
    } catch (error) {
      // Thrown from here it would end the process, and with it a vote.
      this.#options.telemetry?.log('error', 'a frame of a peer could not be taken', { event: 'frame.failed', error })
      this.#refuse(CLOSE.internal, 'CAUCUS_BACKEND: this peer failed at this frame')
    }
  }

  binary(): void {
    this.#refuse(CLOSE.protocol, 'CAUCUS_PROTOCOL: peers send text')
  }

  pong(): void {
    this.#silentLooks = 0
  }

  faulty(): void {
    this.#options.telemetry?.count('peer_frames_refused')
  }

  closed(): void {
    this.#options.gone()
  }

  #greet(frame: string): void {
    const { greeting, isVoter, refused, greeted } = this.#options
    const far = decodeGreeting(frame)
    if (typeof far === 'string') return this.#refuse(CLOSE.protocol, `CAUCUS_PROTOCOL: ${far}`)
    // Before anything is said about us: whoever may not be here learns nothing.
    const fault = this.#faultOf(far)
    if (fault !== undefined) return this.#refuse(CLOSE.policy, saidOf(fault), far.id)
    if (far.cluster !== greeting.cluster) {
      refused(far.id, 'anotherCluster')
      return this.#refuse(CLOSE.policy, `CAUCUS_CONFLICT: this is the cluster "${greeting.cluster}"`, far.id)
    }
    if (far.id === greeting.id) {
      if (far.bootId !== greeting.bootId) refused(far.id, 'ownId')
      return this.#refuse(CLOSE.policy, 'CAUCUS_CONFLICT: this peer has that identifier itself', far.id)
    }
    if (far.observer !== undefined) return this.#greetObserver(far)
    if (!isVoter(far.id)) {
      refused(far.id, 'notAVoter')
      return this.#refuse(CLOSE.policy, 'CAUCUS_FORBIDDEN: no voter of that identifier is configured here', far.id)
    }
    this.#far = far
    this.#socket.send(encodeGreeting(greeting))
    greeted(this, far)
  }

  #greetObserver(far: PeerGreeting): void {
    const { greeting, observed, observer, address } = this.#options
    const why = observed(far, { address, key: observer?.key ?? '', host: observer?.address ?? '' })
    if (why !== undefined) return this.#refuse(CLOSE.policy, why, far.id)
    this.#far = far
    this.#socket.send(encodeGreeting(greeting))
  }

  /** Why whoever is at the other end may not be who it says. */
  #faultOf({ id, observer }: PeerGreeting): CaucusError | undefined {
    if (observer === undefined) return this.#options.mayBe(id)
    const gate = this.#options.observer
    return gate === undefined ? new CaucusError('CAUCUS_FORBIDDEN', 'nobody observes here') : gate.mayBe(id)
  }

  #take(frame: string, far: PeerGreeting): void {
    const messages = decodePeerMessages(frame, far)
    if (typeof messages === 'string') return this.#refuse(CLOSE.protocol, `CAUCUS_PROTOCOL: ${messages}`)
    if (far.observer !== undefined) return this.#observe(messages)
    if (messages.some(({ type }) => CHARTER_ANSWERS.has(type)))
      return this.#refuse(CLOSE.protocol, 'CAUCUS_PROTOCOL: it answers on a connection on which it only asks')
    this.#options.received(this.address, messages)
  }

  /** Whatever comes too often is left out: there may be many who ask, and an election is not to wait for them. */
  #observe(messages: readonly LinkMessage[]): void {
    if (messages.some(({ type }) => type !== 'observe'))
      return this.#refuse(CLOSE.protocol, 'CAUCUS_PROTOCOL: an observer asks who leads, and nothing else')
    const { now, observeMs, received } = this.#options
    const [first] = messages
    if (first === undefined || now() < this.#observedAt + observeMs) return
    this.#observedAt = now()
    received(this.address, [first])
  }

  #refuse(code: number, why: string, peer = this.#far?.id): void {
    this.#options.telemetry?.count('peer_frames_refused')
    this.#options.turnedAway(why, peer)
    this.#socket.close(code, short(why))
  }

  review(): boolean {
    const fault = this.#far === undefined ? undefined : this.#faultOf(this.#far)
    if (fault === undefined) return false
    this.#socket.close(CLOSE.policy, short(saidOf(fault)))
    return true
  }

  look(): void {
    if (this.#silentLooks >= CUT_AFTER) this.terminate()
    else if (this.#silentLooks++ >= ASK_AFTER && this.#socket.open) this.#socket.ping()
  }

  /** Somebody else is in its place now. */
  replace(): void {
    this.#socket.close(CLOSE.policy, 'CAUCUS_CONFLICT: a newer process observes under that identifier')
  }

  close(): void {
    this.#socket.close(CLOSE.goingAway, 'CAUCUS_UNAVAILABLE: this peer is stopping')
  }

  terminate(): void {
    this.#socket.terminate()
  }
}

const saidOf = ({ code, message }: CaucusError): string => `${code}: ${message}`

/** At most 123 bytes, in characters that need no more than one. */
const short = (why: string): string => why.replaceAll(/[^\x20-\x7e]/g, '?').slice(0, 123)
