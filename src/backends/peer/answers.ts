import type { PeerMessage } from '../../core/election/messages.ts'
import type { ReplicaMessage } from '../../core/replication/messages.ts'
import type { LinkMessage } from '../../wire/peers/frames.ts'

const OF_THE_ELECTION: readonly PeerMessage['type'][] = [
  'new',
  'founding',
  'admissible',
  'rejoined',
  'preVoted',
  'voted',
  'acked',
  'outranked',
  'refused',
]
const OF_THE_CHARTER: readonly ReplicaMessage['type'][] = ['collected', 'stored', 'superseded', 'recovered']

/** What may come back on a connection of one's own. All else comes on one whose other end has shown who it is. */
export const ANSWERS: ReadonlySet<LinkMessage['type']> = new Set([...OF_THE_ELECTION, ...OF_THE_CHARTER])
/** What comes back to an observer: it asks for nothing else. */
export const ANSWERS_TO_OBSERVERS: ReadonlySet<LinkMessage['type']> = new Set<PeerMessage['type']>(['beat', 'refused'])
/** What comes only there: each of these goes back on the connection on which it was asked for. */
export const CHARTER_ANSWERS: ReadonlySet<LinkMessage['type']> = new Set(OF_THE_CHARTER)
