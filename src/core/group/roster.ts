import type { Instant, Millis } from '../time.ts'
import type { Renew } from './messages.ts'
import type { Session } from './session.ts'

/** How many members may be taken for gone in one step, so that ten thousand falling silent do not stall everybody else. */
const EXPIRIES_PER_STEP = 500

type Seat = Pick<Renew, 'member' | 'bootId'>

/** The live members of a group, and who of them has been silent for too long. */
export class Roster {
  /** In order of their last renewal, so the first is the next to expire. */
  readonly #sessions = new Map<string, Session>()
  /** Those of them that can expire, in the same order, once somebody vouches for any. */
  #mortal: Set<Session> | undefined
  /** No later than the first expiry. Asking the map each time would walk over all that moved to its end. */
  #expiresBy: Instant = Number.POSITIVE_INFINITY

  get sessions(): ReadonlyMap<string, Session> {
    return this.#sessions
  }

  add(session: Session): void {
    this.#sessions.set(session.id, session)
    this.#mortal?.add(session)
    this.#expiresBy = Math.min(this.#expiresBy, session.expiresAt)
  }

  /** It is the last to expire now. */
  renewed(session: Session): void {
    this.#sessions.delete(session.id)
    this.#sessions.set(session.id, session)
    if (session.presence === 'vouched') return
    // Its own word, though somebody else had said that it is gone.
    session.presence = 'renewed'
    this.#mortal?.delete(session)
    this.#mortal?.add(session)
  }

  remove(id: string): void {
    const session = this.#sessions.get(id)
    this.#sessions.delete(id)
    if (session !== undefined) this.#mortal?.delete(session)
  }

  /** Somebody else says from now on whether it is there. Gives back whoever was gone, as far as was known, and is there again. */
  vouched({ member, bootId }: Seat): Session | undefined {
    const session = this.#sessions.get(member)
    if (session?.bootId !== bootId || session.presence === 'vouched') return undefined
    const { presence } = session
    session.presence = 'vouched'
    this.#mortal ??= new Set(this.#sessions.values())
    this.#mortal.delete(session)
    return presence === 'gone' ? session : undefined
  }

  /** It was there until now, and expires as whoever renewed last. */
  gone({ member, bootId }: Seat, now: Instant, lastsMs: Millis): void {
    const session = this.#sessions.get(member)
    if (session?.bootId !== bootId || session.presence !== 'vouched') return
    session.presence = 'gone'
    session.renewedAt = now
    session.expiresAt = now + lastsMs
    this.#mortal?.add(session)
    this.#expiresBy = Math.min(this.#expiresBy, session.expiresAt)
  }

  /** Those that have been silent for too long, or as many of them as one step can bear: `wakeAt` says when the next ones are due. */
  expired(now: Instant): readonly Session[] {
    if (now < this.#expiresBy) return []
    const expired: Session[] = []
    this.#expiresBy = Number.POSITIVE_INFINITY
    for (const session of this.#mortal ?? this.#sessions.values()) {
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
    for (const session of this.#mortal ?? this.#sessions.values()) session.expiresAt += forMs
  }

  wakeAt(): Instant {
    return this.#expiresBy
  }
}
