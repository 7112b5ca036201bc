import { setTimeout as sleep } from 'node:timers/promises'
import type { Random } from '../../core/random.ts'
import type { Player } from './player.ts'
import type { Trial } from './trial.ts'

/** What a fault is done with. */
export interface Scene {
  readonly trial: Trial
  readonly random: Random
  readonly leaseMs: number
  /** Ends every pause; the fault then heals what it did, as always. */
  readonly signal: AbortSignal
}

/** `nobody`: it needs no target. Two faults at once never have the same one. */
export type Aim = 'worker' | 'wrapper' | 'any' | 'server' | 'nobody'

export interface TrialFault {
  readonly name: string
  readonly aim: Aim
  /** Does it, and resolves once it is undone. A replacement for what was killed has been started then. */
  readonly run: (scene: Scene, target: Player) => Promise<void>
}

export const pause = async ({ signal }: Scene, ms: number): Promise<void> => {
  // An end that was asked for is no failure of the pause: what was done is undone all the same.
  await sleep(ms, undefined, { signal }).catch(() => undefined)
}

/** Mostly longer than a lease, so that somebody has to take over; else shorter, so that nobody may. */
export const longMs = ({ random, leaseMs }: Scene): number =>
  leaseMs * (random.below(3) === 0 ? 0.05 + random.next() * 0.7 : 1.2 + random.next() * 1.3)

/** Around the length of a lease at most. */
export const shortMs = ({ random, leaseMs }: Scene): number => leaseMs * random.next() * 1.1

/** Resolves once all of them are undone, also when one fails: whatever goes on would start processes for a trial that is over. */
export const allDone = async (faults: readonly Promise<void>[]): Promise<void> => {
  const failed = (await Promise.allSettled(faults)).find(({ status }) => status === 'rejected')
  if (failed?.status === 'rejected') throw failed.reason
}
