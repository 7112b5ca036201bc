import type { RoleName } from '../core/election/io.ts'
import type { RefusalReason, Term } from '../core/election/messages.ts'
import type { LeadershipPast } from '../core/election/past.ts'
import type { Epoch } from '../core/lease.ts'
import type { Millis } from '../core/time.ts'
import type { CaucusError } from '../errors.ts'
import type { CoordinatorHosting, Guarantees } from './hosting.ts'
import type { AcceptedSink, AcceptedSocket, TlsOptions } from './socket.ts'
import type { OfferedTether } from './tether.ts'
import type { TopicsHosting } from './topics-hosting.ts'

/** One voter, as a configuration names it. */
export interface PeerAddressed {
  readonly identifier: string
  readonly host: string
  readonly port: number
  /** JSON; `{}` where nobody said anything. */
  readonly metadata: unknown
}

/** Who leads, as one peer knows it now. */
export interface LeadingPeer extends PeerAddressed {
  readonly term: Term
  /** Rises with every leader, where voters have stores. */
  readonly token: Epoch
  /** For how long this counts without another word from it. */
  readonly leaseMsLeft: Millis
}

/** One voter, as another one sees it. */
export interface SeenPeer extends PeerAddressed {
  readonly self: boolean
  /** Whether there is a connection to it; always to oneself. */
  readonly connected: boolean
  /** Why it refuses what this one says. */
  readonly refuses?: RefusalReason
  /** Why there is no connection to it. */
  readonly problem?: string
}

/** A peer without a vote, as another one sees it. */
export interface SeenObserver extends PeerAddressed {
  /** Whether there is a connection of it; it is listed for a while after that has gone. */
  readonly connected: boolean
}

/** What there is to see of an election from one peer. */
export interface PeersView {
  readonly cluster: string
  readonly identifier: string
  /** An observer has no vote. */
  readonly role: RoleName | 'observer'
  readonly term: Term
  /** Of an observer that has found no voters yet: 0. */
  readonly quorum: number
  /** The voters. */
  readonly peers: readonly SeenPeer[]
  /** Those that have told this peer that they are there. */
  readonly observers: readonly SeenObserver[]
  /** Whom a first start, or a lost disk, waits for. */
  readonly waitingFor: readonly string[]
}

/** A connection that another peer has made, for the server that carries it. */
export interface AcceptedPeer {
  /** After what its other end may do has changed. True when it may not stay, and is closed. */
  review(): boolean
  /** Asks whether anybody is there, once nothing was heard for a while, and gives up when nobody answers. */
  look(): void
  close(): void
  terminate(): void
}

/** Whoever is at the other end, should it turn out to be a peer without a vote. */
export interface ObserverGate {
  /** Who that is: the same for all that have shown the same. */
  readonly key: string
  readonly address: string
  /** Why it may not observe under this identifier; `undefined`: it may. */
  mayBe(identifier: string): CaucusError | undefined
}

export interface AcceptPeer {
  /** Gives the socket, which tells its sink later, never before it returns. */
  connect(sink: AcceptedSink): AcceptedSocket
  /** Why whoever is at the other end may not be this voter; `undefined`: it may. */
  mayBe(identifier: string): CaucusError | undefined
  /** Without it nobody observes over this connection. */
  readonly observer?: ObserverGate | undefined
  gone(): void
}

/** Who serves members, askers and operators now, as this peer knows it. */
export type Seat =
  /** This peer: it leads, and its coordinator has begun. */
  | { readonly type: 'here' }
  /** Somebody else, who is asked in their name. */
  | { readonly type: 'there'; readonly peer: PeerAddressed }
  | { readonly type: 'nobody' }

/** What a peer shows another one, to whom it passes on what its own clients ask. */
export interface PeerCredentials {
  readonly token: string | undefined
  readonly tls: TlsOptions | undefined
}

/** A voter that runs in this process, as a server sees it. */
export interface PeersHosting {
  readonly guarantees: Guarantees
  /** Of groups, for as long as this peer leads; refuses with `CAUCUS_NOT_LEADER` otherwise. Another one behind it in each reign. */
  readonly hosting: CoordinatorHosting
  /** Of topics, in the same way. */
  readonly topics: TopicsHosting
  /** Compared with the clock at every call. */
  seat(): Seat
  /** Calls back after the seat may have changed, once for each turn. Gives what ends it. */
  onSeat(changed: () => void): () => void
  readonly credentials: PeerCredentials
  /** How long whoever comes while nobody leads may be kept waiting for the next leader. */
  readonly patienceMs: Millis
  /** As of `Cluster`. */
  transfer(to?: string): Promise<unknown>
  /** Compared with the clock at every call. */
  leader(): LeadingPeer | undefined
  view(): PeersView
  /** Who led before, and why no more. */
  past(): LeadershipPast
  accept(peer: AcceptPeer): AcceptedPeer
  /** Takes a connection for a tether, or says why not. Absent where this peer holds none. */
  tether?(offer: OfferedTether): CaucusError | undefined
}

/** Where a peer listens, and who may say something there. */
export interface ListenForPeersOptions {
  readonly peers: PeersHosting
  readonly host: string
  readonly port: number
  /** Whoever shows one of these may be any voter. */
  readonly token?: string | readonly string[] | undefined
  readonly tls?: (TlsOptions & { readonly cert: string | Buffer; readonly key: string | Buffer }) | undefined
  readonly insecure?: boolean | undefined
}

/** A port on which peers are heard. */
export interface ListeningForPeers {
  readonly url: string
  readonly port: number
  /** Resolves once no connection is left. */
  close(options?: { readonly drain?: boolean }): Promise<void>
}

/**
 * Opens the port of a peer. Resolves once it listens; rejects with `CAUCUS_CONFLICT` when somebody else already does, and with
 * `CAUCUS_INVALID_CONFIG` when it would be open to everybody or cannot listen there. A server implements it.
 */
export type ListenForPeers = (options: ListenForPeersOptions) => Promise<ListeningForPeers>
