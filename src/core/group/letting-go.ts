import type { Instant } from '../time.ts'
import type { Book } from './book.ts'
import type { Renew } from './messages.ts'
import type { Session } from './session.ts'

/** Frees what the member says, by word or by silence, that it no longer believes. True when a place that was meant for it is now nobody's. */
export const letGo = (session: Session, message: Renew, book: Book, now: Instant): boolean => {
  let hole = false
  for (const { item, epoch } of message.acknowledged) {
    const tenure = session.tenures.get(item)
    // Quoting the epoch: an acknowledgement of an earlier revoke must not free a later grant.
    if (tenure?.epoch !== epoch) continue
    hole ||= tenure.state === 'held'
    book.release(tenure)
  }
  const holding = new Map(message.holding.map(({ item, epoch }) => [item, epoch]))
  const draining = new Map(message.draining.map(({ item, epoch }) => [item, epoch]))
  // Order numbers are those of one session: a straggler from before this member expired quotes a high one, and has seen nothing.
  const seen = message.incarnation === session.incarnation && message.order <= session.order ? message.order : -1
  for (const tenure of session.tenures.values()) {
    const { item, epoch, since, state, grantOrder } = tenure
    if (holding.get(item) === epoch) continue
    const drained = draining.get(item)
    if (drained !== undefined && drained >= since && drained <= epoch) {
      if (state === 'revoked') continue
      // By its holder's own wish, perhaps under an epoch of before the last renumbering: it will be let go, and must come back at a higher one.
      book.yield(tenure, now)
      hole = true
    } else if (seen >= grantOrder) {
      hole ||= state === 'held'
      book.release(tenure)
    }
  }
  return hole
}
