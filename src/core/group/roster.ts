import type { Instant, Millis } from '../time.ts'
import type { Session } from './session.ts'

/** How many members may be taken for gone in one step, so that ten thousand falling silent do not stall everybody else. */
const EXPIRIES_PER_STEP = 500

/** The live members of a group, and who of them has been silent for too long. */
export class Roster {
  /** In order of their last renewal, so the first is the next to expire. */
  readonly #sessions = new Map<string, Session>()
  /** No later than the first expiry. Asking the map each time would walk over all that moved to its end. */
  #expiresBy: Instant = Number.POSITIVE_INFINITY

  get sessions(): ReadonlyMap<string, Session> {
    return this.#sessions
  }

  add(session: Session): void {
    this.#sessions.set(session.id, session)
    this.#expiresBy = Math.min(this.#expiresBy, session.expiresAt)
  }

  /** It is the last to expire now. */
  renewed(session: Session): void {
    this.#sessions.delete(session.id)
    this.#sessions.set(session.id, session)
  }

  remove(id: string): void {
    this.#sessions.delete(id)
  }

  /** Those that have been silent for too long, or as many of them as one step can bear: `wakeAt` says when the next ones are due. */
  expired(now: Instant): readonly Session[] {
    if (now < this.#expiresBy) return []
    const expired: Session[] = []
    this.#expiresBy = Number.POSITIVE_INFINITY
    for (const session of this.#sessions.values()) {
      if (session.expiresAt > now || expired.length === EXPIRIES_PER_STEP) {
        this.#expiresBy = session.expiresAt
        break
      }
      expired.push(session)
    }
    return expired
  }

  /** Only patience moves: no lease is shortened by it, and none lengthened. */
  stalled(forMs: Millis): void {
    for (const session of this.#sessions.values()) session.expiresAt += forMs
  }

  wakeAt(): Instant {
    return this.#expiresBy
  }
}
