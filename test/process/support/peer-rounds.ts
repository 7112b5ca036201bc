import { afterAll, beforeAll, expect, test } from 'vitest'
import type { Random } from '../../../src/core/random.ts'
import { allDone } from '../../../src/testing/trial/fault.ts'
import { peerFault } from '../../../src/testing/trial/peers/peer-faults.ts'
import type { PeersTrialOptions } from '../../../src/testing/trial/peers/peers-setup.ts'
import { PeersTrial } from '../../../src/testing/trial/peers/peers-trial.ts'

/** Draws what hurts: whatever can last so long that somebody else is elected, and longer at each attempt. */
const worst = (attempt: number): Random => ({
  next: () => 0.15 + attempt,
  below: (below) => below - 1,
  fork: () => worst(attempt),
})
/** On a busy machine a fault may be over before anybody noticed it. */
const MOST_TIMES = 5

/** Does the faults at once, and resolves once all of them are undone. Each `attempt` is worse than the one before. */
export const befall = async (trial: PeersTrial, names: readonly string[], attempt = 0): Promise<void> => {
  const scene = { trial, random: worst(attempt), signal: new AbortController().signal }
  await allDone(names.map((name) => peerFault(name).run(scene)))
}

/** One cluster for the tests of a file: what a test of it leaves behind, its next one has to live with, as in life. */
export const peersTrialOf = (options: PeersTrialOptions) => {
  let trial: PeersTrial
  beforeAll(async () => {
    trial = await PeersTrial.start(options)
  }, 120_000)
  afterAll(() => trial?.close())
  const judged = async () => {
    const leader = await trial.agreed()
    const { violations, claims } = trial.verdict()
    expect(violations).toEqual([])
    expect(claims).toBeGreaterThan(0)
    return leader
  }
  return {
    trial: () => trial,
    /** After these faults all know one leader again, and there never were two. */
    survives: (what: string, ...names: readonly string[]) =>
      test(`${what} (${names.join(', ')})`, async () => {
        await befall(trial, names)
        await judged()
      }, 240_000),
    /** So that another one had to be elected. */
    replacesItsLeaderWhen: (what: string, ...names: readonly string[]) =>
      test(`${what} (${names.join(', ')})`, async () => {
        const { token } = await trial.agreed()
        for (let attempt = 0; attempt < MOST_TIMES && (await judged()).token === token; attempt++) {
          await befall(trial, names, attempt)
        }
        // What did no harm proves nothing.
        expect((await judged()).token).toBeGreaterThan(token)
      }, 240_000),
  }
}
