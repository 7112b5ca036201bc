import type { MemberState, MembershipView } from '../core/group/member.ts'
import type { Holding, Incarnation } from '../core/group/messages.ts'
import { indexOf, partitionOf } from '../core/hash.ts'
import type { Epoch } from '../core/lease.ts'
import type { Millis } from '../core/time.ts'
import { CaucusError } from '../errors.ts'
import type { Backend, JoinRequest, MembershipPort } from '../ports/backend.ts'
import type { Clock } from '../ports/clock.ts'
import type { Tracing } from '../ports/tracing.ts'
import { type Gap, History } from '../runtime/history.ts'
import { Latest } from '../runtime/latest.ts'
import { until } from '../runtime/wait.ts'
import { Drains, describeError, type RevokeHandler } from './drains.ts'
import { ending } from './ending.ts'
import { checkKey, checkMetadata, checkMs, checkOptions, checkSignal, checkWeight } from './options.ts'
import { type Moved, movedOf, numbersOf, type Share, type Slot, sameShareView, shareOf } from './share.ts'
import { TracedViews } from './traced-views.ts'

/** What happened to this membership, as far as it noticed. */
export type MembershipEvent =
  | { readonly type: 'share.granted'; readonly slot: Slot | undefined; readonly partitions: readonly number[] }
  | { readonly type: 'share.revoked'; readonly slot: Slot | undefined; readonly partitions: readonly number[] }
  | {
      readonly type: 'share.lost'
      readonly slot: Slot | undefined
      readonly partitions: readonly number[]
      /** `lapsed`: not renewed in time; `expired`: the coordinator had given up on this process; `fenced`: another one took its id. */
      readonly because: string
    }
  | {
      readonly type: 'drain.failed'
      readonly slot: Slot | undefined
      readonly partitions: readonly number[]
      readonly error: unknown
    }

/** What ends the wait for a settled group. */
export interface SettledOptions {
  readonly signal?: AbortSignal
  readonly timeoutMs?: Millis
}

/** How long a leave waits to be heard, once everything has been let go. Unheard, it costs the others a lease and nobody the truth. */
const LEAVE_WAIT_MS: Millis = 1_000

/**
 * One process's part in a group. Every read is compared with the clock: there is no flag that a timer would have to clear.
 *
 * It ends by `leave()`, or when another process takes its id (`CAUCUS_FENCED`, final). Then `error` says why, `watch()` and `settled()`
 * throw it, and nothing is held any more.
 */
export class Membership implements AsyncDisposable {
  readonly id: string
  readonly group: string
  readonly #port: MembershipPort
  readonly #clock: Clock
  readonly #drains: Drains
  readonly #share: Latest<Share>
  readonly #events = new History<MembershipEvent>()
  readonly #onEnded: (membership: Membership) => void
  readonly #traced: TracedViews | undefined
  readonly #admission: { resolve(): void; reject(error: unknown): void }
  /** Resolves with the admission, rejects with whatever came instead. */
  readonly #admitted: Promise<void>
  /** The view of the share that was published last. */
  #shown: MembershipView
  #numbers: { readonly held: MembershipView['held']; readonly partitions: readonly number[] } | undefined
  #ended: { readonly error: CaucusError | undefined } | undefined
  #leaving: Promise<void> | undefined

