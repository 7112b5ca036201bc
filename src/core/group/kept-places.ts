import type { Instant, Millis } from '../time.ts'
import type { Incarnation } from './messages.ts'
import type { Because } from './reasons.ts'
import { lastRenewedAt, type Session } from './session.ts'

/** The place of a static member that has stopped: it counts in every plan, and is nobody's. */
export interface Vacancy {
  readonly id: string
  /** Of the process that had it. */
  readonly incarnation: Incarnation
  readonly weight: number
  readonly until: Instant
}

/** What is kept of whoever stops at `now`: nothing unless it is static and went by itself or fell silent. */
export const vacancyOf = (session: Session, because: Because, graceMs: Millis, now: Instant): Vacancy | undefined => {
  const { id, incarnation, weight, static: isStatic } = session
  if (!isStatic || (because !== 'left' && because !== 'expired')) return undefined
  // Whoever fell silent may have stopped right after its last word.
  const until = (because === 'left' ? now : lastRenewedAt(session, now)) + graceMs
  return until <= now ? undefined : { id, incarnation, weight, until }
}

/** Places that are kept until their members come back, or for a grace. */
export class KeptPlaces {
  readonly #places = new Map<string, Vacancy>()
  /** No later than the first one's end. */
  #firstUntil: Instant = Number.POSITIVE_INFINITY

  get all(): ReadonlyMap<string, Vacancy> {
    return this.#places
  }

  keep(place: Vacancy): void {
    this.#places.set(place.id, place)
    this.#firstUntil = Math.min(this.#firstUntil, place.until)
  }

  /** True when there was one. */
  giveUp(id: string): boolean {
    return this.#places.delete(id)
  }

  /** Gives up, and names, those whose grace is over. */
  expire(now: Instant): readonly string[] {
    if (now < this.#firstUntil) return []
    const expired = [...this.#places.values()].filter(({ until }) => until <= now).map(({ id }) => id)
    for (const id of expired) this.#places.delete(id)
    this.#firstUntil = Math.min(Number.POSITIVE_INFINITY, ...[...this.#places.values()].map(({ until }) => until))
    return expired
  }

  /** Patience, not authority: who could not be heard meanwhile gets that much longer. */
  stalled(forMs: Millis): void {
    for (const [id, place] of this.#places) this.#places.set(id, { ...place, until: place.until + forMs })
  }

  wakeAt(): Instant {
    return this.#firstUntil
  }
}
