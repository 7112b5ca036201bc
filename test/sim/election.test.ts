import { readFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { describe, expect, test } from 'vitest'
import { ELECTION_FAULTS, ELECTION_PROFILES, type ElectionProfile } from '../../src/testing/election/conditions.ts'
import { electionExplaining } from '../../src/testing/election/explain.ts'
import { simulateElection } from '../../src/testing/election/simulate.ts'

const violations = (from: number, seeds: number, profile?: ElectionProfile): string[] => {
  const found: string[] = []
  for (let seed = from; seed < from + seeds; seed++) {
    const { violation } = simulateElection({ seed, profile })
    if (violation === undefined) continue
    const { step, invariant, message } = violation
    found.push(`seed=${seed} profile=${violation.profile} step=${step} invariant=${invariant}: ${message}`)
  }
  return found
}

describe('elections under faults', () => {
  test.each(ELECTION_PROFILES)(
    'keep every invariant in the profile %s',
    (profile) => {
      expect(violations(1, 5, profile)).toEqual([])
    },
    60_000,
  )

  test('keep them in what the seeds draw by themselves', () => {
    expect(violations(1000, 15)).toEqual([])
  }, 60_000)

  test('keep them at the seeds that found something once', () => {
    const lines = readFileSync(fileURLToPath(new URL('election-seeds.txt', import.meta.url)), 'utf8').split('\n')
    const seeds = lines.filter((line) => /^\d/.test(line)).map((line) => line.split(/\s+/))
    expect(seeds.length).toBeGreaterThan(5)
    expect(seeds.flatMap(([seed]) => violations(Number(seed), 1))).toEqual([])
  }, 60_000)
})

describe('the simulator of elections', () => {
  test('gives the same trace for the same seed, to the last line', () => {
    for (let seed = 1; seed <= 4; seed++) {
      const first = simulateElection({ seed })
      const second = simulateElection({ seed })
      expect(second.hash).toBe(first.hash)
      expect(second.trace()).toEqual(first.trace())
    }
  })

  test('gives other traces for other seeds', () => {
    const hashes = new Set(Array.from({ length: 6 }, (_, n) => simulateElection({ seed: n + 1 }).hash))
    expect(hashes.size).toBe(6)
  })

  test('really makes things go wrong, and leaders change', () => {
    const happened = new Set<string>()
    let led = 0
    for (let seed = 1; seed <= 30; seed++) {
      const run = simulateElection({ seed })
      for (const name of Object.keys(run.faults)) happened.add(name)
      led += run.led.length
    }
    expect([...happened].sort()).toEqual([...ELECTION_FAULTS].sort())
    expect(led).toBeGreaterThan(100)
  }, 60_000)

  test('without a deed does the others as before', () => {
    const whole = simulateElection({ seed: 11, profile: 'swarm' })
    const [first] = whole.deeds
    const limits = { deeds: whole.deeds.filter((name) => name !== first) }
    const kept = simulateElection({ seed: 11, profile: 'swarm', limits }).deeds
    expect(kept).not.toContain(first)
    expect(kept.length).toBeGreaterThan(whole.deeds.length / 2)
  })

  test('reads a scenario back from one line', () => {
    expect(electionExplaining.parse('seed=7 profile=cuts deeds=crash.3 observers=0')).toEqual({
      seed: 7,
      profile: 'cuts',
      limits: { deeds: ['crash.3'], observers: 0 },
    })
    expect(() => electionExplaining.parse('seed=7 profile=cuts faults=rain')).toThrow('no fault "rain"')
  })
})
