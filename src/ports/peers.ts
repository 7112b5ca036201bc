import type { RoleName } from '../core/election/io.ts'
import type { RefusalReason, Term } from '../core/election/messages.ts'
import type { Epoch } from '../core/lease.ts'
import type { Millis } from '../core/time.ts'
import type { CaucusError } from '../errors.ts'
import type { Guarantees } from './hosting.ts'
import type { AcceptedSink, AcceptedSocket, TlsOptions } from './socket.ts'

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

/** What there is to see of an election from one voter. */
export interface PeersView {
  readonly cluster: string
  readonly identifier: string
  readonly role: RoleName
  readonly term: Term
  readonly quorum: number
  readonly peers: readonly SeenPeer[]
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

export interface AcceptPeer {
  /** Gives the socket, which tells its sink later, never before it returns. */
  connect(sink: AcceptedSink): AcceptedSocket
  /** Why whoever is at the other end may not be this voter; `undefined`: it may. */
  mayBe(identifier: string): CaucusError | undefined
  gone(): void
}

/** A voter that runs in this process, as a server sees it. */
export interface PeersHosting {
  readonly guarantees: Guarantees
  /** Compared with the clock at every call. */
  leader(): LeadingPeer | undefined
  view(): PeersView
  accept(peer: AcceptPeer): AcceptedPeer
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
