import type { Epoch } from '../lease.ts'
import type { Instant } from '../time.ts'
import { type Book, type Desk, stopOverrun, tenureWakeAt, yieldUp } from './book.ts'
import type { InstantDesk, RunEnd } from './instants.ts'
import { type Holding, type Ran, TENURE } from './messages.ts'
import { adoptedTenure, grantedTenure, lapsed, type Session, type Tenure } from './session.ts'

/**
 * One run, had by one member at most, ever: to whoever came first it is granted when its instant has come, and when that has let go of it,
 * by its word or by its lease, it is over. What an earlier coordinator may have granted is only adopted, from whoever claims it.
 */
export class OnceBook implements Book {
  readonly #desk: Desk
  readonly #instant: InstantDesk
  /** Whoever may still run it. More than one only where an earlier coordinator had forgotten what it gave. */
  readonly #tenures = new Set<Tenure>()
  #latest: Tenure | undefined
  #end: RunEnd | undefined
  #wakeAt: Instant | undefined

  constructor(desk: Desk, instant: InstantDesk) {
    this.#desk = desk
    this.#instant = instant
  }

  /** How it ended; `undefined` until it has. */
  get end(): RunEnd | undefined {
    return this.#end
  }

  get epoch(): Epoch {
    return this.#latest?.epoch ?? 0
  }

  adopt(session: Session, holding: readonly Holding[], draining: readonly Holding[], now: Instant): void {
    for (const held of holding) this.#claim(session, held, 'held', now)
    for (const held of draining) this.#claim(session, held, 'revoked', now)
  }

  #claim(session: Session, held: Holding, state: Tenure['state'], now: Instant): void {
    if (held.item !== TENURE || held.of !== undefined || session.tenures.has(TENURE)) return
    this.#give(adoptedTenure(session, held, state, now))
  }

  #give(tenure: Tenure): void {
    this.#tenures.add(tenure)
    this.#latest = tenure
    tenure.session.tenures.set(TENURE, tenure)
  }

  /** Its holder is on its way out, by its own wish. */
  yield(tenure: Tenure, now: Instant): void {
    yieldUp(tenure, now)
  }

  /** In the words of whoever ran it. Everybody may read its token; its boot id, only itself knows. */
  report({ token, outcome }: Ran, bootId: string): void {
    const tenure = [...this.#tenures].find(({ epoch, session }) => epoch === token && session.bootId === bootId)
    const isFromBefore = this.#latest === undefined && this.#instant.isPast && this.#instant.isEarlier(token)
    if (tenure === undefined && !isFromBefore) return
    this.#end ??= { conclusion: outcome, token, ...(tenure !== undefined && { member: tenure.session.id }) }
  }

  release(tenure: Tenure): void {
    tenure.session.tenures.delete(TENURE)
    this.#tenures.delete(tenure)
    if (this.#tenures.size > 0) return
    const { epoch: token, session } = tenure
    this.#end ??= { conclusion: 'lost', token, member: session.id }
  }

  orphan(session: Session, until: Instant): void {
    for (const tenure of session.tenures.values()) tenure.until = Math.min(tenure.until ?? until, until)
  }

  keep(): boolean {
    return false
  }

  keptFor(): readonly number[] {
    return []
  }

  replan(): void {}

  lookAgain(): void {}

  advance(now: Instant): void {
    this.#wakeAt = undefined
    for (const tenure of this.#tenures) {
      stopOverrun(tenure, now, this.#desk)
      if (lapsed(tenure, now)) this.release(tenure)
      else this.#wakeBy(tenureWakeAt(tenure, this.#desk))
    }
    if (this.#end !== undefined) return
    if (this.#tenures.size > 0 || this.#desk.sessions.size === 0) return
    if (!this.#instant.isPast) return this.#begin(now)
    if (this.#desk.mayBeHeldUnheard(now)) this.#wakeBy(this.#desk.ceilingUntil)
    else this.#end = { conclusion: 'unknown' }
  }

  #begin(now: Instant): void {
    const comesAt = this.#instant.comesAt()
    if (now < comesAt) return this.#wakeBy(comesAt)
    if (!this.#desk.hasEpoch() || !this.#instant.isMarked()) return
    const first = firstOf(this.#desk.sessions)
    const epoch = this.#desk.nextEpoch()
    this.#give(grantedTenure(first, { item: TENURE, epoch }, 'joined'))
    this.#desk.tell(first)
    this.#desk.emit({ type: 'once.granted', member: first.id, epoch })
  }

  #wakeBy(at: Instant): void {
    if (Number.isFinite(at)) this.#wakeAt = Math.min(this.#wakeAt ?? at, at)
  }

  complete(): boolean {
    return true
  }

  wakeAt(): Instant | undefined {
    return this.#wakeAt
  }
}

/** Whoever came first, of one at least. */
const firstOf = (sessions: ReadonlyMap<string, Session>): Session =>
  [...sessions.values()].reduce((first, session) => (session.incarnation < first.incarnation ? session : first))
