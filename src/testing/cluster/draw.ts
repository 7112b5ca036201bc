import type { Timing } from '../../config/timing.ts'
import { timing as presets } from '../../config/timing.ts'
import type { ShareKind } from '../../core/group/messages.ts'
import { type Random, seededRandom } from '../../core/random.ts'
import { DEFAULT_DRIFT } from '../../core/time.ts'
import { PROTOCOLS, type Protocol } from '../../wire/versions.ts'
import { pick } from '../simulation/conditions.ts'
import { WEIGHTS } from '../simulation/traits.ts'
import type { FaultName } from './fault.ts'
import { COORDINATOR } from './network.ts'
import { drawFaultNames, drawWishNames } from './schedule.ts'
import type { ClusterOptions } from './setup.ts'

/**
 * What one run is about. `quiet`: nothing goes wrong, and nobody may be expired. `failover`: the coordinator is killed again and again and is
 * back in time, and nothing may move. `stalls`: it stands still now and then, and nobody may be expired for that. `beyond`: clocks run up to 40 % wrongly, and epochs must rise nevertheless. `swarm`: all the rest.
 */
export type ClusterProfile = (typeof CLUSTER_PROFILES)[number]

export const CLUSTER_PROFILES = ['swarm', 'quiet', 'failover', 'stalls', 'beyond'] as const

export interface Drawn {
  readonly profile: ClusterProfile
  readonly options: ClusterOptions
  readonly faults: readonly FaultName[]
}

const MOST_MEMBERS = 5

/** Everything about a run that nobody has fixed, drawn from its seed. */
export const drawCluster = (seed: number, wanted?: ClusterProfile): Drawn => {
  const random = seededRandom(seed).fork('conditions')
  const drawn = random.next()
  const profile =
    wanted ??
    (drawn < 0.08 ? 'quiet' : drawn < 0.2 ? 'failover' : drawn < 0.28 ? 'beyond' : drawn < 0.34 ? 'stalls' : 'swarm')
  const timing = drawTiming(random)
  const share: ShareKind = random.next() < 0.4 ? 'index' : { partitions: pick(random, [1, 3, 8, 16]) }
  const faults = drawFaultNames(random)
  const protocols = drawProtocols(random.fork('protocols'))
  const wishes = drawWishes(random.fork('wishes'), share)
  // Whoever wants something is no fault, but a reason to move something.
  const names = profile === 'failover' ? [] : drawWishNames(random.fork('wish names'))
  return {
    profile,
    faults: [...(ONLY[profile] ?? faults), ...names],
    options: {
      seed,
      timing,
      share,
      members: 1 + random.below(MOST_MEMBERS),
      delayMs: timing.heartbeatMs * pick(random, [0.001, 0.01, 0.05]),
      configured: random.next() < 0.5,
      // What a coordinator that stands still has not read may well be lost with its connection.
      afterlife: profile === 'stalls' ? 0 : 0.5,
      lateMs: pick(random, [0, 1, 0.1 * timing.stopMarginMs]),
      durable: random.next() < 0.8 || profile === 'beyond' || profile === 'failover',
      // Small enough to be filled.
      ...(random.next() < 0.2 && { buffers: { windowBytes: 1_024, linkBufferBytes: 1_024 } }),
      ...(profile !== 'beyond' && { protocols }),
      ...wishes,
      drift: profile === 'beyond' ? 0.4 : DEFAULT_DRIFT,
    },
  }
}

/** Who weighs what, and whose place is kept. */
const drawWishes = (random: Random, share: ShareKind): Pick<ClusterOptions, 'weights' | 'statics'> => {
  const ids = Array.from({ length: MOST_MEMBERS }, (_, number) => `m${number + 1}`)
  const weighs = share !== 'index' && random.next() < 0.4
  const keeps = random.next() < 0.4
  return {
    ...(weighs && { weights: Object.fromEntries(ids.map((id) => [id, pick(random, WEIGHTS)])) }),
    ...(keeps && { statics: ids.filter(() => random.next() < 0.6) }),
  }
}

/** Builds of two versions side by side, as in the middle of a rolling upgrade: any of them may be the older one. */
const drawProtocols = (random: Random): Readonly<Record<string, Protocol>> => {
  if (random.next() < 0.7) return {}
  const ids = [COORDINATOR, ...Array.from({ length: MOST_MEMBERS }, (_, number) => `m${number + 1}`)]
  return Object.fromEntries(ids.map((id) => [id, pick(random, PROTOCOLS)]))
}

const ONLY: Partial<Record<ClusterProfile, readonly FaultName[]>> = {
  quiet: [],
  failover: ['failover'],
  stalls: ['coordinatorPause'],
}

const drawTiming = (random: Random): Timing => {
  const preset = presets[pick(random, ['local', 'lan'] as const)]
  return {
    ...preset,
    settleMs: preset.settleMs * pick(random, [0.2, 1, 3]),
    drainLimitMs: preset.drainLimitMs * pick(random, [0.2, 1]),
  }
}
