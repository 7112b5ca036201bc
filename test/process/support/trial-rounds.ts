import { afterAll, beforeAll, expect, test } from 'vitest'
import type { Random } from '../../../src/core/random.ts'
import { trialFault } from '../../../src/testing/trial/faults.ts'
import type { Player } from '../../../src/testing/trial/player.ts'
import { TRIAL_TIMING, Trial, type TrialOptions } from '../../../src/testing/trial/trial.ts'

/** Draws what hurts: whatever can last longer than a lease does. */
const WORST: Random = { next: () => 0.15, below: (below) => below - 1, fork: () => WORST }

/** Does the faults at once, each to a player of its own where it needs one, and resolves once all of them are undone. */
export const suffer = async (trial: Trial, names: readonly string[]): Promise<void> => {
  const taken = new Set<Player>()
  const leaseMs = TRIAL_TIMING.leaseMs as number
  const scene = { trial, random: WORST, leaseMs, signal: new AbortController().signal }
  await Promise.all(
    names.map((name) => {
      const fault = trialFault(name)
      const able = trial.players.filter(({ isAtWork, kind }) => isAtWork && (fault.aim === 'any' || fault.aim === kind))
      const target = able.find((player) => !taken.has(player)) as Player
      if (fault.aim !== 'server' && fault.aim !== 'nobody') taken.add(target)
      return fault.run(scene, target)
    }),
  )
}

/** One trial for the tests of a file: what a test of it leaves behind, its next one has to live with, as in life. */
export const trialOf = ({
  workers = 0,
  wrappers = 0,
  ...options
}: TrialOptions & { workers?: number; wrappers?: number }) => {
  let trial: Trial
  beforeAll(async () => {
    trial = await Trial.start(options)
    for (let n = 0; n < workers; n++) await trial.start('worker')
    for (let n = 0; n < wrappers; n++) await trial.start('wrapper')
    await trial.whole()
  })
  afterAll(() => trial?.close())
  return {
    /** After these faults everything has an owner again, and nothing ever had two. */
    survives: (what: string, ...names: readonly string[]) =>
      test(`${what} (${names.join(', ')})`, async () => {
        await suffer(trial, names)
        await trial.whole({ withinMs: 45_000 })
        const { violations, claims } = trial.verdict()
        expect(violations).toEqual([])
        expect(claims).toBeGreaterThan(0)
      }),
  }
}
