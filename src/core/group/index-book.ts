import { orderMembers } from '../assignment/modulo.ts'
import type { Epoch } from '../lease.ts'
import type { Instant } from '../time.ts'
import { type Book, type Desk, revoke, stopOverrun, tenureWakeAt, yieldUp } from './book.ts'
import type { Holding } from './messages.ts'
import { adoptedTenure, grantedTenure, lapsed, type Session, type Tenure } from './session.ts'

interface View {
  readonly epoch: Epoch
  /** By place. */
  readonly members: readonly string[]
  /** By member, from 1. */
  readonly places: ReadonlyMap<string, number>
}

const viewOf = (epoch: Epoch, members: readonly string[]): View => ({
  epoch,
  members,
  places: new Map(members.map((id, place) => [id, place + 1])),
})

/**
 * Numbered places: one view at a time, all of it granted in one step, and no view before every holder of an earlier one has
 * acknowledged or lapsed (the barrier). An index's epoch is its view's, because a key moves between indexes.
 *
 * Whoever has the same index of the same total in the next view need not let go of it: its keys go to nobody else, so its place goes on
 * under the epoch of that view.
 */
export class IndexBook implements Book {
  readonly #desk: Desk
  readonly #outstanding = new Set<Tenure>()
  /** Those of them that the barrier waits for: asked to be let go, or not renewed any more. */
  readonly #departing = new Set<Tenure>()
  #view: View | undefined
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
      const tenure = adoptedTenure(session, held, state, now)
      session.tenures.set(tenure.item, tenure)
      this.#outstanding.add(tenure)
      if (state === 'revoked') this.#departing.add(tenure)
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
        if (tenure.state === 'held') this.#revoke(tenure, now)
      } else if (tenure.state === 'held' && tenure.until === undefined && tenure.of === total) {
        members[tenure.item - 1] = tenure.session.id
      }
    }
    if (total === 0 || Object.keys(members).length !== total || members.length !== total) return
    this.#view = viewOf(newest, members)
    this.#known = true
  }

  yield(tenure: Tenure, now: Instant): void {
    yieldUp(tenure, now)
    this.#departing.add(tenure)
    this.#restUntil = Math.min(this.#restUntil, tenureWakeAt(tenure, this.#desk))
  }

  release(tenure: Tenure): void {
    tenure.session.tenures.delete(tenure.item)
    this.#outstanding.delete(tenure)
    this.#departing.delete(tenure)
    if (this.#departing.size === 0) this.#restUntil = 0
  }

  orphan(session: Session, until: Instant): void {
    for (const tenure of session.tenures.values()) {
      tenure.until = Math.min(tenure.until ?? until, until)
      this.#departing.add(tenure)
      // Not to be looked at before: with ten thousand members every look costs, and nothing ends earlier.
      this.#restUntil = Math.min(this.#restUntil, tenure.until)
    }
  }

  keep({ id }: Session): boolean {
    return this.#view?.places.has(id) ?? false
  }

  keptFor(id: string): readonly number[] {
    const place = this.#view?.places.get(id)
    return place === undefined ? [] : [place]
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
    const next = this.#order()
    for (const tenure of this.#outstanding) {
      if (tenure.state !== 'held' || tenure.until !== undefined || this.#stays(tenure, next)) continue
      this.#revoke(tenure, now)
      const { item: index, of: total = 0, epoch, session, because } = tenure
      this.#desk.emit({ type: 'slot.revoked', index, total, member: session.id, epoch, because })
    }
  }

  #revoke(tenure: Tenure, now: Instant): void {
    revoke(tenure, now, this.#desk, tenure.session.drained ? 'drained' : 'rebalance')
    this.#departing.add(tenure)
  }

  /** Who has which place in the next view, if it were granted now. */
  #order(): readonly string[] {
    const { sessions, kept } = this.#desk
    return orderMembers(this.#view?.members ?? [], [...sessions.values(), ...kept.values()])
  }

  /** It is the same place of as many in the next view, and the same process has it. */
  #stays({ item, of, session }: Tenure, next: readonly string[]): boolean {
    return of === next.length && next[item - 1] === session.id && this.#desk.sessions.get(session.id) === session
  }

  /** The same members hold the whole view already: somebody came and went, and nothing has to move. */
  #unchanged(): boolean {
    const view = this.#view
    const { sessions, kept } = this.#desk
    if (view === undefined || view.members.length !== sessions.size + kept.size) return false
    if (this.#outstanding.size !== sessions.size) return false
    for (const { state, until, epoch, item, session } of this.#outstanding) {
      if (state !== 'held' || until !== undefined || epoch !== view.epoch) return false
      if (view.members[item - 1] !== session.id || sessions.get(session.id) !== session) return false
    }
    return kept.size === 0 || view.members.every((id) => sessions.has(id) || kept.has(id))
  }

  #barrierMayEnd(now: Instant): boolean {
    return this.#known || !this.#desk.mayBeHeldUnheard(now)
  }

  lookAgain(): void {
    this.#restUntil = 0
  }

  advance(now: Instant): void {
    if (now < this.#restUntil) return
    for (const tenure of this.#departing) {
      stopOverrun(tenure, now, this.#desk)
      if (lapsed(tenure, now)) this.release(tenure)
    }
    if (this.#due && this.#barrierMayEnd(now)) {
      this.#takeBack(now)
      if (this.#due && this.#departing.size === 0 && this.#desk.hasEpoch()) this.#grantView()
    }
    this.#restUntil = this.#nextChangeAt(now)
  }

  #grantView(): void {
    const { sessions } = this.#desk
    const members = this.#order()
    const epoch = this.#desk.nextEpoch()
    const total = members.length
    this.#view = viewOf(epoch, members)
    this.#known = true
    this.#due = false
    for (const [place, id] of members.entries()) {
      const session = sessions.get(id)
      // Its place is kept.
      if (session === undefined) continue
      const index = place + 1
      const before = session.tenures.get(index)
      const because = before === undefined ? 'settled' : 'renumbered'
      const granted = grantedTenure(session, { item: index, of: total, epoch }, because)
      const tenure = before === undefined ? granted : { ...granted, since: before.since }
      if (before !== undefined) this.#outstanding.delete(before)
      session.tenures.set(index, tenure)
      this.#outstanding.add(tenure)
      this.#desk.tell(session)
      this.#desk.emit({ type: 'slot.granted', index, total, member: id, epoch, because })
    }
  }

  complete(): boolean {
    return !this.#due
  }

  #nextChangeAt(now: Instant): Instant {
    if (this.#due && this.#departing.size === 0 && !this.#desk.hasEpoch()) return 0
    // Once the ceiling has passed, only its holders are waited for.
    let at = this.#due && !this.#barrierMayEnd(now) ? this.#desk.ceilingUntil : Number.POSITIVE_INFINITY
    for (const tenure of this.#departing) at = Math.min(at, tenureWakeAt(tenure, this.#desk))
    return at
  }

  wakeAt(): Instant | undefined {
    return this.#restUntil > 0 && Number.isFinite(this.#restUntil) ? this.#restUntil : undefined
  }
}
