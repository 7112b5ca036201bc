import { type Random, seededRandom } from '../../core/random.ts'
import { DEFAULT_DRIFT } from '../../core/time.ts'
import { pick } from '../simulation/conditions.ts'
import { DISPATCH_FAULTS, type DispatchConditions, type DispatchFault, type DispatchProfile } from './conditions.ts'

/** Nothing of these goes wrong: they are what producers and listeners do. */
const COMINGS = ['produce', 'withdraw', 'leave', 'listen', 'unlisten', 'abandon'] as const
/** What makes a restart dangerous: answers of before it, and who registers anew. */
const AROUND_RESTARTS = ['crash', 'replay', 'halfOpen', 'linkLoss', 'twin'] as const satisfies readonly DispatchFault[]

const NO_LIMITS = { asks: 100_000, producers: 10_000, listeners: 10_000 }

/** Everything about a run that is drawn from its seed beforehand. */
export const drawDispatch = (seed: number, wanted?: DispatchProfile): DispatchConditions => {
  const random = seededRandom(seed).fork('conditions')
  const drawn = drawProfile(random)
  const profile = wanted ?? drawn
  const faults = drawFaults(profile, random.fork('faults'))
  const delayMs = pick(random, [0.2, 2, 20])
  const workMs = delayMs * pick(random, [0.5, 2, 10])
  const askEveryMs = (delayMs + workMs) * pick(random, [0.2, 0.5, 1.5])
  return {
    seed,
    profile,
    clients: 1 + random.below(5),
    topics: ['t0', 't1', 't2'].slice(0, 1 + random.below(3)),
    delayMs,
    workMs,
    askEveryMs,
    withinMs: [1, 4, 20, 100].map((times) => (delayMs + workMs) * times),
    faultEveryMs: askEveryMs * pick(random, profile === 'churn' ? [0.5, 2] : [2, 6, 20]),
    faultsForMs: askEveryMs * (100 + random.below(300)),
    faults,
    limits: faults.has('limits')
      ? { asks: 1 + random.below(8), producers: 1 + random.below(8), listeners: 1 + random.below(4) }
      : NO_LIMITS,
    linkRoom: pick(random, [2, 10, 50]),
    drift: DEFAULT_DRIFT,
    reconnectMs: (delayMs + workMs) * pick(random, [0.5, 4]),
  }
}

const drawProfile = (random: Random): DispatchProfile => {
  const draw = random.next()
  if (draw < 0.05) return 'quiet'
  if (draw < 0.15) return 'churn'
  return draw < 0.35 ? 'restarts' : 'swarm'
}

const drawFaults = (profile: DispatchProfile, random: Random): Set<DispatchFault> => {
  if (profile === 'quiet') return new Set()
  if (profile === 'churn') return new Set(COMINGS)
  const share = pick(random, [0.15, 0.35, 0.7])
  const faults = new Set<DispatchFault>(DISPATCH_FAULTS.filter((name) => random.fork(name).next() < share))
  // Without anybody who comes, most of the rest would have nobody to happen to.
  if (random.next() < 0.8) faults.add('produce')
  if (profile !== 'restarts') return faults
  for (const fault of AROUND_RESTARTS) if (random.fork(`around ${fault}`).next() < 0.6) faults.add(fault)
  return faults.add('restart')
}
