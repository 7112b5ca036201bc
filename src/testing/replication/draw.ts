import { type Random, seededRandom } from '../../core/random.ts'
import { pick } from '../simulation/conditions.ts'
import {
  REPLICATION_FAULTS,
  type ReplicationConditions,
  type ReplicationFault,
  type ReplicationProfile,
} from './conditions.ts'

/** Each profile's own faults; others come by chance where there are any. */
const ALWAYS: Readonly<Record<ReplicationProfile, readonly ReplicationFault[]>> = {
  swarm: ['coup'],
  duels: ['coup', 'pause', 'again'],
  disks: ['lostDisk', 'coup', 'crash'],
  cuts: ['partition', 'isolation', 'coup'],
  founding: ['coup', 'crash', 'lostDisk', 'relay'],
  storeless: ['coup', 'crash', 'sameTerm'],
  quiet: [],
}

/** With more of them more disks may be lost at a time. */
const VOTERS: Partial<Record<ReplicationProfile, readonly number[]>> = {
  disks: [2, 3, 3, 4, 5, 5, 6],
  founding: [1, 2, 3, 4, 4, 5, 5, 5, 6, 7],
}

/** What cannot be where there is no disk. */
const NEEDS_STORE: readonly ReplicationFault[] = [
  'lostDisk',
  'relay',
  'tooManyLost',
  'crashOnWrite',
  'slowDisk',
  'fullDisk',
]

/** Everything about a run that is drawn from its seed beforehand. */
export const drawReplication = (seed: number, wanted?: ReplicationProfile): ReplicationConditions => {
  const random = seededRandom(seed).fork('replication conditions')
  // Drawn in any case, so that asking for the profile that a seed has changes nothing else.
  const drawn = drawProfile(random.fork('profile'))
  const profile = wanted ?? drawn
  const voters = pick(random.fork('voters'), VOTERS[profile] ?? [1, 2, 3, 3, 3, 4, 5, 5, 6, 7])
  const faults = drawFaults(profile, voters, random.fork('faults'))
  const own = random.fork('numbers')
  const retryMs = pick(own, [20, 100, 500])
  return {
    seed,
    profile,
    voters,
    store: profile !== 'storeless',
    retryMs,
    delayMs: retryMs * pick(own, profile === 'quiet' ? [0.02, 0.1] : [0.02, 0.1, 0.4, 1.5]),
    writeMs: retryMs * pick(own, profile === 'quiet' ? [0.02, 0.2] : [0.02, 0.2, 1]),
    saveEveryMs: retryMs * pick(own, [0.1, 1, 5]),
    electFromMs: retryMs * (profile === 'founding' ? pick(own, [0, 40]) : 0),
    faults,
    faultEveryMs: retryMs * pick(own, profile === 'founding' ? [1, 3] : [2, 6, 20]),
    faultsForMs: retryMs * (profile === 'founding' ? 20 + own.below(60) : 60 + own.below(160)),
  }
}

const drawProfile = (random: Random): ReplicationProfile => {
  const draw = random.next()
  if (draw < 0.04) return 'quiet'
  if (draw < 0.14) return 'storeless'
  if (draw < 0.24) return 'founding'
  if (draw < 0.44) return 'disks'
  if (draw < 0.54) return 'cuts'
  return draw < 0.66 ? 'duels' : 'swarm'
}

const drawFaults = (profile: ReplicationProfile, voters: number, random: Random): Set<ReplicationFault> => {
  if (profile === 'quiet') return new Set()
  const share = pick(random, [0.1, 0.3, 0.55])
  const faults = new Set<ReplicationFault>(ALWAYS[profile])
  for (const name of REPLICATION_FAULTS) if (random.fork(name).next() < share) faults.add(name)
  if (profile === 'storeless') for (const name of NEEDS_STORE) faults.delete(name)
  // Where votes are written down, a term has one leader.
  else faults.delete('sameTerm')
  // It ends the run, or nearly.
  if (profile !== 'disks' || random.fork('too many').next() < 0.5) faults.delete('tooManyLost')
  // Whoever is alone has nobody to tell what was on its disk: without it, it is another cluster.
  if (voters === 1)
    for (const name of ['lostDisk', 'relay', 'tooManyLost', 'slowLink', 'partition', 'isolation'] as const)
      faults.delete(name)
  return faults
}
