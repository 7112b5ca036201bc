import { readFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { describe, expect, test } from 'vitest'
import { seededRandom } from '../../src/core/random.ts'
import { PEERS_PROFILES, type PeersProfile } from '../../src/testing/peers/conditions.ts'
import { drawPeers } from '../../src/testing/peers/draw.ts'
import { PEER_FAULTS } from '../../src/testing/peers/fault.ts'
import { drawPeersSchedule } from '../../src/testing/peers/schedule.ts'
import { simulatePeers } from '../../src/testing/peers/simulate.ts'

const violations = async (from: number, seeds: number, profile?: PeersProfile): Promise<string[]> => {
  const found: string[] = []
  for (let seed = from; seed < from + seeds; seed++) {
    const run = await simulatePeers({ seed, profile })
    for (const { invariant, atMs, message } of run.violations)
      found.push(`seed=${seed} profile=${run.profile} step=${Math.round(atMs)} invariant=${invariant}: ${message}`)
  }
  return found
}

describe('peers and their members', () => {
  test.each(PEERS_PROFILES)(
    'keep every promise in the profile %s',
    async (profile) => {
      expect(await violations(8, 2, profile)).toEqual([])
    },
    60_000,
  )

  test('keep them at the seeds that found something once', async () => {
    const lines = readFileSync(fileURLToPath(new URL('peers-seeds.txt', import.meta.url)), 'utf8').split('\n')
    const seeds = lines.filter((line) => /^\d/.test(line)).map((line) => line.split(/\s+/))
    expect(seeds.length).toBeGreaterThan(0)
    for (const [seed, name] of seeds) {
      const profile = PEERS_PROFILES.find((known) => known === name)
      expect(profile).toBeDefined()
      expect(await violations(Number(seed), 1, profile)).toEqual([])
    }
  }, 60_000)

  test('give the same trace for the same seed, to the last line, and others for others', async () => {
    const first = await simulatePeers({ seed: 3, profile: 'failover', keepTrace: true })
    const second = await simulatePeers({ seed: 3, profile: 'failover', keepTrace: true })
    expect(second.hash).toBe(first.hash)
    expect(second.trace()).toEqual(first.trace())
    expect(first.led.length).toBeGreaterThan(3)
    const other = await simulatePeers({ seed: 6, profile: 'failover' })
    expect(other.hash).not.toBe(first.hash)
  }, 60_000)

  test('meet each fault that there is, sooner or later', () => {
    const drawn = new Set<string>()
    for (let seed = 1; seed <= 200; seed++) {
      const conditions = drawPeers(seed)
      const schedule = drawPeersSchedule(seededRandom(seed), conditions, ['p1', 'p2', 'p3'], ['m1', 'm2'])
      for (const { fault } of schedule) drawn.add(fault)
    }
    for (const name of PEER_FAULTS) expect(drawn).toContain(name)
  })
})
