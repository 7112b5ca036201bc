import { readFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { describe, expect, test } from 'vitest'
import { FAULTS, PROFILES, type Profile } from '../../src/testing/simulation/conditions.ts'
import { simulateCore } from '../../src/testing/simulation/simulate.ts'

const explain = ({ seed, step, invariant, message }: NonNullable<ReturnType<typeof simulateCore>['violation']>) =>
  `seed=${seed} step=${step} invariant=${invariant}: ${message}`

const violations = (from: number, seeds: number, profile?: Profile): string[] => {
  const found: string[] = []
  for (let seed = from; seed < from + seeds; seed++) {
    const { violation } = simulateCore({ seed, ...(profile !== undefined && { profile }) })
    if (violation !== undefined) found.push(explain(violation))
  }
  return found
}

describe('the group machine under faults', () => {
  test.each(PROFILES)('keeps every invariant in the profile %s', (profile) => {
    // Those that never come to rest take ten times as long.
    expect(violations(1, profile === 'churn' ? 2 : 6, profile)).toEqual([])
  })

  test('keeps them in what the seeds draw by themselves', () => {
    expect(violations(1000, 20)).toEqual([])
  })

  test('keeps them at the seeds that found something once, also in the profile in which they did', () => {
    const lines = readFileSync(fileURLToPath(new URL('seeds.txt', import.meta.url)), 'utf8').split('\n')
    const seeds = lines.filter((line) => /^\d/.test(line)).map((line) => line.split(/\s+/))
    expect(seeds.length).toBeGreaterThan(5)
    expect(
      seeds.flatMap(([seed, profile]) => [
        ...violations(Number(seed), 1),
        ...violations(Number(seed), 1, profileOf(profile)),
      ]),
    ).toEqual([])
  })
})

const profileOf = (name: string | undefined): Profile => {
  const profile = PROFILES.find((known) => known === name)
  if (profile === undefined) throw new Error(`test/sim/seeds.txt names the profile "${name}", which there is not`)
  return profile
}

describe('the simulator', () => {
  test('gives the same trace for the same seed, to the last line', () => {
    for (let seed = 1; seed <= 4; seed++) {
      const first = simulateCore({ seed })
      const second = simulateCore({ seed })
      expect(second.hash).toBe(first.hash)
      expect(second.trace()).toEqual(first.trace())
    }
  })

  test('gives other traces for other seeds', () => {
    const hashes = new Set(Array.from({ length: 6 }, (_, n) => simulateCore({ seed: n + 1 }).hash))
    expect(hashes.size).toBe(6)
  })

  test('does the same whether its trace is kept whole or not', () => {
    const whole = simulateCore({ seed: 7, trace: true })
    const end = simulateCore({ seed: 7 })
    expect(whole.hash).toBe(end.hash)
    expect(whole.trace().slice(-200)).toEqual(end.trace())
  })

  test('really makes things go wrong: each of its faults happens', () => {
    const happened = new Set<string>()
    for (let seed = 1; happened.size < FAULTS.length && seed <= 150; seed++)
      for (const name of Object.keys(simulateCore({ seed }).faults)) happened.add(name)
    expect([...happened].sort()).toEqual([...FAULTS].sort())
  })
})
