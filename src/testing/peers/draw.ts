import { timing as presets, type Timing } from '../../config/timing.ts'
import type { ShareKind } from '../../core/group/messages.ts'
import { type Random, seededRandom } from '../../core/random.ts'
import { DEFAULT_DRIFT } from '../../core/time.ts'
import { conditionsOf } from '../cluster/setup.ts'
import { pick } from '../simulation/conditions.ts'
import type { PeersConditions, PeersProfile } from './conditions.ts'
import { type AnyFaultName, MEMBER_FAULTS, PEER_FAULTS } from './fault.ts'

/** Each profile's own faults; others come by chance where there are any. */
const ALWAYS: Readonly<Record<PeersProfile, readonly AnyFaultName[]>> = {
  swarm: [],
  quiet: [],
  failover: ['peerCrash', 'transfer'],
  stalls: ['peerPause'],
  cuts: ['peerCut', 'peerUnheard', 'peerDeaf', 'pairCut'],
  handovers: ['transfer', 'peerStop', 'peerCrash', 'crash', 'join', 'pause', 'partition'],
  disks: ['peerLosesDisk', 'peerDiskSlow', 'peerDiskFull'],
  rolling: ['rolling'],
  storeless: ['peerCrash', 'peerStop'],
  beyond: ['peerPause', 'transfer'],
}

/** Nothing but these. */
const PURE: ReadonlySet<PeersProfile> = new Set(['quiet', 'failover', 'stalls', 'handovers', 'rolling'])
const NEEDS_DISK: ReadonlySet<AnyFaultName> = new Set(['peerLosesDisk', 'peerDiskSlow', 'peerDiskFull'])

/** Everything about a run that is drawn from its seed beforehand. */
export const drawPeers = (seed: number, wanted?: PeersProfile): PeersConditions => {
  const random = seededRandom(seed).fork('peers conditions')
  // Drawn in any case, so that asking for the profile that a seed has changes nothing else.
  const drawn = drawProfile(random.fork('profile'))
  const profile = wanted ?? drawn
  const own = random.fork('numbers')
  const timing = drawTiming(random.fork('timing'))
  const share: ShareKind = own.next() < 0.4 ? 'index' : { partitions: pick(own, [1, 3, 8]) }
  const lone = profile === 'swarm' || profile === 'disks' ? [1, 2] : []
  const peers = pick(own, profile === 'failover' ? [3, 3, 5] : [3, 3, 3, 3, 3, 5, ...lone])
  const durable = profile !== 'storeless'
  return {
    profile,
    peers,
    members: 1 + own.below(4),
    durable,
    also: { indexes: own.next() < 0.4, election: own.next() < 0.6, topics: own.next() < 0.3 },
    leases: !PURE.has(profile) && durable && own.next() < 0.3 ? [1, 1.5, 2] : [1],
    faults: drawFaults(profile, peers, random.fork('faults')),
    cluster: conditionsOf({
      seed,
      timing,
      share,
      durable,
      members: 0,
      delayMs: timing.leaderHeartbeatMs * pick(own, profile === 'failover' ? [0.02, 0.05] : [0.02, 0.05, 0.2]),
      lateMs: pick(own, [0, 1]),
      afterlife: pick(own, [0, 0.5]),
      drift: profile === 'beyond' ? 0.4 : DEFAULT_DRIFT,
      statics: own.next() < 0.2 ? ['m1'] : [],
      // As a server has it that nobody configured.
      buffers: { windowBytes: 2 ** 16, linkBufferBytes: 2 ** 24 },
    }),
  }
}

const drawProfile = (random: Random): PeersProfile => {
  const draw = random.next()
  if (draw < 0.04) return 'quiet'
  if (draw < 0.16) return 'failover'
  if (draw < 0.24) return 'stalls'
  if (draw < 0.34) return 'cuts'
  if (draw < 0.44) return 'handovers'
  if (draw < 0.52) return 'disks'
  if (draw < 0.56) return 'rolling'
  if (draw < 0.6) return 'storeless'
  return draw < 0.66 ? 'beyond' : 'swarm'
}

const drawFaults = (profile: PeersProfile, peers: number, random: Random): AnyFaultName[] => {
  const faults = new Set<AnyFaultName>(ALWAYS[profile])
  if (!PURE.has(profile)) {
    const share = pick(random, [0.1, 0.25, 0.45])
    for (const name of PEER_FAULTS) if (random.fork(name).next() < share) faults.add(name)
    for (const name of MEMBER_FAULTS) if (random.fork(name).next() < share / 2) faults.add(name)
  }
  if (profile === 'storeless') for (const name of NEEDS_DISK) faults.delete(name)
  // Whoever is alone has nobody who could tell what was on its disk: without it, it is another cluster.
  if (peers === 1) faults.delete('peerLosesDisk')
  return [...faults]
}

const drawTiming = (random: Random): Timing => {
  const preset = presets[pick(random, ['local', 'lan'] as const)]
  return {
    ...preset,
    settleMs: preset.settleMs * pick(random, [0.2, 1]),
    drainLimitMs: preset.drainLimitMs * pick(random, [0.2, 1]),
  }
}
