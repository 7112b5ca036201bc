import { foundingIdOf } from '../../core/election/founding.ts'
import { MAX_TERM_LEAD, type PeerMessage, type Sender } from '../../core/election/messages.ts'
import { votersOf } from '../../core/election/voters.ts'
import type { Random } from '../../core/random.ts'
import { pick } from '../simulation/conditions.ts'
import type { Peer } from './peer.ts'
import { CLUSTER, type ElectionWorld } from './world.ts'

/** What no term, round, promise or vote is. */
const NONSENSE: readonly unknown[] = [
  Number.NaN,
  2 ** 53,
  1e308,
  -1,
  0.5,
  '7',
  'true',
  1,
  null,
  undefined,
  Number.POSITIVE_INFINITY,
  {},
  [],
]

/** A message that is right in everything but one field. */
export const hostileMessages = (world: ElectionWorld, _to: Peer, random: Random): readonly PeerMessage[] => {
  const { remembered } = world.network
  if (remembered.length === 0) return []
  const { message } = pick(random, remembered)
  const fields = Object.keys(message).filter((name) => name !== 'overriding' && name !== 'round')
  const field = pick(random, fields)
  const value = pick(random, NONSENSE)
  // A number that is as good as another one is no nonsense.
  if (value === 1 && field !== 'granted' && field !== 'sender' && field !== 'type') return []
  // What no type allows is the point.
  return [{ ...message, [field]: value } as PeerMessage]
}

/** Terms that are far ahead: within what is taken, just beyond it, and far beyond. None of them says that anybody voted or let go. */
export const inflatedMessages = (world: ElectionWorld, to: Peer, random: Random): readonly PeerMessage[] => {
  const others = world.ids.filter((id) => id !== to.id)
  if (others.length === 0) return []
  const sender = senderOf(world, pick(random, others))
  const own = to.machine.view().term
  const term = own + pick(random, [1, 1000, MAX_TERM_LEAD - 1, MAX_TERM_LEAD + 1, 2 ** 29, 2 ** 31])
  const { electionMinMs: promiseMs } = to.options.timing
  const round = random.below(1000)
  return [
    pick<PeerMessage>(random, [
      { type: 'preVote', term, round, sender },
      { type: 'vote', term, round, sender },
      // Of the very next term it would be a second leader, which no voter can tell from the first.
      {
        type: 'beat',
        term: Math.max(term, own + 500),
        round,
        promiseMs,
        leads: random.next() < 0.5,
        generation: 1,
        sender,
      },
      { type: 'outranked', term: own, round: 1, ownTerm: term, sender },
      { type: 'preVoted', term: own + 1, round, granted: false, ownTerm: term, sender },
      { type: 'timeoutNow', term, sender },
    ]),
  ]
}

const senderOf = (world: ElectionWorld, id: string): Sender => {
  const record = world.disks.get(id)?.durable
  const { founding, storeId = '' } = record ?? {}
  const bootId = world.peers.get(id)?.bootId ?? `${id}#0`
  const { identity: voters } = votersOf(world.ids)
  return { cluster: CLUSTER, voters, id, bootId, storeId, ...(founding && { founding: foundingIdOf(founding) }) }
}
