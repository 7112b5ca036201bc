import { orderMembers } from '../assignment/modulo.ts'
import type { Epoch } from '../lease.ts'
import type { Instant } from '../time.ts'
import { type Book, type Desk, revoke, stopOverrun, tenureWakeAt, yieldUp } from './book.ts'
import type { Holding } from './messages.ts'
import { lapsed, type Session, type Tenure } from './session.ts'

/**
 * Numbered places: one view at a time, all of it granted in one step, and no view before every holder of an earlier one has
 * acknowledged or lapsed (the barrier). An index's epoch is its view's, because a key moves between indexes.
 */
export class IndexBook implements Book {
  readonly #desk: Desk
  readonly #outstanding = new Set<Tenure>()
  #view: { epoch: Epoch; members: readonly string[] } | undefined
  /** A plan is due: the next view is granted as soon as the barrier is clear. Joins meanwhile are in it. */
  #due = false
  /** Some view was granted or adopted whole under this coordinator, so nobody unheard-of can believe in an older one. */
  #known = false
  /** Until then, unless something is released or planned, there is nothing to do. */
  #restUntil: Instant = 0

  constructor(desk: Desk) {
    this.#desk = desk
  }

  get epoch(): Epoch {
    return this.#view?.epoch ?? 0
  }

  adopt(session: Session, holding: readonly Holding[], draining: readonly Holding[], now: Instant): void {
    const claim = (held: Holding, state: Tenure['state']): void => {
      if (held.of === undefined || held.item < 1 || held.item > held.of || session.tenures.has(held.item)) return
      const revokedAt = state === 'revoked' ? now : undefined
      const { item, of, epoch } = held
      const tenure: Tenure = {
        session,
        item,
        of,
        epoch,
        grantOrder: 0,
        state,
        revokedAt,
        until: undefined,
        because: 'adopted',
      }
      session.tenures.set(item, tenure)
      this.#outstanding.add(tenure)
      this.#restUntil = Math.min(this.#restUntil, tenureWakeAt(tenure, this.#desk))
    }
    for (const held of holding) claim(held, 'held')
    for (const held of draining) claim(held, 'revoked')
    this.#adoptWhole(now)
  }

  /** A view is adopted only whole. Until the ceiling has passed, claims to a part of it are kept and nothing else is given. */
  #adoptWhole(now: Instant): void {
    let newest = 0
    let total = 0
    for (const { epoch, of = 0 } of this.#outstanding) {
      // Fewer claims than places cannot be a whole view: ten thousand members that claim are looked through once, not each time.
      if (epoch > newest) total = of
      newest = Math.max(newest, epoch)
      if (this.#outstanding.size < total) return
    }
    const members: string[] = []
    for (const tenure of this.#outstanding) {
      if (tenure.epoch < newest) {
        if (tenure.state === 'held') revoke(tenure, now, this.#desk, 'rebalance')
      } else if (tenure.state === 'held' && tenure.until === undefined && tenure.of === total) {
        members[tenure.item - 1] = tenure.session.id
      }
    }
    if (total === 0 || Object.keys(members).length !== total || members.length !== total) return
    this.#view = { epoch: newest, members }
    this.#known = true
  }

  yield(tenure: Tenure, now: Instant): void {
    yieldUp(tenure, now)
    this.#restUntil = 0
  }

  release(tenure: Tenure): void {
    tenure.session.tenures.delete(tenure.item)
    this.#outstanding.delete(tenure)
    if (this.#outstanding.size === 0) this.#restUntil = 0
  }

  orphan(session: Session, until: Instant): void {
    this.#restUntil = 0
    for (const tenure of session.tenures.values()) tenure.until = Math.min(tenure.until ?? until, until)
  }

  replan(now: Instant): void {
    this.#due = true
    this.#restUntil = 0
    this.#takeBack(now)
  }

  #takeBack(now: Instant): void {
    if (this.#unchanged()) {
      this.#due = false
      return
    }
    if (!this.#barrierMayEnd(now)) return
    for (const tenure of this.#outstanding) {
      if (tenure.state === 'held' && tenure.until === undefined) this.#revoke(tenure, now)
    }
  }

  #revoke(tenure: Tenure, now: Instant): void {
    revoke(tenure, now, this.#desk, 'rebalance')
    const { item: index, of: total = 0, epoch, session } = tenure
    this.#desk.emit({ type: 'slot.revoked', index, total, member: session.id, epoch, because: 'rebalance' })
  }

  /** The same members hold the whole view already: somebody came and went, and nothing has to move. */
  #unchanged(): boolean {
    const view = this.#view
    if (view === undefined || view.members.length !== this.#desk.sessions.size) return false
    if (this.#outstanding.size !== view.members.length) return false
    for (const { state, until, epoch, item, session } of this.#outstanding) {
      if (state !== 'held' || until !== undefined || epoch !== view.epoch) return false
      if (view.members[item - 1] !== session.id || this.#desk.sessions.get(session.id) !== session) return false
    }
    return true
  }

  #barrierMayEnd(now: Instant): boolean {
    return this.#known || now >= this.#desk.ceilingUntil
  }

  advance(now: Instant): void {
    if (now < this.#restUntil) return
    for (const tenure of this.#outstanding) {
      stopOverrun(tenure, now, this.#desk)
      if (lapsed(tenure, now)) this.release(tenure)
    }
    if (this.#due && this.#barrierMayEnd(now)) {
      this.#takeBack(now)
      if (this.#due && this.#outstanding.size === 0 && this.#desk.hasEpoch()) this.#grantView()
    }
    this.#restUntil = this.#nextChangeAt(now)
  }

  #grantView(): void {
    const { sessions } = this.#desk
    const members = orderMembers(this.#view?.members ?? [], [...sessions.values()])
    const epoch = this.#desk.nextEpoch()
    const total = members.length
    this.#view = { epoch, members }
    this.#known = true
    this.#due = false
    for (const [place, id] of members.entries()) {
      const session = sessions.get(id) as Session
      const grantOrder = session.order + 1
      const item = place + 1
      const tenure: Tenure = {
        session,
        item,
        of: total,
        epoch,
        grantOrder,
        state: 'held',
        revokedAt: undefined,
        until: undefined,
        because: 'rebalance',
      }
      session.tenures.set(item, tenure)
      this.#outstanding.add(tenure)
      this.#desk.tell(session)
      this.#desk.emit({ type: 'slot.granted', index: item, total, member: id, epoch, because: 'settled' })
    }
  }

  complete(): boolean {
    return !this.#due
  }

  #nextChangeAt(now: Instant): Instant {
    if (this.#due && this.#outstanding.size === 0 && !this.#desk.hasEpoch()) return 0
    // Once the ceiling has passed, only its holders are waited for.
    let at = this.#due && !this.#barrierMayEnd(now) ? this.#desk.ceilingUntil : Number.POSITIVE_INFINITY
    for (const tenure of this.#outstanding) at = Math.min(at, tenureWakeAt(tenure, this.#desk))
    return at
  }

  wakeAt(): Instant | undefined {
    return this.#restUntil > 0 && Number.isFinite(this.#restUntil) ? this.#restUntil : undefined
  }
}
