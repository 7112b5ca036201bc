import type { TraceContext } from '../core/dispatch/link-messages.ts'
import type { Answer, Summary, Until } from '../core/dispatch/messages.ts'
import type { ElectionEvent } from '../core/election/io.ts'
import type { Once } from '../core/group/onces.ts'
import type { Epoch, Generation } from '../core/lease.ts'
import type { Millis } from '../core/time.ts'
import type { ErrorCode } from '../errors.ts'

/** What a span of an ask may say. Never what is asked. */
export interface TracedAsk {
  readonly topic: string
  readonly until: Until
  readonly withinMs: Millis
}

/** One ask, from the call that sent it. */
export interface AskTrace {
  /** What the producers' spans belong to; `undefined`: nothing is carried. */
  readonly carried: TraceContext | undefined
  /** `code` where there was no reply. */
  answered(from: string, outcome: 'reply' | Exclude<Answer, { type: 'reply' }>['outcome'], code?: ErrorCode): void
  finished(summary: Summary): void
  /** It was not sent, or the connection ended. */
  failed(error: unknown): void
  /** The asker called it off. */
  abandoned(): void
}

/** One request in the hands of one producer. */
export interface TracedRequest {
  readonly topic: string
  /** The producer's id. */
  readonly producer: string
  readonly queue: string | undefined
  /** The asker's. */
  readonly trace?: TraceContext | undefined
  /** Nobody waits for the reply any more. Looked at when the handler has settled. */
  readonly isCalledOff: boolean
}

/** One change of a group, as one of its members goes through it. */
export interface TracedView {
  readonly group: string
  readonly member: string
  /** The change by which it came: that belongs to whatever called `join()`, and later ones to nobody. */
  readonly isFirst: boolean
}

/** A place, or partitions, of a member. */
export interface TracedItems {
  readonly slot: { readonly index: number; readonly total: number } | undefined
  readonly partitions: readonly number[]
}

export interface SettledView extends TracedItems {
  readonly epoch: Epoch
  readonly members: number
}

/** From when a member notices that its group changes. Of `settled`, `left` and `failed` each hears one, last. */
export interface ViewTrace {
  granted(items: TracedItems): void
  /** Its drain begins. */
  revoked(items: TracedItems): void
  /** Its drain is over: the next owner may begin. */
  released(items: TracedItems): void
  lost(items: TracedItems, because: string): void
  drainFailed(error: unknown): void
  /** Calls `run`, a drain, with what its callees belong to, and gives what it gives. */
  within<Result>(run: () => Result): Result
  settled(view: SettledView): void
  /** The membership ended by its own wish. */
  left(): void
  /** The membership ended: fenced, refused, or the connection failed. */
  failed(error: unknown): void
}

export interface TracedCampaign {
  readonly election: string
  readonly candidate: string
}

/** A candidate, from its coming until it is elected. Hears one of these, once. */
export interface CampaignTrace {
  elected(token: Epoch): TenureTrace
  /** Called off by whoever campaigned. */
  abandoned(): void
  failed(error: unknown): void
}

/**
 * How a tenure ended: given up (`resigned`), asked for by the coordinator (`revoked`), not renewed in time (`lapsed`), given up by the
 * coordinator (`expired`), taken by a newer process of that id (`fenced`), called off by a signal (`aborted`), or with its connection (`closed`, `failed`).
 */
export type TenureEnding = 'resigned' | 'revoked' | 'aborted' | 'closed' | TenureLoss
export type TenureLoss = 'lapsed' | 'expired' | 'fenced' | 'failed'

/** From the election until what is done under it has stopped. `ended` is last. */
export interface TenureTrace {
  /** The right to act is over, and whoever works under it is told. */
  over(ending: TenureEnding): void
  /** What was done under it failed by itself. */
  workFailed(error: unknown): void
  ended(): void
}

export interface TracedRun extends Once {
  readonly token: Epoch
}

/** The one run of `once()`, where it is this process that runs it. */
export interface RunTrace {
  /** Calls `run` with what its callees belong to, and gives what it gives. */
  within<Result>(run: () => Result): Result
  /** `lost`: its lease ended before it did. */
  ended(outcome: 'done' | 'failed' | 'lost', error: unknown): void
}

export interface TracedPeer {
  readonly cluster: string
  readonly peer: string
}

/** What happens in a cluster of peers, as one of them sees it. */
export type PeerHappened =
  | Extract<ElectionEvent, { readonly type: 'election.started' | 'leader.elected' | 'leader.lost' }>
  | { readonly type: 'reign.started'; readonly term: number; readonly generation: Generation }
  | { readonly type: 'reign.ended'; readonly term: number; readonly because: string }

/** One peer, from its start. */
export interface PeerTrace {
  happened(event: PeerHappened): void
}

/**
 * Follows asks from the asker to its producers, whatever lies between them, groups from a change until they have settled, and elections from
 * the campaign to the end of the tenure. Nothing in here throws, and without it nothing is done for
 * it. Of `finished`, `failed` and `abandoned` each ask hears one, last.
 */
export interface Tracing {
  /** Called where the ask is made, so that what is active there is what it belongs to. */
  beginAsk(asked: TracedAsk): AskTrace
  /** Calls `run` with what its own callees belong to, gives what it gives, at once or as a promise, and throws what it throws. */
  serve(request: TracedRequest, run: (carried: TraceContext | undefined) => unknown): unknown
  /** Called where a process joins a group, and whenever it notices that the group changes. */
  beginView(view: TracedView): ViewTrace
  /** Called where the campaign is begun, so that what is active there is what it belongs to. */
  beginCampaign(campaign: TracedCampaign): CampaignTrace
  /** Called where the one run of `once()` begins, once its token is known. */
  beginRun(run: TracedRun): RunTrace
  /** Called once, when a peer of a cluster starts. */
  beginPeer(peer: TracedPeer): PeerTrace
}
