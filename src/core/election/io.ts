import type { Epoch, Generation } from '../lease.ts'
import type { Random } from '../random.ts'
import type { Instant, Millis } from '../time.ts'
import type { Boot, PeerBody, PeerMessage, RefusalReason, Term } from './messages.ts'
import type { ElectionRecord, Journal, Moment, Ticket } from './record.ts'
import type { TetherId, TetherInput, Tethers } from './tethers.ts'
import type { Voters } from './voters.ts'

export interface ElectionTiming {
  /** How often a leader is heard. */
  readonly heartbeatMs: Millis
  /** How long nobody else is elected after a heartbeat was acknowledged. */
  readonly electionMinMs: Millis
  readonly electionMaxMs: Millis
  /** The longest that a leader leads without another acknowledgement. */
  readonly leaseMs: Millis
}

export interface ElectionOptions {
  readonly cluster: string
  /** One of `voters`. */
  readonly id: string
  /** Random, one per process. */
  readonly bootId: string
  /** As `votersFault` lets them through. */
  readonly voters: readonly string[]
  readonly timing: ElectionTiming
  /** ε of the clocks. */
  readonly drift?: number
  /** Without one nothing is durable: this voter sits out after every start and acknowledges nothing meanwhile (`leased`). */
  readonly store: boolean
  /** Used when the store is empty: a random id, and the seconds of the wall clock. */
  readonly fresh: { readonly storeId: string; readonly base: Generation }
  readonly random: Random
}

/** Whom a message is for: a voter's or an observer's id, or what a message came `from`. */
export type PeerAddress = string

export type ElectionInput =
  /** What the store holds; nothing is done before this is known. */
  | { readonly type: 'started'; readonly record?: ElectionRecord | undefined }
  | { readonly type: 'message'; readonly from: PeerAddress; readonly message: PeerMessage }
  | { readonly type: 'persisted'; readonly ticket: Ticket }
  | { readonly type: 'persistFailed'; readonly ticket: Ticket; readonly error?: unknown }
  /** What rests on the election knows of this term already: whoever leads in it, or in an earlier one, has to be elected above it. */
  | { readonly type: 'superseded'; readonly term: Term }
  /** Let somebody else lead: this voter, or whichever was heard last. */
  | { readonly type: 'transfer'; readonly to?: string }
  /** Lets go, hands over, and does not campaign any more. It goes on voting for as long as it is driven: others may need its vote. */
  | { readonly type: 'stop' }
  | TetherInput

export type ElectionEffect =
  | { readonly type: 'persist'; readonly ticket: Ticket; readonly record: ElectionRecord }
  /** With `after`: not before that ticket is durable. */
  | {
      readonly type: 'send'
      readonly to: PeerAddress
      readonly message: PeerMessage
      readonly after?: Ticket | undefined
    }
  | { readonly type: 'emit'; readonly event: ElectionEvent }
  /** In order, and now: nothing is led any more. */
  | { readonly type: 'closeTether'; readonly id: TetherId }

/** Who leads, as one peer knows it. */
export interface KnownLeader extends Boot {
  readonly term: Term
  readonly generation: Generation
  /** The token of its leadership: rises with every leader, where there are stores. */
  readonly token: Epoch
}

export type ElectionEvent =
  | { readonly type: 'election.started'; readonly term: Term; readonly because: 'silence' | 'transfer' | 'outranked' }
  | { readonly type: 'leader.elected'; readonly leader: KnownLeader }
  | { readonly type: 'leader.lost'; readonly leader: KnownLeader; readonly because: LossReason }
  | { readonly type: 'transfer.refused'; readonly because: 'notLeading' | 'nobodyThere' }
  /** Somebody that cannot be one of us: reported once, until it has another reason. */
  | { readonly type: 'peer.refused'; readonly peer: string; readonly because: RefusalReason }
  /** This voter is what others refuse. */
  | { readonly type: 'voter.refused'; readonly by: string; readonly because: RefusalReason }
  | { readonly type: 'cluster.founded'; readonly base: Generation }
  | { readonly type: 'voter.rejoined'; readonly term: Term; readonly promiseMs: Millis }
  /** The stored voters count, and the configuration names others. */
  | { readonly type: 'configuration.ignored'; readonly stored: readonly string[] }

export type LossReason =
  | 'silent'
  | 'lapsed'
  | 'transferred'
  | 'stopped'
  | 'outranked'
  | 'noMajority'
  | 'replaced'
  /** Its tether has ended: its process has, or it let go. */
  | 'ended'

export type RoleName =
  | 'idle'
  | 'new'
  | 'rejoining'
  | 'sittingOut'
  | 'follower'
  | 'preCandidate'
  | 'candidate'
  | 'leader'

export interface ElectionView {
  readonly role: RoleName
  readonly term: Term
  readonly voters: readonly string[]
  readonly quorum: number
  /** As it was known when the last step ended. This voter itself is named only while its lease ran at that step. */
  readonly leader?: KnownLeader
  /** Until then `leader` counts, by the grantor's clock; for a leader itself `leaseUntil` does. */
  readonly leaderUntil: Instant
  /** This voter leads while its holder clock reads less. */
  readonly leaseUntil: Instant
  /** Until then it neither votes nor campaigns, by the grantor's clock. */
  readonly sitOutUntil: Instant
  /** Whom a first start or a lost disk waits for. */
  readonly waitingFor: readonly string[]
  /** Who refuses this voter, and why. */
  readonly refusedBy: ReadonlyMap<string, RefusalReason>
  readonly observers: number
}

/** What the parts of one election share. */
export interface ElectionDesk {
  readonly options: ElectionOptions
  /** As stored, which counts more than what is configured. */
  readonly voters: Voters
  readonly journal: Journal
  readonly tethers: Tethers
  /** The readings of this step. */
  readonly at: Moment
  send(to: PeerAddress, body: PeerBody, after?: Ticket): void
  /** To every other voter. */
  broadcast(body: PeerBody, after?: Ticket): void
  emit(event: ElectionEvent): void
}
