import type { Generation } from '../lease.ts'
import type { Holding, ShareMessage } from './messages.ts'
import { holdingOf, type Session } from './session.ts'

interface SharingGroup extends Pick<ShareMessage, 'state' | 'epoch' | 'share'> {
  readonly name: string
  readonly settings: Pick<ShareMessage, 'leaseMs'>
  readonly sessions: ReadonlyMap<string, Session>
}

/** What a member is told: its whole share, each time. It counts as one more answer or push of its session. */
export const shareMessage = (group: SharingGroup, session: Session, generation: Generation): ShareMessage => {
  const holding: Holding[] = []
  const revoked: Holding[] = []
  for (const tenure of session.tenures.values()) {
    // No longer renewed: what is in neither list lasts as long as its earlier lease.
    if (tenure.until !== undefined) continue
    if (tenure.state === 'held') holding.push(holdingOf(tenure))
    else revoked.push(holdingOf(tenure))
  }
  return {
    type: 'share',
    group: group.name,
    member: session.id,
    bootId: session.bootId,
    generation,
    incarnation: session.incarnation,
    sequence: session.sequence,
    order: ++session.order,
    state: group.state,
    epoch: group.epoch,
    leaseMs: group.settings.leaseMs,
    members: group.sessions.size,
    share: group.share,
    holding,
    revoked,
  }
}
