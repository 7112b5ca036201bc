import type { Random } from '../../core/random.ts'
import type { Millis } from '../../core/time.ts'
import { drawSchedule } from '../cluster/schedule.ts'
import { exponential, pick } from '../simulation/conditions.ts'
import type { EtcdConditions } from './conditions.ts'
import {
  type AnyFault,
  COORDINATING,
  ETCD_FAULTS,
  type EtcdFault,
  MEMBER_FAULTS,
  type MemberFault,
  type OfEtcd,
  type OfMember,
} from './fault.ts'
import { drawMisfortunes } from './misfortunes.ts'

/** The shortest time after which etcd takes a lease away. */
const TTL_MS: Millis = 2_000
/** After which somebody else coordinates than one who is dead, about. */
const SEAT_MS: Millis = 5_000

/** How long things go wrong. */
export const faultsForMs = ({ profile, cluster: { timing } }: EtcdConditions): Millis =>
  profile === 'quiet' ? 3 * timing.leaseMs + TTL_MS : 6 * timing.leaseMs + 8 * TTL_MS

/** Less often than others: each is felt by everybody, or takes long to get over. */
const RARE: ReadonlySet<OfEtcd> = new Set([
  'etcdDown',
  'leaseExpires',
  'seatExpires',
  'coordinatorCrash',
  'coordinatorStop',
  'coordinatorPause',
  'coordinatorSuspend',
])

/** What happens when, drawn from the seed. */
export const drawEtcdSchedule = (
  random: Random,
  conditions: EtcdConditions,
  members: readonly string[],
): readonly AnyFault[] => {
  const { faults, cluster, profile } = conditions
  const forMs = faultsForMs(conditions)
  if (profile === 'failover') return drawFailovers(random, conditions, forMs)
  const ofMembers = MEMBER_FAULTS.filter((name) => faults.includes(name))
  const many = Math.max(1, faults.length / 3)
  const everyMs = (cluster.timing.leaseMs + TTL_MS) * pick(random, [0.4, 1, 2]) * many
  const schedule: AnyFault[] = []
  for (const name of ETCD_FAULTS) {
    if (!faults.includes(name)) continue
    const own = random.fork(`fault ${name}`)
    const meanMs = everyMs * (RARE.has(name) ? 1.5 : 1)
    for (let atMs = exponential(own, meanMs); atMs < forMs; atMs += exponential(own, meanMs))
      schedule.push(drawFault(own, name, Math.round(atMs), members, conditions))
  }
  const more = drawSchedule(random.fork('members'), ofMembers, members, cluster, forMs).filter(isKnown)
  const together =
    profile === 'misfortunes' ? drawMisfortunes(random.fork('misfortunes'), conditions, members, forMs) : []
  return [...schedule, ...more, ...together].sort((a, b) => a.atMs - b.atMs)
}

const isKnown = (fault: { readonly fault: string }): fault is MemberFault =>
  MEMBER_FAULTS.includes(fault.fault as OfMember)

/**
 * Whoever coordinates goes, and everybody has heard from the next one before that goes: while one that was killed is still named in etcd, nobody
 * renews what others gave.
 */
const drawFailovers = (random: Random, { cluster }: EtcdConditions, forMs: Millis): readonly AnyFault[] => {
  const { leaseMs } = cluster.timing
  const schedule: AnyFault[] = []
  for (let atMs = leaseMs * random.next(); atMs < forMs; atMs += (SEAT_MS + leaseMs) * (1 + random.next())) {
    const fault = random.next() < 0.5 ? 'seatExpires' : 'coordinatorCrash'
    const at = { atMs: Math.round(atMs), fault } as const
    schedule.push(fault === 'seatExpires' ? at : { ...at, forMs: Math.round(leaseMs * random.next()) })
  }
  return schedule
}

const drawFault = (
  random: Random,
  fault: OfEtcd,
  atMs: Millis,
  members: readonly string[],
  { cluster: { timing }, etcd: { requestMs } }: EtcdConditions,
): EtcdFault => {
  const { leaseMs } = timing
  // Whoever coordinates as often as not: it has more to lose.
  const on = random.next() < 0.5 ? COORDINATING : pick(random, members)
  const someone = random.next() < 0.3 ? {} : { on }
  const upTo = (ms: Millis) => Math.max(1, Math.round(random.next() * ms))
  const someTime = upTo((leaseMs + TTL_MS) * pick(random, [0.2, 1, 2]))
  const chance = pick(random, [0.05, 0.3, 1])
  switch (fault) {
    case 'compaction':
    case 'seatExpires':
      return { atMs, fault }
    case 'watchesBreak':
      return { atMs, fault, ...someone }
    case 'watchesLag':
      return { atMs, fault, ...someone, forMs: someTime }
    case 'leaseExpires':
      return { atMs, fault, on }
    case 'callsLate':
      return { atMs, fault, on, chance, forMs: someTime, byMs: upTo(pick(random, [0.3, 1, 3]) * leaseMs) }
    case 'requestsSlow':
    case 'answersSlow':
      return { atMs, fault, on, forMs: someTime, byMs: upTo(pick(random, [0.5, 1]) * requestMs) }
    case 'answersLost':
    case 'requestsLost':
      return { atMs, fault, on, chance, forMs: someTime }
    case 'coordinatorCrash':
      return { atMs, fault, forMs: someTime, ...(random.next() < 0.3 && { silent: true }) }
    default:
      return { atMs, fault, forMs: someTime }
  }
}
