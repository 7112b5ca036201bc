import { afterAll, beforeAll, expect, test } from 'vitest'
import { Crew } from '../../src/testing/trial/peers/crew.ts'
import { CALM_TIMING } from '../../src/testing/trial/peers/peers-setup.ts'
import { PeersTrial } from '../../src/testing/trial/peers/peers-trial.ts'
import { clockNs } from '../../src/testing/trial/things.ts'
import { befall } from './support/peer-rounds.ts'

let trial: PeersTrial
beforeAll(async () => {
  trial = await PeersTrial.start({ voters: 3, members: 3, timing: CALM_TIMING })
}, 120_000)
afterAll(() => trial?.close())

test.each([
  ['kill -9 of the leader', 'leader-killed-and-back'],
  ['a restart of each peer in turn', 'rolling-restart'],
])('%s takes nothing from members that are alive, under load', { timeout: 240_000 }, async (_, fault) => {
  const before = trial.crew.holdings()
  const { token } = await trial.agreed()
  const replied = trial.asks.outcomes.replied ?? 0
  await befall(trial, [fault])
  expect((await trial.whole()).token).toBeGreaterThan(token)
  // Partitions, keys of an index group, and the leader of a named election: each in one unbroken claim.
  expect(Crew.lost(before, trial.crew.holdings())).toEqual([])
  expect(trial.asks.outcomes.replied).toBeGreaterThan(replied)
  expect(trial.verdict().violations).toEqual([])
})

test('every ask ended with an outcome, whatever happened to peers meanwhile', async () => {
  await Promise.all(trial.crew.atWork.map((member) => member.stop('SIGTERM')))
  trial.read()
  const living = new Set(trial.crew.members.map(({ who }) => who))
  expect(trial.asks.faults({ living, beforeNs: clockNs() })).toEqual([])
  expect(trial.asks.ended).toBeGreaterThan(0)
})
