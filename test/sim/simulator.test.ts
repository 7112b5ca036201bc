import { readFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { describe, expect, test } from 'vitest'
import { FAULTS, PROFILES, type Profile } from '../../src/testing/simulation/conditions.ts'
import { simulate } from '../../src/testing/simulation/simulate.ts'

const explain = ({ seed, step, invariant, message }: NonNullable<ReturnType<typeof simulate>['violation']>) =>
  `seed=${seed} step=${step} invariant=${invariant}: ${message}`

const violations = (from: number, seeds: number, profile?: Profile): string[] => {
  const found: string[] = []
  for (let seed = from; seed < from + seeds; seed++) {
    const { violation } = simulate({ seed, ...(profile !== undefined && { profile }) })
    if (violation !== undefined) found.push(explain(violation))
  }
  return found
}

describe('the group machine under faults', () => {
  test.each(PROFILES)('keeps every invariant in the profile %s', (profile) => {
    expect(violations(1, 25, profile)).toEqual([])
  })

  test('keeps them in what the seeds draw by themselves', () => {
    expect(violations(1000, 100)).toEqual([])
  })

  test('keeps them at the seeds that found something once', () => {
    const lines = readFileSync(fileURLToPath(new URL('seeds.txt', import.meta.url)), 'utf8').split('\n')
    const seeds = lines.filter((line) => /^\d/.test(line)).map((line) => line.split(/\s+/))
    expect(seeds.length).toBeGreaterThan(5)
    expect(seeds.flatMap(([seed]) => violations(Number(seed), 1))).toEqual([])
  })
})

describe('the simulator', () => {
  test('gives the same trace for the same seed, to the last line', () => {
    for (let seed = 1; seed <= 20; seed++) {
      const first = simulate({ seed })
      const second = simulate({ seed })
      expect(second.hash).toBe(first.hash)
      expect(second.trace()).toEqual(first.trace())
    }
  })

  test('gives other traces for other seeds', () => {
    const hashes = new Set(Array.from({ length: 50 }, (_, n) => simulate({ seed: n + 1 }).hash))
    expect(hashes.size).toBe(50)
  })

  test('does the same whether its trace is kept whole or not', () => {
    const whole = simulate({ seed: 7, trace: true })
    const end = simulate({ seed: 7 })
    expect(whole.hash).toBe(end.hash)
    expect(whole.trace().slice(-200)).toEqual(end.trace())
  })

  test('really makes things go wrong: each of its faults happens', () => {
    const happened = new Set<string>()
    for (let seed = 1; seed <= 150; seed++)
      for (const name of Object.keys(simulate({ seed }).faults)) happened.add(name)
    expect([...happened].sort()).toEqual([...FAULTS].sort())
  })
})
