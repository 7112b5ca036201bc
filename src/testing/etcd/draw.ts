import { timing as presets, type Timing } from '../../config/timing.ts'
import type { ShareKind } from '../../core/group/messages.ts'
import { type Random, seededRandom } from '../../core/random.ts'
import { DEFAULT_DRIFT } from '../../core/time.ts'
import { conditionsOf } from '../cluster/setup.ts'
import { pick } from '../simulation/conditions.ts'
import { type EtcdConditions, type EtcdProfile, PURE } from './conditions.ts'
import { ETCD_FAULTS, type EtcdFaultName, MEMBER_FAULTS } from './fault.ts'

/** Each profile's own faults; others come by chance where there are any. */
const ALWAYS: Readonly<Record<EtcdProfile, readonly EtcdFaultName[]>> = {
  swarm: [],
  quiet: [],
  failover: ['seatExpires', 'coordinatorCrash'],
  stalls: ['coordinatorPause', 'coordinatorSuspend'],
  outages: ['etcdDown', 'keepAlivesInVain', 'leaseExpires'],
  late: ['callsLate', 'answersLost', 'coordinatorCut'],
  watches: ['watchesLag', 'watchesBreak', 'compaction'],
  movers: ['join', 'leave', 'crash', 'pause', 'partition', 'dropDown', 'slow', 'disconnect'],
  misfortunes: [],
  beyond: ['coordinatorPause', 'partition', 'seatExpires'],
}

/** Everything about a run that is drawn from its seed beforehand. */
export const drawEtcd = (seed: number, wanted?: EtcdProfile): EtcdConditions => {
  const random = seededRandom(seed).fork('etcd conditions')
  // Drawn in any case, so that asking for the profile that a seed has changes nothing else.
  const drawn = drawProfile(random.fork('profile'))
  const profile = wanted ?? drawn
  const own = random.fork('numbers')
  const timing = drawTiming(random.fork('timing'))
  const share: ShareKind = own.next() < 0.4 ? 'index' : { partitions: pick(own, [1, 3, 8]) }
  const isCalm = PURE.has(profile)
  const delayMs = pick(own, isCalm ? [1, 5] : [1, 5, 20])
  return {
    profile,
    members: 2 + own.below(3),
    hosts: profile === 'failover' ? 2 : own.below(2),
    also: { indexes: own.next() < 0.3, election: own.next() < 0.5, topics: false },
    faults: drawFaults(profile, random.fork('faults')),
    etcd: {
      requestMs: pick(own, profile === 'misfortunes' ? [500, 1_000, 1_000] : [300, 500, 1_000]),
      progressMs: pick(own, profile === 'misfortunes' ? [2_000] : [500, 2_000]),
      expiryLagMs: pick(own, [0, 500]),
      jitterMs: isCalm ? 0 : delayMs * pick(own, [0, 2, 10]),
    },
    cluster: conditionsOf({
      seed,
      timing,
      share,
      members: 0,
      delayMs,
      lateMs: pick(own, [0, 1]),
      drift: profile === 'beyond' ? 0.4 : DEFAULT_DRIFT,
      statics: own.next() < 0.2 ? ['m1'] : [],
    }),
  }
}

const drawProfile = (random: Random): EtcdProfile => {
  const draw = random.next()
  if (draw < 0.04) return 'quiet'
  if (draw < 0.14) return 'failover'
  if (draw < 0.22) return 'stalls'
  if (draw < 0.32) return 'outages'
  if (draw < 0.44) return 'late'
  if (draw < 0.5) return 'watches'
  if (draw < 0.58) return 'movers'
  if (draw < 0.72) return 'misfortunes'
  return draw < 0.77 ? 'beyond' : 'swarm'
}

const drawFaults = (profile: EtcdProfile, random: Random): EtcdFaultName[] => {
  const faults = new Set<EtcdFaultName>(ALWAYS[profile])
  if (PURE.has(profile) || profile === 'misfortunes') return [...faults]
  const share = pick(random, [0.1, 0.25, 0.45])
  for (const name of ETCD_FAULTS) if (random.fork(name).next() < share) faults.add(name)
  for (const name of MEMBER_FAULTS) if (random.fork(name).next() < share / 2) faults.add(name)
  return [...faults]
}

/** The shortest that etcd allows, about: a run of a few thousand events sees many leases. */
const SHORT: Timing = {
  ...presets.lan,
  heartbeatMs: 400,
  leaseMs: 2_000,
  stopMarginMs: 100,
  settleMs: 200,
  settleCapMs: 2_000,
  drainLimitMs: 2_000,
  reconnectMaxMs: 200,
  staticGraceMs: 3_000,
}

const drawTiming = (random: Random): Timing => {
  const preset = pick(random, [SHORT, SHORT, presets.lan])
  return {
    ...preset,
    stopMarginMs: pick(random, [0.2, 1]) * preset.stopMarginMs,
    settleMs: preset.settleMs * pick(random, [0.2, 1]),
    drainLimitMs: preset.drainLimitMs * pick(random, [0.2, 1]),
  }
}
