import { assignSticky } from '../assignment/sticky.ts'
import type { Epoch } from '../lease.ts'
import type { Instant } from '../time.ts'
import { type Book, type Desk, revoke, stopOverrun, tenureWakeAt, yieldUp } from './book.ts'
import type { Holding } from './messages.ts'
import type { Because } from './reasons.ts'
import { lapsed, type Session, type Tenure } from './session.ts'

/**
 * A fixed number of partitions, each with a barrier of its own: only what moves pauses, and each goes to its new owner as soon
 * as the earlier one acknowledged or lapsed. Never revoked and granted in one step.
 */
export class PartitionBook implements Book {
  readonly #desk: Desk
  readonly #partitions: number
  /** Who was granted each partition last, or adopted it, until nobody can believe in that any more. */
  readonly #current: (Tenure | undefined)[]
  /** Others who may still believe: losers of a double claim. Whoever gets the partition next waits for them too. */
  readonly #others = new Map<number, Set<Tenure>>()
  /** Claimed or granted under this coordinator, so that the ceiling no longer says anything about it. */
  readonly #known: boolean[]
  /** Why a partition has nobody, where its earlier owner did not let go of it: told with its next grant. */
  readonly #taken = new Map<number, Because>()
  #target: (string | undefined)[]
  /** Partitions that their target does not hold yet. */
  readonly #pending = new Set<number>()
  #epoch: Epoch = 0
  /** Pending ones about which something happened; the others are looked at when their time comes. */
  readonly #touched = new Set<number>()
  #restUntil: Instant = 0

  constructor(partitions: number, desk: Desk) {
    this.#partitions = partitions
    this.#desk = desk
    this.#current = new Array<Tenure | undefined>(partitions).fill(undefined)
    this.#known = new Array<boolean>(partitions).fill(false)
    this.#target = new Array<string | undefined>(partitions).fill(undefined)
  }

  get epoch(): Epoch {
    return this.#epoch
  }

  adopt(session: Session, holding: readonly Holding[], draining: readonly Holding[], now: Instant): void {
    for (const held of holding) this.#claim(session, held, 'held', now)
    for (const held of draining) this.#claim(session, held, 'revoked', now)
  }

  #claim(session: Session, { item, epoch, of }: Holding, state: Tenure['state'], now: Instant): void {
    if (of !== undefined || item >= this.#partitions || session.tenures.has(item)) return
    const revokedAt = state === 'revoked' ? now : undefined
    const tenure: Tenure = {
      session,
      item,
      of: undefined,
      epoch,
      grantOrder: 0,
      state,
      revokedAt,
      until: undefined,
      because: 'adopted',
    }
    session.tenures.set(item, tenure)
    this.#known[item] = true
    this.#touch(item)
    const rival = this.#current[item]
    if (rival === undefined || rival.epoch < epoch) {
      this.#current[item] = tenure
      if (rival !== undefined) this.#lose(rival, now)
    } else {
      this.#lose(tenure, now)
    }
  }

  /** Of two claims the higher epoch wins; the loser is revoked, and nobody is granted the partition while it may believe. */
  #lose(tenure: Tenure, now: Instant): void {
    const others = this.#others.get(tenure.item) ?? new Set<Tenure>()
    this.#others.set(tenure.item, others.add(tenure))
    if (tenure.state === 'held' && tenure.until === undefined) revoke(tenure, now, this.#desk, 'rebalance')
  }

  yield(tenure: Tenure, now: Instant): void {
    yieldUp(tenure, now)
    this.#touch(tenure.item)
  }

