import { readFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { describe, expect, test } from 'vitest'
import {
  REPLICATION_FAULTS,
  REPLICATION_PROFILES,
  type ReplicationProfile,
} from '../../src/testing/replication/conditions.ts'
import { replicationExplaining } from '../../src/testing/replication/explain.ts'
import { simulateReplication } from '../../src/testing/replication/simulate.ts'

const violations = (from: number, seeds: number, profile?: ReplicationProfile): string[] => {
  const found: string[] = []
  for (let seed = from; seed < from + seeds; seed++) {
    const { violation } = simulateReplication({ seed, profile })
    if (violation === undefined) continue
    const { step, invariant, message } = violation
    found.push(`seed=${seed} profile=${violation.profile} step=${step} invariant=${invariant}: ${message}`)
  }
  return found
}

describe('the register under faults', () => {
  test.each(REPLICATION_PROFILES)(
    'keeps every invariant in the profile %s',
    (profile) => {
      expect(violations(1, 12, profile)).toEqual([])
    },
    60_000,
  )

  test('keeps them in what the seeds draw by themselves', () => {
    expect(violations(1000, 40)).toEqual([])
  }, 60_000)

  test('keeps them at the seeds that found something once', () => {
    const lines = readFileSync(fileURLToPath(new URL('replication-seeds.txt', import.meta.url)), 'utf8').split('\n')
    const seeds = lines.filter((line) => /^\d/.test(line)).map((line) => line.split(/\s+/))
    expect(seeds.length).toBeGreaterThan(3)
    const profileOf = (name: string | undefined) => REPLICATION_PROFILES.find((profile) => profile === name)
    expect(seeds.flatMap(([seed, profile]) => violations(Number(seed), 1, profileOf(profile)))).toEqual([])
  }, 60_000)
})

describe('the simulator of the register', () => {
  test('gives the same trace for the same seed, to the last line', () => {
    for (let seed = 1; seed <= 8; seed++) {
      const first = simulateReplication({ seed })
      const second = simulateReplication({ seed })
      expect(second.hash).toBe(first.hash)
      expect(second.trace()).toEqual(first.trace())
    }
  })

  test('gives other traces for other seeds', () => {
    const hashes = new Set(Array.from({ length: 20 }, (_, n) => simulateReplication({ seed: n + 1 }).hash))
    expect(hashes.size).toBe(20)
  })

  test('really makes things go wrong, and leaders change', () => {
    const happened = new Set<string>()
    let terms = 0
    for (let seed = 1; seed <= 80; seed++) {
      const run = simulateReplication({ seed })
      for (const name of Object.keys(run.faults)) happened.add(name)
      terms += run.terms
    }
    // It ends a run, so few have it.
    for (const name of Object.keys(simulateReplication({ seed: 13, profile: 'disks' }).faults)) happened.add(name)
    expect([...happened].sort()).toEqual([...REPLICATION_FAULTS].sort())
    expect(terms).toBeGreaterThan(500)
  }, 60_000)

  test('without a deed does the others as before', () => {
    const whole = simulateReplication({ seed: 11, profile: 'swarm' })
    const [first] = whole.deeds
    const limits = { deeds: whole.deeds.filter((name) => name !== first) }
    const kept = simulateReplication({ seed: 11, profile: 'swarm', limits }).deeds
    expect(kept).not.toContain(first)
    expect(kept.length).toBeGreaterThan(whole.deeds.length / 2)
  })

  test('reads a scenario back from one line', () => {
    expect(replicationExplaining.parse('seed=7 profile=cuts deeds=crash.3 faultsForMs=900')).toEqual({
      seed: 7,
      profile: 'cuts',
      limits: { deeds: ['crash.3'], faultsForMs: 900 },
    })
    expect(() => replicationExplaining.parse('seed=7 profile=cuts faults=rain')).toThrow('no fault "rain"')
  })
})
