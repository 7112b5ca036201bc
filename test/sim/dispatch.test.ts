import { describe, expect, test } from 'vitest'
import { DISPATCH_FAULTS, DISPATCH_PROFILES, type DispatchProfile } from '../../src/testing/dispatch/conditions.ts'
import { dispatchExplaining } from '../../src/testing/dispatch/explain.ts'
import { simulateDispatch } from '../../src/testing/dispatch/simulate.ts'
import { DISPATCH } from '../../src/testing/mutants/dispatch.ts'
import { mutantNamed, sweepMutant } from '../../src/testing/mutation.ts'
import { sweep } from '../../src/testing/sweep.ts'
import { built } from './built.ts'

const violations = (from: number, seeds: number, profile?: DispatchProfile): string[] => {
  const found: string[] = []
  for (let seed = from; seed < from + seeds; seed++) {
    const { violation } = simulateDispatch({ seed, profile })
    if (violation !== undefined) found.push(`seed=${seed} ${violation.invariant}: ${violation.message}`)
  }
  return found
}

describe('scatter and gather under faults', () => {
  test.each(DISPATCH_PROFILES)('keep every promise in the profile %s', (profile) => {
    expect(violations(1, 40, profile)).toEqual([])
  })

  test('keep them in what the seeds draw by themselves', () => {
    expect(violations(1000, 150)).toEqual([])
  })
})

describe('its simulator', () => {
  test('gives the same trace for the same seed, to the last line, and others for others', () => {
    const hashes = new Set<string>()
    for (let seed = 1; seed <= 20; seed++) {
      const first = simulateDispatch({ seed })
      const second = simulateDispatch({ seed })
      expect(second.hash).toBe(first.hash)
      expect(second.trace()).toEqual(first.trace())
      hashes.add(first.hash)
    }
    expect(hashes.size).toBe(20)
  })

  test('really makes things go wrong: each of its faults happens', () => {
    const happened = new Set<string>()
    for (let seed = 1; seed <= 40; seed++) {
      for (const name of Object.keys(simulateDispatch({ seed }).faults)) happened.add(name)
    }
    expect([...happened].sort()).toEqual([...DISPATCH_FAULTS].sort())
  })

  test('without a deed does the others as before', () => {
    const whole = simulateDispatch({ seed: 12, profile: 'swarm' })
    const [first, ...others] = whole.deeds
    const { deeds } = simulateDispatch({ seed: 12, profile: 'swarm', limits: { deeds: others } })
    expect(deeds).not.toContain(first)
    expect(deeds.length).toBeGreaterThan(whole.deeds.length / 2)
    expect(others).toEqual(expect.arrayContaining([...deeds]))
  })

  test('refuses a profile of another level', async () => {
    const options = { from: 1, seeds: 1, twiceEvery: 0, coverage: 'none', jobs: 1 } as const
    await expect(sweep({ ...options, level: 'dispatch', profile: 'failover' })).rejects.toThrow(
      'level dispatch has no profile failover; take one of swarm, restarts, churn, quiet',
    )
  })
})

test('what is found is shrunk to a few deeds, drawn, and can be run again', async () => {
  const options = { from: 1, seeds: 20, explain: true, built: built() }
  const { explanation = '' } = await sweepMutant(mutantNamed('left-not-completed'), options)
  expect(explanation).toMatch(/^seed=\d+ step=\d+ invariant=P1: ask \d+: finished did not come\n/)
  const line = /^seed=\d+ profile=.*$/m.exec(explanation)?.[0] ?? ''
  const { limits } = dispatchExplaining.parse(line)
  expect(limits?.deeds?.length).toBeLessThanOrEqual(8)
  expect(simulateDispatch(dispatchExplaining.parse(line)).violation).toBeUndefined()
  expect(explanation).toContain('│ runs  ┃ believes')
}, 120_000)

test('every promise of dispatch has a mutant of its own', () => {
  const broken = new Set(DISPATCH.flatMap(({ breaks }) => breaks))
  for (const name of ['P1', 'P2', 'P3', 'P4', 'P5', 'P6', 'Roster', 'Count', 'Truth', 'Heard', 'Turn'] as const) {
    expect(broken).toContain(name)
  }
})
