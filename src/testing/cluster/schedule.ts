import { itemsIn, type ShareKind } from '../../core/group/messages.ts'
import type { Order } from '../../core/group/orders.ts'
import type { Random } from '../../core/random.ts'
import type { Millis } from '../../core/time.ts'
import { PROTOCOLS } from '../../wire/versions.ts'
import { exponential, pick } from '../simulation/conditions.ts'
import { WEIGHTS } from '../simulation/traits.ts'
import type { ClusterConditions } from './bench.ts'
import { FAULT_NAMES, type Fault, type FaultName } from './fault.ts'

/** What is no fault of the network, the machines or the operators at the time that it happens to be drawn: it has a meaning of its own. */
const DRAWN = FAULT_NAMES.filter((name) => name !== 'failover' && name !== 'weight' && name !== 'order')
/** No faults at all: only our own programs meet them without being asked. */
const WISHES = ['weight', 'order'] as const satisfies readonly FaultName[]
/** Less often than others: each is felt by everybody. */
const RARE: ReadonlySet<FaultName> = new Set([
  'coordinatorCrash',
  'coordinatorStop',
  'coordinatorPause',
  'coordinatorSuspend',
  'twin',
  'evict',
  'join',
  'deaf',
  'version',
  'coordinatorVersion',
])

/** What makes partitions move, and what is worst while they do. */
const MOVERS: ReadonlySet<FaultName> = new Set(['join', 'leave', 'crash'])
const COMPANIONS = ['pause', 'suspend', 'partition', 'dropDown'] as const

/** A random subset of all faults, so that each is also seen without the others. */
export const drawFaultNames = (random: Random): readonly FaultName[] => {
  const share = pick(random, [0.15, 0.3, 0.6])
  const names = DRAWN.filter(() => random.next() < share)
  return names.length > 0 ? names : [pick(random, DRAWN)]
}

/** What members and operators want of the group in a run. */
export const drawWishNames = (random: Random): readonly FaultName[] => WISHES.filter(() => random.next() < 0.3)

/** Each of these faults happens again and again, at times and to members that are drawn. */
export const drawSchedule = (
  random: Random,
  names: readonly FaultName[],
  members: readonly string[],
  conditions: ClusterConditions,
  forMs: Millis,
): readonly Fault[] => {
  const everyMs = conditions.timing.leaseMs * pick(random, [0.7, 2, 4]) * Math.max(1, names.length / 4)
  const schedule: Fault[] = []
  for (const name of names) {
    const own = random.fork(`fault ${name}`)
    const meanMs = everyMs * (RARE.has(name) ? 2.5 : 1)
    for (let atMs = exponential(own, meanMs); atMs < forMs; atMs += exponential(own, meanMs)) {
      schedule.push(drawFault(own, name, Math.round(atMs), members, conditions))
      // Misfortunes come together: what is on the move is hit in the middle of it.
      const next = pick(own, COMPANIONS)
      if (MOVERS.has(name) && names.includes(next) && own.next() < 0.6) {
        const soonMs = conditions.timing.settleMs * (1 + 0.3 * own.next()) + 5 * conditions.delayMs
        schedule.push(drawFault(own, next, Math.round(atMs + soonMs), members, conditions))
      }
    }
  }
  return schedule.sort((a, b) => a.atMs - b.atMs)
}

/** Also about somebody who is not there, or a partition that is not. */
const drawOrder = (random: Random, members: readonly string[], share: ShareKind): Order => {
  const member = random.next() < 0.1 ? 'nobody' : pick(random, members)
  const partition = random.below(share === 'index' ? 4 : itemsIn(share) + (random.next() < 0.1 ? 3 : 0))
  const whole = pick(random, ['freeze', 'thaw', 'thaw'] as const)
  const types = share === 'index' ? (['drain', 'undrain', 'undrain', 'pin'] as const) : ORDERS
  const type = pick(random, types)
  if (type === 'whole') return { type: whole }
  if (type === 'drain' || type === 'undrain') return { type, member }
  return type === 'pin' ? { type, partition, member } : { type: 'unpin', partition }
}

const ORDERS = ['whole', 'whole', 'pin', 'pin', 'unpin', 'drain', 'undrain', 'undrain'] as const

const drawFault = (
  random: Random,
  fault: FaultName,
  atMs: Millis,
  members: readonly string[],
  { timing, share, configured }: ClusterConditions,
): Fault => {
  const { leaseMs } = timing
  const member = pick(random, members)
  const upTo = (ms: Millis) => Math.max(1, Math.round(random.next() * ms))
  const maybe = <T extends object>(chance: number, some: T): T | object => (random.next() < chance ? some : {})
  switch (fault) {
    case 'crash':
      return { atMs, fault, member, ...maybe(0.8, { forMs: upTo(2 * leaseMs) }), ...maybe(0.3, { silent: true }) }
    case 'leave':
      return { atMs, fault, member, ...maybe(0.8, { forMs: upTo(2 * leaseMs) }) }
    case 'join':
      return { atMs, fault, member: `m${members.length + 1 + random.below(3)}` }
    case 'twin':
    case 'evict':
      return { atMs, fault, member }
    case 'wallClock':
      return { atMs, fault, member, byMs: Math.round((random.next() * 2 - 1) * pick(random, [10, 1_000, 3.6e6])) }
    case 'slow':
      return { atMs, fault, member, byMs: upTo(pick(random, [0.1, 0.5, 1]) * leaseMs), forMs: upTo(3 * leaseMs) }
    case 'disconnect':
      return { atMs, fault, member, told: pick(random, ['both', 'member', 'coordinator', 'nobody'] as const) }
    case 'malformed':
    case 'deaf':
      return { atMs, fault }
    case 'failover':
      return { atMs, fault, forMs: upTo(0.2 * leaseMs) }
    case 'coordinatorCrash':
    case 'coordinatorStop':
      return {
        atMs,
        fault,
        forMs: upTo(pick(random, [0.1, 0.5, 2]) * leaseMs),
        ...(fault === 'coordinatorCrash' && maybe(0.2, { silent: true })),
        ...maybe(0.2, { loseStore: true }),
        ...maybe(0.2, { leaseMs: Math.round(leaseMs * pick(random, [0.6, 1, 2])) }),
        ...(configured && share !== 'index' && maybe(0.1, { partitions: pick(random, [8, 16]) })),
      }
    case 'coordinatorWallClock':
      return { atMs, fault, byMs: Math.round((random.next() * 2 - 1) * pick(random, [1_000, 3.6e6])) }
    case 'coordinatorPause':
    case 'coordinatorSuspend':
    case 'coordinatorPartition':
      return { atMs, fault, forMs: upTo(2 * leaseMs) }
    case 'slowDisk':
      return { atMs, fault, byMs: upTo(leaseMs), forMs: upTo(3 * leaseMs) }
    case 'version':
      return { atMs, fault, member, forMs: upTo(0.5 * leaseMs), protocol: pick(random, PROTOCOLS) }
    case 'coordinatorVersion':
      return { atMs, fault, forMs: upTo(pick(random, [0.1, 0.5]) * leaseMs), protocol: pick(random, PROTOCOLS) }
    case 'weight':
      return share === 'index'
        ? { atMs, fault: 'order', order: drawOrder(random, members, share) }
        : { atMs, fault, member, weight: pick(random, WEIGHTS) }
    case 'order':
      return { atMs, fault, order: drawOrder(random, members, share) }
    case 'failingDisk':
      return { atMs, fault, forMs: upTo(2 * leaseMs) }
    default:
      return { atMs, fault, member, forMs: upTo(3 * leaseMs) }
  }
}