  /** Use `caucus.group(name).join()`. */
  constructor(backend: Backend, request: JoinRequest, onEnded: (membership: Membership) => void, tracing?: Tracing) {
    this.id = request.member
    this.group = request.group
    this.#clock = backend.clocks.holder
    this.#onEnded = onEnded
    this.#traced = tracing && new TracedViews(tracing, request)
    this.#drains = new Drains(this.#clock, (moved, error) => this.#drainFailed(moved, error))
    let settle: { resolve(): void; reject(error: unknown): void } | undefined
    this.#admitted = new Promise<void>((resolve, reject) => {
      settle = { resolve, reject }
    })
    this.#admission = settle as NonNullable<typeof settle>
    // Whoever joins awaits it; a membership that ends after its admission must not end as an unhandled rejection of this.
    this.#admitted.catch(() => undefined)
    try {
      this.#port = backend.join(request, {
        changed: () => this.#changed(),
        granted: (items) => this.#granted(items),
        drain: (items) => this.#drain(items),
        lost: (items, because) => this.#lost(items, because),
        refused: (error) => this.#refused(error),
        ended: (error) => this.#end(error),
      })
    } catch (error) {
      this.#traced?.ended(error)
      throw error
    }
    this.#shown = this.#port.view()
    this.#share = new Latest(shareOf(this.#shown, this.#port.now()))
  }

  /** Resolves once the coordinator has admitted this process; otherwise nothing of it is left. */
  async admitted(signal: AbortSignal | undefined): Promise<void> {
    const abort = () => this.#admission.reject(signal?.reason)
    signal?.addEventListener('abort', abort, { once: true })
    try {
      await this.#admitted
    } catch (error) {
      this.close()
      throw error
    } finally {
      signal?.removeEventListener('abort', abort)
    }
  }

  /** `member` from the admission on; `leaving`, `left`, `fenced` and `refused` say how it ended. */
  get state(): MemberState {
    const { state } = this.#port.view()
    // Only of what runs once, which nobody is a member of by this class.
    if (state === 'concluded') return 'left'
    return this.#ended !== undefined && (state === 'leaving' || state === 'member') ? 'left' : state
  }

  /** Why it ended, if not by its own leave. */
  get error(): CaucusError | undefined {
    return this.#ended?.error
  }

  /** The coordinator's number for this process: of two processes with one id, the higher one is the newer. */
  get incarnation(): Incarnation | undefined {
    return this.#port.view().incarnation
  }

  /** The place of this member now, in a group that shares indexes; `undefined` between two views and out of lease. */
  get slot(): Slot | undefined {
    const index = this.#share.value.slot?.index
    const holding = index === undefined || this.#partitions !== undefined ? undefined : this.#port.holds(index)
    return holding?.of === undefined ? undefined : { index: holding.item, total: holding.of, epoch: holding.epoch }
  }

  /** The numbers of the partitions held now, rising; none out of lease. */
  get partitions(): readonly number[] {
    const { held, validUntil } = this.#port.view()
    if (this.#ended !== undefined || this.#partitions === undefined || !(this.#port.now() < validUntil)) return NONE
    if (this.#numbers?.held !== held) {
      this.#numbers = { held, partitions: numbersOf(held.values()) }
    }
    return this.#numbers.partitions
  }

  /** The fencing token of a partition, if it is held now. */
  epoch(partition: number): Epoch | undefined {
    return this.#partitions === undefined ? undefined : this.#partition(partition)?.epoch
  }

  /** True only while this member, and no other, may act on `key`: false for what is moving, and out of lease. */
  owns(key: string): boolean {
    return this.token(key) !== undefined
  }

  /** As `owns`, and with what: the fencing token to write with, or `undefined`. */
  token(key: string): Epoch | undefined {
    checkKey(key)
    const partitions = this.#partitions
    if (partitions !== undefined) return this.#partition(partitionOf(key, partitions))?.epoch
    const { slot } = this
    return slot !== undefined && indexOf(key, slot.total) === slot.index ? slot.epoch : undefined
  }

  /** Yields the present share first, then the newest each time the loop comes back. Ends with the membership, by its error if there is one. */
  watch(options: { readonly signal?: AbortSignal } = {}) {
    checkOptions(options, ['signal'], 'watch()')
    checkSignal(options.signal, 'watch()')
    return ending(this.#share.watch(options), () => this.error)
  }

  /** Yields what happens from now on; a `gap` where the loop was too slow for its buffer. */
  events(options: { readonly buffer?: number; readonly signal?: AbortSignal } = {}) {
    checkOptions(options, ['buffer', 'signal'], 'events()')
    checkSignal(options.signal, 'events()')
    return ending<MembershipEvent | Gap>(this.#events.events(options), () => this.error)
  }

  /**
   * Calls `drain(moved, { signal })` whenever something is taken back, also on leaving, and waits for it: only then may the next
   * owner begin. Without one, what moves is let go at once. Gives back the function that ends it.
   */
  onRevoke(drain: RevokeHandler): () => void {
    if (typeof drain !== 'function') {
      throw new CaucusError('CAUCUS_INVALID_ARGUMENT', 'onRevoke(drain) takes a function')
    }
    return this.#drains.add(drain)
  }

  /** Resolves with the share once the group is settled and this member has its part. Rejects with what ends the wait. */
  async settled(options: SettledOptions = {}): Promise<Share> {
    checkOptions(options, ['signal', 'timeoutMs'], 'settled()')
    checkSignal(options.signal, 'settled()')
    if (options.timeoutMs !== undefined) checkMs(options.timeoutMs, 'settled({ timeoutMs })', 0)
    const what = `the group "${this.group}" to settle`
    const isSettled = ({ state, slot }: Share) =>
      state === 'settled' && (this.#partitions !== undefined || slot !== undefined)
    try {
      if (this.#ended !== undefined)
        throw new CaucusError('CAUCUS_CLOSED', `this membership of "${this.group}" is over`)
      return await until(this.#share, isSettled, { clock: this.#clock, what, ...options })
    } catch (error) {
      throw this.error ?? error
    }
  }

  /** Replaces what others see of this member; it travels with the next renewal. */
  setMetadata(metadata: unknown): void {
    this.#port.setMetadata(checkMetadata(metadata))
  }

  /**
   * Replaces the weight of this member, a whole number from 0 to 1 000; it travels with the next renewal, and what then moves is drained
   * as ever. With 0 it gives up everything but what is pinned to it, and stays a member. Throws `CAUCUS_CONFLICT` in a group of indexes, which are not weighted.
   */
  setWeight(weight: number): void {
    const checked = checkWeight(weight, 'setWeight(weight)')
    // Here and not by the coordinator, whose refusal would be the end of this membership.
    if (this.#port.view().share === 'index' && checked !== 1) {
      throw new CaucusError('CAUCUS_CONFLICT', `the group "${this.group}" shares indexes, which all weigh the same`)
    }
    this.#port.setWeight(checked)
  }

  /**
   * Drains, lets go, and says so, so that nobody has to wait for a lease. Resolves once that was heard, or a second after everything was
   * let go. A signal ends the wait and not the leaving. Leaving twice is leaving once.
   */
  leave(options: { readonly signal?: AbortSignal } = {}): Promise<void> {
    checkOptions(options, ['signal'], 'leave()')
    checkSignal(options.signal, 'leave()')
    this.#leaving ??= this.#port.leave({ limitMs: LEAVE_WAIT_MS })
    return options.signal === undefined ? this.#leaving : abortable(this.#leaving, options.signal)
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.leave()
  }

  /** Lets go at once, without a drain. */
  close(): void {
    this.#port.close()
  }

  /**
   * How many partitions the group has, if it shares partitions. Asked at every read and never kept: a group may come back from a restart
   * with another share, and whoever reads inside the turn that brings it must not count what is new by what was.
   */
  get #partitions(): number | undefined {
    const { share } = this.#port.view()
    return share === undefined || typeof share === 'string' ? undefined : share.partitions
  }

  /** What is held of a partition. An index is none, whatever its number. */
  #partition(number: number): Holding | undefined {
    const holding = this.#port.holds(number)
    return holding?.of === undefined ? holding : undefined
  }

  #changed(): void {
    const view = this.#port.view()
    if (!sameShareView(view, this.#shown)) {
      this.#shown = view
      this.#share.set(shareOf(view, this.#port.now()))
    }
    if (view.state === 'member') this.#admission.resolve()
    this.#traced?.changed(view)
  }

  #granted(items: readonly Holding[]): void {
    this.#record('share.granted', items)
    this.#traced?.granted(items)
  }

  #drain(items: readonly Holding[]): void {
    this.#record('share.revoked', items)
    const port = this.#port
    const traced = this.#traced
    const moved = movedOf(items, this.#partitions)
    if (traced === undefined) return this.#drains.begin(items, moved, port)
    traced.revoked(items)
    const drained = (released: readonly Holding[]) => {
      traced.released(released)
      port.drained(released)
    }
    this.#drains.begin(items, moved, { drained, drainUntil: (holding) => port.drainUntil(holding) }, traced.within)
  }

  #lost(items: readonly Holding[], because: string): void {
    this.#events.record({ type: 'share.lost', ...what(items), because })
    this.#traced?.lost(items, because)
    this.#drains.check()
  }

  #record(type: 'share.granted' | 'share.revoked', items: readonly Holding[]): void {
    this.#events.record({ type, ...what(items) })
  }

  #drainFailed({ slot, partitions }: Moved, error: unknown): void {
    this.#events.record({ type: 'drain.failed', slot, partitions, error })
    this.#traced?.drainFailed(error)
    const message = `a drain of the group "${this.group}" failed, so what moves waits until its lease has run out`
    process.emitWarning(new CaucusError('CAUCUS_BACKEND', `${message}: ${describeError(error)}`, { cause: error }))
  }

  /** Whoever waits for the first admission is told; a member that lost its place tries again with every renewal. */
  #refused(error: CaucusError): void {
    if (error.code === 'CAUCUS_OVERLOADED') this.#admission.reject(error)
  }

  #end(error: CaucusError | undefined): void {
    if (this.#ended !== undefined) return
    this.#ended = { error }
    this.#traced?.ended(error)
    this.#admission.reject(error ?? new CaucusError('CAUCUS_CLOSED', 'closed before the coordinator answered the join'))
    this.#drains.check()
    this.#share?.close()
    this.#events.close()
    this.#onEnded(this)
  }
}

const NONE: readonly number[] = Object.freeze([])

const what = (items: readonly Holding[]) => {
  const { slot, partitions } = movedOf(items, undefined)
  return { slot, partitions }
}

/** Settles as `promise` does, or rejects with the signal's reason. Both are short-lived here, so no reaction piles up. */
const abortable = (promise: Promise<void>, signal: AbortSignal): Promise<void> =>
  new Promise((resolve, reject) => {
    const abort = () => reject(signal.reason)
    const release = () => signal.removeEventListener('abort', abort)
    if (signal.aborted) return abort()
    signal.addEventListener('abort', abort, { once: true })
    promise.then(
      () => {
        release()
        resolve()
      },
      (error: unknown) => {
        release()
        reject(error)
      },
    )
  })
