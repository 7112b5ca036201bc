import { timing } from '../../config/timing.ts'
import type { ElectionTiming } from '../../core/election/io.ts'
import { restsMs } from '../../core/election/leader-lease.ts'
import { type Random, seededRandom } from '../../core/random.ts'
import { DEFAULT_DRIFT } from '../../core/time.ts'
import { pick } from '../simulation/conditions.ts'
import { ELECTION_FAULTS, type ElectionConditions, type ElectionFault, type ElectionProfile } from './conditions.ts'

/** Each profile's own faults; others come by chance where there are any. */
const ALWAYS: Readonly<Record<ElectionProfile, readonly ElectionFault[]>> = {
  swarm: [],
  rolling: ['rolling', 'transfer'],
  storeless: ['crash'],
  founding: ['crash'],
  disks: ['lostDisk'],
  cuts: ['partition', 'oneWay', 'isolation', 'pairCut', 'crash'],
  direct: ['crash'],
  quiet: [],
  beyond: ['pause', 'transfer'],
}

const VOTERS: Partial<Record<ElectionProfile, readonly number[]>> = {
  disks: [2, 3, 3, 4, 5],
  direct: [2, 3, 3, 3, 3, 4, 5, 7],
}

/** What cannot be where there is no disk, or what would be another cluster. */
const NEEDS_STORE: readonly ElectionFault[] = ['lostDisk', 'twoEmpty', 'crashOnWrite', 'slowDisk', 'fullDisk']
const NEEDS_TETHERS: readonly ElectionFault[] = ['tetherReset', 'tetherClose', 'tetherLate', 'tetherProxy', 'terminate']
const NOT_WHILE_FOUNDING: readonly ElectionFault[] = ['twoEmpty', 'rival']

/** Everything about a run that is drawn from its seed beforehand. */
export const drawElection = (seed: number, wanted?: ElectionProfile): ElectionConditions => {
  const random = seededRandom(seed).fork('election conditions')
  // Drawn in any case, so that asking for the profile that a seed has changes nothing else.
  const drawn = drawProfile(random.fork('profile'))
  const profile = wanted ?? drawn
  const voters = pick(random.fork('voters'), VOTERS[profile] ?? [1, 2, 3, 3, 3, 4, 5, 5, 6, 7])
  const store = profile !== 'storeless'
  const tethers = profile === 'direct' || random.fork('direct').next() < 0.2
  const faults = drawFaults(profile, voters, random.fork('faults'))
  if (!tethers) for (const name of NEEDS_TETHERS) faults.delete(name)
  const times = drawTiming(faults, random.fork('timing'))
  const own = random.fork('numbers')
  // Whoever is elected because a tether ended is elected within a few messages, if it ever is.
  const direct = { delays: [0.005, 0.02, 0.1], writes: [0.005, 0.02, 0.1] }
  const usual = { delays: profile === 'quiet' ? [0.02, 0.1] : [0.02, 0.1, 0.3, 1], writes: [0.05, 0.2] }
  const { delays, writes } = profile === 'direct' ? direct : usual
  return {
    seed,
    profile,
    voters,
    observers: own.below(3),
    timing: times,
    store,
    tethers,
    drift: profile === 'beyond' ? 0.4 : DEFAULT_DRIFT,
    delayMs: times.heartbeatMs * pick(own, delays),
    writeMs: times.heartbeatMs * pick(own, writes),
    faults,
    faultEveryMs: times.electionMaxMs * pick(own, profile === 'founding' ? [0.1, 0.3] : [0.5, 1.5, 4]),
    faultsForMs: times.electionMaxMs * (profile === 'founding' ? 4 + own.below(10) : 20 + own.below(40)),
  }
}

const drawProfile = (random: Random): ElectionProfile => {
  const draw = random.next()
  if (draw < 0.04) return 'quiet'
  if (draw < 0.14) return 'storeless'
  if (draw < 0.22) return 'founding'
  if (draw < 0.34) return 'disks'
  if (draw < 0.44) return 'rolling'
  if (draw < 0.54) return 'cuts'
  if (draw < 0.6) return 'beyond'
  return random.fork('direct').next() < 0.3 ? 'direct' : 'swarm'
}

const drawFaults = (profile: ElectionProfile, voters: number, random: Random): Set<ElectionFault> => {
  if (profile === 'quiet') return new Set()
  const share = pick(random, profile === 'direct' ? [0, 0, 0.1, 0.3] : [0.1, 0.3, 0.55])
  const faults = new Set<ElectionFault>(ALWAYS[profile])
  for (const name of ELECTION_FAULTS) if (random.fork(name).next() < share) faults.add(name)
  if (profile === 'direct') for (const name of NEEDS_TETHERS) if (random.fork(name).next() < 0.5) faults.add(name)
  if (profile === 'storeless') for (const name of NEEDS_STORE) faults.delete(name)
  if (profile === 'founding') for (const name of NOT_WHILE_FOUNDING) faults.delete(name)
  // Whoever is alone has nobody to tell what was on its disk: without it, it is another cluster.
  if (voters === 1) for (const name of ['lostDisk', 'twoEmpty', 'rival'] as const) faults.delete(name)
  if (voters < 3) faults.delete('twoEmpty')
  // Of two voters, one with an empty disk has nobody but the other to ask, and cannot tell it from one whose place was taken.
  if (voters < 3 && faults.has('lostDisk')) faults.delete('rival')
  // Without stores nobody can tell two of one id apart.
  if (profile === 'storeless') faults.delete('rival')
  return faults
}

const drawTiming = (faults: ReadonlySet<ElectionFault>, random: Random): ElectionTiming => {
  const { leaderHeartbeatMs, electionMinMs, electionMaxMs, leaderLeaseMs } = timing.local
  // The time since boot is told in hundredths of a second: where machines sleep, the lease must leave room for that.
  const sleeps = faults.has('suspend')
  const by = pick(random, sleeps ? [2, 6] : [0.5, 1, 6])
  const min = electionMinMs * by
  return {
    heartbeatMs: leaderHeartbeatMs * by,
    electionMinMs: min,
    electionMaxMs: electionMaxMs * by,
    // Room between lease and promise would only hide mistakes.
    leaseMs: sleeps ? leaderLeaseMs * by : pick(random, [leaderLeaseMs * by, restsMs(min), min]),
  }
}
