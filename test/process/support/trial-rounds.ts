import { afterAll, beforeAll, expect, test } from 'vitest'
import type { Random } from '../../../src/core/random.ts'
import { allDone } from '../../../src/testing/trial/fault.ts'
import { trialFault } from '../../../src/testing/trial/faults.ts'
import type { Player } from '../../../src/testing/trial/player.ts'
import { clockNs, JOBS, memberOf, PARTS, SLOTS, thingsOf } from '../../../src/testing/trial/things.ts'
import { TRIAL_TIMING, Trial, type TrialOptions } from '../../../src/testing/trial/trial.ts'

/** Draws what hurts: whatever can last longer than a lease does. */
const WORST: Random = { next: () => 0.15, below: (below) => below - 1, fork: () => WORST }

/** These need not cost their targets anything, even so. */
const BEARABLE: readonly string[] = ['cut-rst', 'watchdog-frozen', 'server-disk-full', 'joined-and-left']

/**
 * Does the faults at once, each to a player of its own where it needs one, and resolves once all of them are undone; with those who have
 * to have lost something.
 */
export const suffer = async (trial: Trial, names: readonly string[]): Promise<string[]> => {
  const losers: string[] = []
  const atWork = trial.players.filter(({ isAtWork }) => isAtWork)
  const taken = new Set<Player>()
  const leaseMs = TRIAL_TIMING.leaseMs as number
  const scene = { trial, random: WORST, leaseMs, signal: new AbortController().signal }
  await allDone(
    names.map((name) => {
      const fault = trialFault(name)
      const able = atWork.filter(({ kind }) => fault.aim === 'any' || fault.aim === kind)
      const isAimed = fault.aim !== 'server' && fault.aim !== 'nobody'
      const target = able.find((player) => !taken.has(player))
      if (isAimed && target === undefined) throw new Error(`there is nobody left for ${name}`)
      if (isAimed) taken.add(target as Player)
      if (!BEARABLE.includes(name)) losers.push(...(isAimed ? [target as Player] : atWork).map(({ who }) => who))
      return fault.run(scene, target as Player)
    }),
  )
  return losers
}

/** Who had something at the beginning, or got it since, and lost it before the end. */
const losersOf = (trial: Trial, window: { fromNs: number; toNs: number }): Set<string> => {
  const gaps = trial.checker.gaps([PARTS.group, SLOTS.group, JOBS.group].flatMap(thingsOf), window)
  return new Set(gaps.flatMap(({ earlier }) => (earlier === undefined ? [] : [memberOf(earlier.who)])))
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
    await trial.whole({ withinMs: 45_000 })
  }, 120_000)
  afterAll(() => trial?.close())
  return {
    /** After these faults, which did cost their targets something, everything has an owner again, and nothing ever had two. */
    survives: (what: string, ...names: readonly string[]) =>
      test(`${what} (${names.join(', ')})`, async () => {
        const fromNs = clockNs()
        const expected = await suffer(trial, names)
        const toNs = await trial.whole({ withinMs: 45_000 })
        // What did no harm proves nothing.
        expect([...losersOf(trial, { fromNs, toNs })]).toEqual(expect.arrayContaining(expected))
        expect(new Set(trial.players.map(({ who }) => who)).size).toBe(trial.players.length)
        const { violations, claims } = trial.verdict()
        expect(violations).toEqual([])
        expect(claims).toBeGreaterThan(0)
      }, 120_000),
  }
}
