import type { MemberOptions } from '../../core/group/member.ts'
import type { Random } from '../../core/random.ts'
import { type Conditions, type Profile, pick, type SimulatedGroup } from './conditions.ts'

/** What a process says of itself besides its name. */
export type Traits = Pick<MemberOptions, 'weight' | 'static'>

export const WEIGHTS = [0, 1, 1, 2, 3, 7] as const

/** Where it is no violation that a member is refused, expires or loses what it has. */
export const isRough = (profile: Profile): boolean =>
  profile === 'swarm' || profile === 'restarts' || profile === 'beyond' || profile === 'once'

/** Whoever comes back under an id is mostly what was there under it before. */
export const drawTraits = (conditions: Conditions, group: SimulatedGroup, id: string, boot: Random): Traits => {
  const { faults, profile, seed } = conditions
  const own = boot.fork('traits')
  const ofId = (what: string, among: number): number => hashed(`${what} ${id} ${seed}`) % among
  // A coordinator that comes back with indexes refuses whoever weighs something else.
  const risky = faults.has('otherShare') && ofId('risk', 5) > 0
  const weighs = faults.has('weights') && typeof group.share !== 'string' && ofId('weighs', 10) < 7 && !risky
  const sameAgain = !isRough(profile) || own.next() < 0.85
  const weight = sameAgain ? WEIGHTS[ofId('weight', WEIGHTS.length)] : pick(own, WEIGHTS)
  return {
    ...(weighs && weight !== undefined && { weight }),
    ...(faults.has('statics') &&
      group.share !== 'tenure' &&
      group.share !== 'once' &&
      ofId('static', 10) < 6 && { static: true }),
  }
}

const hashed = (text: string): number => {
  let h = 0x811c9dc5
  for (let i = 0; i < text.length; i++) h = Math.imul(h ^ text.charCodeAt(i), 0x01000193)
  return (h ^ (h >>> 15)) >>> 0
}
