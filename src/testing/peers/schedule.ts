import type { Random } from '../../core/random.ts'
import type { Millis } from '../../core/time.ts'
import { drawSchedule } from '../cluster/schedule.ts'
import { exponential, pick } from '../simulation/conditions.ts'
import type { PeersConditions } from './conditions.ts'
import {
  type AnyFault,
  LEADER,
  MEMBER_FAULTS,
  type MemberFault,
  type MemberFaultName,
  PEER_FAULTS,
  type PeerFault,
  type PeerFaultName,
} from './fault.ts'

/** How long things go wrong. */
export const faultsForMs = ({ profile, cluster: { timing } }: PeersConditions): Millis =>
  (profile === 'quiet' ? 3 : profile === 'failover' ? 12 : 8) * timing.leaseMs

/** What happens when, drawn from the seed. */
export const drawPeersSchedule = (
  random: Random,
  conditions: PeersConditions,
  peers: readonly string[],
  members: readonly string[],
): readonly AnyFault[] => {
  const { faults, cluster, profile } = conditions
  const forMs = faultsForMs(conditions)
  if (profile === 'failover') return drawFailovers(random, conditions, peers, forMs)
  const ofMembers = MEMBER_FAULTS.filter((name) => faults.includes(name))
  const ofPeers = PEER_FAULTS.filter((name) => faults.includes(name))
  const { leaseMs } = cluster.timing
  const many = profile === 'handovers' ? 1 : Math.max(1, faults.length / 3)
  const everyMs = leaseMs * pick(random, [0.7, 1.5, 3]) * many
  const schedule: AnyFault[] = []
  for (const name of ofPeers) {
    const own = random.fork(`fault ${name}`)
    const meanMs = everyMs * (name === 'rolling' ? 2 : 1)
    for (let atMs = exponential(own, meanMs); atMs < forMs; atMs += exponential(own, meanMs))
      schedule.push(drawFault(own, name, Math.round(atMs), peers, members, conditions))
  }
  const more = drawSchedule(random.fork('members'), ofMembers, members, cluster, forMs).filter(isKnown)
  return [...schedule, ...more].sort((a, b) => a.atMs - b.atMs)
}

const isKnown = (fault: { readonly fault: string }): fault is MemberFault =>
  MEMBER_FAULTS.includes(fault.fault as MemberFaultName)

/** The leader alone goes, and is back before the next one does: everybody has heard from one leader before it is gone. */
const drawFailovers = (
  random: Random,
  { cluster: { timing } }: PeersConditions,
  peers: readonly string[],
  forMs: Millis,
): readonly AnyFault[] => {
  const { leaseMs, electionMaxMs, reconnectMaxMs } = timing
  const restMs = 2 * electionMaxMs + reconnectMaxMs + leaseMs
  const schedule: AnyFault[] = []
  for (let atMs = 0.5 * leaseMs; atMs < forMs; ) {
    const isTransfer = random.next() < 0.4
    const downMs = Math.round(random.next() * leaseMs * 0.5)
    const other = random.next() < 0.5 ? { other: pick(random, peers) } : {}
    const at = { atMs: Math.round(atMs), peer: LEADER }
    schedule.push(isTransfer ? { ...at, fault: 'transfer', ...other } : { ...at, fault: 'peerCrash', forMs: downMs })
    atMs += (isTransfer ? 0 : downMs) + restMs * (1 + random.next())
  }
  return schedule
}

const drawFault = (
  random: Random,
  fault: PeerFaultName,
  atMs: Millis,
  peers: readonly string[],
  members: readonly string[],
  { cluster: { timing } }: PeersConditions,
): PeerFault => {
  const { leaseMs, electionMaxMs, leaderLeaseMs } = timing
  // The leader as often as not: it has more to lose.
  const peer = random.next() < 0.5 ? LEADER : pick(random, peers)
  const upTo = (ms: Millis) => Math.max(1, Math.round(random.next() * ms))
  const someTime = upTo(electionMaxMs * pick(random, [1, 3, 10]))
  const on = { atMs, fault, peer }
  switch (fault) {
    case 'peerCrash':
      return {
        ...on,
        forMs: upTo(pick(random, [0.1, 1, 3]) * leaseMs),
        ...(random.next() < 0.2 && { silent: true }),
      }
    case 'peerLosesDisk':
      return {
        ...on,
        forMs: upTo(pick(random, [0.1, 1]) * leaseMs),
        ...(random.next() < 0.3 && { charterAlone: true }),
      }
    case 'peerStop':
      return { ...on, forMs: upTo(pick(random, [0.1, 1]) * leaseMs) }
    case 'peerPause':
    case 'peerSuspend':
      return { ...on, forMs: upTo(pick(random, [3 * leaderLeaseMs, leaseMs, 2.5 * leaseMs])) }
    case 'peerWallClock':
      return { ...on, byMs: Math.round((random.next() * 2 - 1) * pick(random, [10, 1_000, 3.6e6])) }
    case 'peerDiskSlow':
      return { ...on, byMs: upTo(electionMaxMs), forMs: someTime }
    case 'peerSlow':
      return { ...on, byMs: upTo(pick(random, [0.2, 1]) * electionMaxMs), forMs: someTime }
    case 'pairCut':
      return { ...on, other: pick(random, peers), forMs: someTime }
    case 'memberCut':
      return { ...on, other: pick(random, members), forMs: upTo(2 * leaseMs) }
    case 'operatorEvicts':
      return { ...on, other: pick(random, members) }
    case 'transfer':
      return { ...on, peer: LEADER, ...(random.next() < 0.5 && { other: pick(random, peers) }) }
    case 'rolling':
      return { ...on, forMs: upTo(leaseMs * 0.5) }
    default:
      return { ...on, forMs: someTime }
  }
}
