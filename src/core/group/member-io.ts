import type { Epoch, Generation } from '../lease.ts'
import type { Instant, Millis } from '../time.ts'
import type {
  Conclusion,
  CoordinatorMessage,
  GroupState,
  Holding,
  Incarnation,
  MemberMessage,
  Ran,
  Refused,
  ShareKind,
} from './messages.ts'

export interface MemberOptions {
  readonly group: string
  readonly member: string
  readonly bootId: string
  readonly share?: ShareKind
  readonly metadata?: unknown
  readonly weight?: number
  readonly static?: boolean
  /** At most; a group with a short lease is renewed more often (four times a lease). */
  readonly heartbeatMs: Millis
  /** How long before the end of its lease a holder stops; at most a fifth of the lease. */
  readonly stopMarginMs: Millis
}

export type MemberInput =
  /** A link is up, and its hello was read. */
  | { readonly type: 'linked'; readonly instanceId: string; readonly generation: Generation }
  | { readonly type: 'unlinked' }
  | { readonly type: 'received'; readonly message: CoordinatorMessage }
  /** Whatever had to be finished with these is finished. */
  | { readonly type: 'drained'; readonly items: readonly Holding[] }
  | { readonly type: 'metadata'; readonly metadata: unknown }
  | { readonly type: 'weight'; readonly weight: number }
  /** `ran`: how its run ended, where that was the only one. */
  | { readonly type: 'leave'; readonly ran?: Ran | undefined }

export type MemberEffect =
  | { readonly type: 'send'; readonly message: MemberMessage }
  /** The share or the state changed: who watches looks again. */
  | { readonly type: 'changed' }
  | { readonly type: 'granted'; readonly items: readonly Holding[] }
  /** To be finished, by `until` at the latest (it may be extended: `drainUntil`); then `drained` comes back as input. */
  | { readonly type: 'drain'; readonly items: readonly Holding[] }
  /** Gone without a drain: the lease ran out, or somebody else took the place. */
  | {
      readonly type: 'lost'
      readonly items: readonly Holding[]
      readonly because: 'lapsed' | 'expired' | 'fenced'
    }
  /** Another server than the one that this member holds something from: no word to it until that has run out. */
  | { readonly type: 'rejectLink' }
  /** It may be the last word (`state` says so), or a refusal that is tried again. */
  | { readonly type: 'refused'; readonly refusal: Refused }

/**
 * Where a membership stands. `joining`: the coordinator has not admitted it yet; `member`: it is in; `leaving`: it drains; `left`,
 * `fenced` (another process has its id, or an operator evicted it) and `refused` are final.
 */
export type MemberState = 'joining' | 'member' | 'leaving' | 'left' | 'fenced' | 'refused'
/** `concluded`: what it wanted to run runs only once, and that is over. */
export type AnyState = MemberState | 'concluded'

/** A picture of a membership. What it holds counts only while `now` is before `validUntil`. */
export interface MembershipView {
  readonly state: AnyState
  readonly group: GroupState
  readonly epoch: Epoch
  readonly members: number
  readonly share: ShareKind | undefined
  readonly incarnation: Incarnation | undefined
  readonly validUntil: Instant
  readonly held: ReadonlyMap<number, Holding>
  /** The coordinator is known to have its metadata as it is now. */
  readonly isMetadataHeard: boolean
  /** Of what runs only once: how that ended, once this member was told. */
  readonly conclusion?: Conclusion | undefined
}
