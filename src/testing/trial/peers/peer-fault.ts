import { setTimeout as sleep } from 'node:timers/promises'
import type { Random } from '../../../core/random.ts'
import { CaucusError } from '../../../errors.ts'
import type { PeersTrial } from './peers-trial.ts'
import type { VoterProcess } from './voter-process.ts'

/** What a fault is done with. */
export interface PeerScene {
  readonly trial: PeersTrial
  readonly random: Random
  /** Ends every pause; the fault then heals what it did, as always. */
  readonly signal: AbortSignal
}

export interface PeerFault {
  readonly name: string
  /** Only where voters have data directories, or where there are members. */
  readonly needs?: 'stores' | 'members'
  /** Whoever is alive has to keep what it has: the cluster gets along with so many new leaders. `each`: as many as there are voters. */
  readonly newLeaders?: number | 'each'
  /** Does it, and resolves once it is undone: whoever was killed has been started again then. */
  readonly run: (scene: PeerScene) => Promise<void>
}

export const pause = async ({ signal }: PeerScene, ms: number): Promise<void> => {
  // An end that was asked for is no failure of the pause: what was done is undone all the same.
  await sleep(ms, undefined, { signal }).catch(() => undefined)
}

/** Mostly so long that somebody else is elected; else shorter than a lease, so that nobody may be. */
export const longMs = ({ random, trial: { timing } }: PeerScene): number =>
  random.below(4) === 0 ? timing.leaderLeaseMs * random.next() : timing.electionMaxMs * (1.2 + 1.5 * random.next())

/** One of them. */
export const anyOf = <T>({ random }: PeerScene, some: readonly T[]): T => {
  const found = some[random.below(some.length)]
  if (found === undefined) throw new CaucusError('CAUCUS_BACKEND', 'a fault has nobody left to be done to')
  return found
}

/** As many as can be missed; half of the time the leader is among them. */
export const minority = (
  { random, trial }: PeerScene,
  leader: VoterProcess,
  followers: readonly VoterProcess[],
): VoterProcess[] => {
  const some = random.below(2) === 0 ? followers : [leader, ...followers]
  return some.slice(0, Math.floor((trial.ids.length - 1) / 2))
}
