import { resolveTiming, type Timing, type TimingPreset } from '../config/timing.ts'
import type { ShareKind } from '../core/group/messages.ts'
import type { GroupView } from '../core/group/view.ts'
import type { JoinRequest } from '../ports/backend.ts'
import type { RecordedEvent } from '../ports/hosting.ts'
import type { Membership } from './membership.ts'
import {
  checkMemberId,
  checkMetadata,
  checkOptions,
  checkShare,
  checkSignal,
  checkStatic,
  checkWeight,
} from './options.ts'

/** Of one membership: who joins, for what share, and what the others see of it. */
export interface JoinOptions {
  /** This member's name. A second process with the same one fences the first. Default: a random one. */
  readonly id?: string
  /** What the group splits: fixed by the first who joins it, or by the server's configuration; another is refused. Default: what is there, or `'index'`. */
  readonly share?: ShareKind
  /** JSON of up to 4 096 bytes, for all to see. */
  readonly metadata?: unknown
  /**
   * How many times the part of a member of weight 1 it gets of the partitions: a whole number from 0 to 1 000, default 1. With 0 it
   * gets nothing but what is pinned to it. `setWeight()` changes it. Indexes are not weighted.
   */
  readonly weight?: number
  /**
   * Keeps its place when it stops: for `staticGraceMs` of the group it counts as if it were there, so that a restart under the same
   * `id` (which must be given) moves nothing of the others. What it had is nobody's meanwhile. Default: false.
   */
  readonly static?: boolean
  /** Ends the wait for the admission. A membership that has begun is ended by `leave()`. */
  readonly signal?: AbortSignal
  /** Only `heartbeatMs` and `stopMarginMs` are a member's own; the rest is the group's. */
  readonly timing?: TimingPreset | Partial<Timing>
}

/** What a group needs of its connection. */
export interface GroupHome {
  readonly timing: Pick<JoinRequest, 'heartbeatMs' | 'stopMarginMs'>
  newId(): string
  join(request: JoinRequest, signal: AbortSignal | undefined): Promise<Membership>
  view(group: string, signal: AbortSignal | undefined): Promise<GroupView | undefined>
  events(options: {
    group: string
    after: string | undefined
    signal: AbortSignal | undefined
  }): AsyncIterable<RecordedEvent | { readonly type: 'gap'; readonly dropped: number | undefined }>
}

/** A named set of live members that split work. It is there as soon as somebody joins it. */
export class Group {
  readonly name: string
  readonly #home: GroupHome

  /** Use `caucus.group(name)`. */
  constructor(name: string, home: GroupHome) {
    this.name = name
    this.#home = home
  }

  /**
   * Resolves once the coordinator has admitted this process as a member; its share comes when the group settles (`settled()`).
   * While the coordinator cannot be reached it goes on trying. Rejects with the signal's reason, `CAUCUS_CONFLICT` (another share),
   * `CAUCUS_OVERLOADED` (a limit of the server), `CAUCUS_FENCED`, `CAUCUS_INVALID_ARGUMENT` or `CAUCUS_CLOSED`.
   */
  async join(options: JoinOptions = {}): Promise<Membership> {
    checkOptions(options, ['id', 'share', 'metadata', 'weight', 'static', 'signal', 'timing'], 'join()')
    const { id = this.#home.newId(), signal, timing } = options
    checkMemberId(id)
    checkSignal(signal, 'join()')
    const share = checkShare(options.share)
    const metadata = checkMetadata(options.metadata)
    const weight = options.weight === undefined ? undefined : checkWeight(options.weight, 'join({ weight })')
    const keepsPlace = checkStatic(options.static, options.id)
    const { heartbeatMs, stopMarginMs } = timing === undefined ? this.#home.timing : resolveTiming(timing)
    signal?.throwIfAborted()
    const request: JoinRequest = {
      group: this.name,
      member: id,
      bootId: this.#home.newId(),
      heartbeatMs,
      stopMarginMs,
      ...(share !== undefined && { share }),
      ...(metadata !== undefined && { metadata }),
      ...(weight !== undefined && { weight }),
      ...(keepsPlace && { static: true }),
    }
    return this.#home.join(request, signal)
  }

  /** Resolves with the group as its coordinator sees it, or with `undefined` when nobody is in it. */
  async view(options: { readonly signal?: AbortSignal } = {}): Promise<GroupView | undefined> {
    checkOptions(options, ['signal'], 'view()')
    checkSignal(options.signal, 'view()')
    return this.#home.view(this.name, options.signal)
  }

  /**
   * Yields what the coordinator recorded in this group after the revision `after`, or from now on. It is bounded: a `gap` stands for
   * what is forgotten or was missed.
   */
  events(options: { readonly after?: string; readonly signal?: AbortSignal } = {}) {
    checkOptions(options, ['after', 'signal'], 'events()')
    checkSignal(options.signal, 'events()')
    return this.#home.events({ group: this.name, after: options.after, signal: options.signal })
  }
}