  release(tenure: Tenure): void {
    const { item, session } = tenure
    session.tenures.delete(item)
    this.#taken.delete(item)
    if (this.#current[item] === tenure) this.#current[item] = undefined
    else this.#others.get(item)?.delete(tenure)
    if (this.#others.get(item)?.size === 0) this.#others.delete(item)
    // Its target may be gone or somebody else; either way it is without an owner until it is granted again.
    this.#touch(item)
  }

  #touch(item: number): void {
    this.#pending.add(item)
    this.#touched.add(item)
  }

  orphan(session: Session, until: Instant): void {
    for (const tenure of session.tenures.values()) {
      tenure.until = Math.min(tenure.until ?? until, until)
      this.#touch(tenure.item)
    }
  }

  replan(now: Instant): void {
    const { sessions } = this.#desk
    // Only what somebody has counts, not what was meant for them: otherwise a member might have to give up what it holds for the
    // sake of what it was to get, as after a failover while the others have not claimed yet.
    const owners = this.#current.map((tenure) => (tenure?.state === 'held' ? tenure.session.id : undefined))
    this.#target = assignSticky(this.#partitions, [...sessions.keys()], owners)
    if (this.#desk.hasEpoch()) this.#epoch = this.#desk.nextEpoch()
    for (let item = 0; item < this.#partitions; item++) {
      const tenure = this.#current[item]
      if (this.#settledAt(item)) this.#pending.delete(item)
      else this.#pending.add(item)
      if (tenure?.state !== 'held' || tenure.until !== undefined || tenure.session.id === this.#target[item]) continue
      revoke(tenure, now, this.#desk, 'rebalance')
      const { epoch, session } = tenure
      this.#desk.emit({ type: 'partition.revoked', partition: item, member: session.id, epoch, because: 'rebalance' })
    }
    this.#restUntil = 0
  }

  /** True when the target holds it, or when there is nobody whom it could belong to. */
  #settledAt(item: number): boolean {
    const tenure = this.#current[item]
    const target = this.#target[item]
    if (tenure === undefined) return target === undefined
    return (
      tenure.state === 'held' && tenure.until === undefined && tenure.session.id === target && !this.#others.has(item)
    )
  }

  advance(now: Instant): void {
    const all = now >= this.#restUntil
    if (!all && this.#touched.size === 0) return
    let epoch: Epoch | undefined
    let at = all ? Number.POSITIVE_INFINITY : this.#restUntil
    for (const item of all ? this.#pending : this.#touched) {
      const because = this.#pending.has(item) ? this.#clear(item, now) : undefined
      if (because === undefined) {
        if (this.#settledAt(item)) this.#pending.delete(item)
        else at = Math.min(at, this.#itemWakeAt(item, now))
        continue
      }
      const id = this.#target[item]
      if (id === undefined) {
        this.#pending.delete(item)
        continue
      }
      const target = this.#desk.sessions.get(id)
      // Gone, and the next plan is on its way.
      if (target === undefined) continue
      if (epoch === undefined && !this.#desk.hasEpoch()) {
        // Everything is looked at again once a later generation is durable.
        at = 0
        break
      }
      epoch ??= this.#desk.nextEpoch()
      this.#grant(item, target, epoch, because)
      this.#pending.delete(item)
    }
    this.#touched.clear()
    this.#restUntil = at
  }

  /** Why nobody can believe in this partition any more; `undefined` while somebody may. */
  #clear(item: number, now: Instant): Because | undefined {
    let because: Because | undefined = this.#known[item] ? (this.#taken.get(item) ?? 'released') : 'unclaimed'
    if (!this.#known[item] && now < this.#desk.ceilingUntil) return undefined
    for (const tenure of this.#holders(item)) {
      stopOverrun(tenure, now, this.#desk)
      if (lapsed(tenure, now)) {
        const why = tenure.because === 'drain-overrun' ? 'drain-overrun' : 'expired'
        because &&= why
        this.release(tenure)
        this.#taken.set(item, why)
      } else {
        because = undefined
      }
    }
    return because
  }

  #holders(item: number): Tenure[] {
    const current = this.#current[item]
    return [...(current === undefined ? [] : [current]), ...(this.#others.get(item) ?? [])]
  }

  #itemWakeAt(item: number, now: Instant): Instant {
    const { ceilingUntil } = this.#desk
    let at = this.#known[item] || now >= ceilingUntil ? Number.POSITIVE_INFINITY : ceilingUntil
    for (const tenure of this.#holders(item)) at = Math.min(at, tenureWakeAt(tenure, this.#desk))
    return at
  }

  #grant(item: number, session: Session, epoch: Epoch, because: Because): void {
    const grantOrder = session.order + 1
    const tenure: Tenure = {
      session,
      item,
      of: undefined,
      epoch,
      grantOrder,
      state: 'held',
      revokedAt: undefined,
      until: undefined,
      because,
    }
    this.#current[item] = tenure
    this.#known[item] = true
    session.tenures.set(item, tenure)
    this.#desk.tell(session)
    this.#taken.delete(item)
    this.#desk.emit({ type: 'partition.granted', partition: item, member: session.id, epoch, because })
  }

  complete(): boolean {
    return this.#pending.size === 0
  }

  wakeAt(): Instant | undefined {
    return this.#restUntil > 0 && Number.isFinite(this.#restUntil) ? this.#restUntil : undefined
  }
}
