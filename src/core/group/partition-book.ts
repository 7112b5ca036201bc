import type { Epoch } from '../lease.ts'
import type { Instant } from '../time.ts'
import { type Book, type Desk, revoke, stopOverrun, tenureWakeAt, yieldUp } from './book.ts'
import { type Manner, SPREAD } from './manner.ts'
import type { Holding } from './messages.ts'
import { PartitionsById } from './partitions-by-id.ts'
import type { Because } from './reasons.ts'
import { adoptedTenure, grantedTenure, lapsed, type Session, type Tenure } from './session.ts'

/**
 * A fixed number of partitions (of tenures: one), each with a barrier of its own: only what moves pauses, and each goes to its new owner
 * as soon as the earlier one acknowledged or lapsed. Never revoked and granted in one step.
 */
export class PartitionBook implements Book {
  readonly #desk: Desk
  readonly #partitions: number
  readonly #manner: Manner
  /** Who was granted each partition last, or adopted it, until nobody can believe in that any more. */
  readonly #current: (Tenure | undefined)[]
  /** Others who may still believe: losers of a double claim. Whoever gets the partition next waits for them too. */
  readonly #others = new Map<number, Set<Tenure>>()
  /** Claimed or granted under this coordinator, so that the ceiling no longer says anything about it. */
  readonly #known: boolean[]
  /** Why a partition has nobody, where its earlier owner did not let go of it: told with its next grant. */
  readonly #taken = new Map<number, Because>()
  /** Whose place each is of static members that have stopped, until it is granted again. */
  readonly #kept = new PartitionsById()
  #target: (string | undefined)[]
  /** The same by member, once somebody asks. */
  #targets: PartitionsById | undefined
  /** Partitions that their target does not hold yet. */
  readonly #pending = new Set<number>()
  #epoch: Epoch = 0
  /** Pending ones about which something happened; the others are looked at when their time comes. */
  readonly #touched = new Set<number>()
  #restUntil: Instant = 0

  constructor(partitions: number, desk: Desk, manner: Manner = SPREAD) {
    this.#partitions = partitions
    this.#manner = manner
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
    const tenure = adoptedTenure(session, { item, epoch }, state, now)
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

  keep(session: Session): boolean {
    for (const tenure of session.tenures.values()) {
      if (tenure.state === 'held' && this.#current[tenure.item] === tenure) this.#kept.set(tenure.item, session.id)
    }
    // Also what it was meant to get: it may have been waiting for that, perhaps since it came back the last time.
    for (const item of this.#targetsOf(session.id)) this.#kept.set(item, session.id)
    return this.#kept.of(session.id).size > 0
  }

  /** One pass for all members, since whole racks stop at once. */
  #targetsOf(id: string): ReadonlySet<number> {
    if (this.#targets === undefined) {
      this.#targets = new PartitionsById()
      for (const [item, target] of this.#target.entries()) if (target !== undefined) this.#targets.set(item, target)
    }
    return this.#targets.of(id)
  }

  keptFor(id: string): readonly number[] {
    return [...this.#kept.of(id)]
  }

  replan(now: Instant): void {
    const { sessions, kept, orders } = this.#desk
    this.#kept.forgetAllBut((id) => sessions.has(id) || kept.has(id))
    // Only what somebody has counts, not what was meant for them: otherwise a member might have to give up what it holds for the
    // sake of what it was to get, as after a failover while the others have not claimed yet.
    const owners = this.#current.map((tenure, item) =>
      tenure?.state === 'held' ? tenure.session.id : this.#kept.get(item),
    )
    const members = [...sessions.values(), ...kept.values()]
    this.#target = this.#manner.assign(this.#partitions, members, owners, orders)
    this.#targets = undefined
    for (const [item, id] of this.#target.entries()) {
      if (id !== undefined && kept.has(id)) this.#kept.set(item, id)
      else if (this.#kept.get(item) !== id) this.#kept.delete(item)
    }
    if (this.#desk.hasEpoch()) this.#epoch = this.#desk.nextEpoch()
    for (let item = 0; item < this.#partitions; item++) {
      const tenure = this.#current[item]
      if (this.#settledAt(item)) this.#pending.delete(item)
      else this.#pending.add(item)
      if (tenure?.state !== 'held' || tenure.until !== undefined || tenure.session.id === this.#target[item]) continue
      const { epoch, session } = tenure
      const pinned = orders.pins.has(item) && orders.pins.get(item) === this.#target[item]
      const because = session.drained ? 'drained' : pinned ? 'pinned' : 'rebalance'
      revoke(tenure, now, this.#desk, because)
      this.#desk.emit(this.#manner.revoked(item, { member: session.id, epoch, because }))
    }
    this.#restUntil = 0
  }

  /** True when the target holds it, or has stopped and may come back, or when there is nobody whom it could belong to. */
  #settledAt(item: number): boolean {
    const tenure = this.#current[item]
    const target = this.#target[item]
    if (tenure === undefined) return target === undefined || this.#desk.kept.has(target)
    return (
      tenure.state === 'held' && tenure.until === undefined && tenure.session.id === target && !this.#others.has(item)
    )
  }

  lookAgain(): void {
    this.#restUntil = 0
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
      if (target === undefined) {
        // Its place is kept; otherwise it has gone, and the next plan is on its way.
        if (this.#desk.kept.has(id)) this.#pending.delete(item)
        continue
      }
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
    if (!this.#known[item] && this.#desk.mayBeHeldUnheard(now)) return undefined
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
    let at = Number.POSITIVE_INFINITY
    if (!this.#known[item] && this.#desk.mayBeHeldUnheard(now)) at = this.#desk.ceilingUntil
    for (const tenure of this.#holders(item)) at = Math.min(at, tenureWakeAt(tenure, this.#desk))
    return at
  }

  #grant(item: number, session: Session, epoch: Epoch, because: Because): void {
    const tenure = grantedTenure(session, { item, epoch }, because)
    this.#current[item] = tenure
    this.#known[item] = true
    this.#kept.delete(item)
    session.tenures.set(item, tenure)
    this.#desk.tell(session)
    this.#taken.delete(item)
    this.#desk.emit(this.#manner.granted(item, { member: session.id, epoch, because }))
  }

  complete(): boolean {
    return this.#pending.size === 0
  }

  wakeAt(): Instant | undefined {
    return this.#restUntil > 0 && Number.isFinite(this.#restUntil) ? this.#restUntil : undefined
  }
}
