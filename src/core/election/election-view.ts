import type { Instant } from '../time.ts'
import type { ElectionDesk, ElectionView } from './io.ts'
import type { LeaderBook } from './leader-book.ts'
import { majorityOf } from './quorum.ts'
import type { Refusals } from './refusals.ts'
import type { Reign } from './reign.ts'
import type { Standing } from './standing.ts'
import type { Voter } from './voter.ts'

export type Role =
  | { readonly name: 'idle' | 'new' | 'sittingOut' | 'follower' | 'preCandidate' | 'candidate' }
  | { readonly name: 'leader'; readonly reign: Reign }

interface Parts {
  readonly voter: Voter
  readonly standing: Standing
  readonly book: LeaderBook
  readonly refusals: Refusals
}

/** A picture of one voter that later steps do not change. */
export const viewOf = (role: Role, desk: ElectionDesk, { voter, standing, book, refusals }: Parts): ElectionView => {
  const { ids } = desk.voters
  const reign = role.name === 'leader' ? role.reign : undefined
  return {
    role: role.name === 'new' && standing.rejoining ? 'rejoining' : role.name,
    term: voter.term,
    voters: ids,
    quorum: majorityOf(ids.length),
    ...(book.known !== undefined && { leader: book.known }),
    leaderUntil: book.until,
    leaseUntil: reign?.lease.until ?? Number.NEGATIVE_INFINITY,
    sitOutUntil: voter.sitOutUntil,
    waitingFor: standing.waitingFor,
    refusedBy: new Map(refusals.ofUs),
    observers: reign?.observers ?? 0,
  }
}

/** When something is due that the role, the promises and the leader that is known ask for; never: infinity. */
export const wakeOf = (role: Role, desk: ElectionDesk, { voter, book }: Pick<Parts, 'voter' | 'book'>): Instant => {
  if (role.name === 'sittingOut') return Math.min(book.wakeAt, voter.sitOutUntil)
  if (role.name !== 'leader') return book.wakeAt
  const { beatAt, quorumAt, lease } = role.reign
  const at = Math.min(book.wakeAt, beatAt, quorumAt)
  // Only to tell of its end: whether it leads, `leads` says at every use.
  const left = lease.until - desk.at.holder
  return book.tellsOfOwn && left > 0 ? Math.min(at, desk.at.grantor + left) : at
}
