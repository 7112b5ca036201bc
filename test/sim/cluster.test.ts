import { describe, expect, test } from 'vitest'
import { CLUSTER_PROFILES, type ClusterProfile } from '../../src/testing/cluster/draw.ts'
import { FAULT_NAMES } from '../../src/testing/cluster/fault.ts'
import { DRIVER_MUTANTS } from '../../src/testing/cluster/mutants.ts'
import { TOPIC_MUTANTS } from '../../src/testing/cluster/mutants-topics.ts'
import { simulate } from '../../src/testing/cluster/simulate.ts'
import { violationText } from '../../src/testing/cluster/story.ts'

const violations = async (from: number, seeds: number, profile?: ClusterProfile): Promise<string[]> => {
  const found: string[] = []
  for (let seed = from; seed < from + seeds; seed++) {
    const result = await simulate({ seed, ...(profile !== undefined && { profile }) })
    found.push(...result.violations.map((violation) => `seed=${seed} ${violationText(violation)}`))
  }
  return found
}

describe('the real parts under faults', () => {
  test.each(CLUSTER_PROFILES)('keep every promise in the profile %s', async (profile) => {
    expect(await violations(1, 5, profile)).toEqual([])
  })

  test('keep them in what the seeds draw by themselves', async () => {
    expect(await violations(2000, 15)).toEqual([])
  })
})

describe('a simulation', () => {
  test('gives the same trace for the same seed, to the last line', async () => {
    for (const seed of [1, 2]) {
      const first = await simulate({ seed, keepTrace: true })
      const second = await simulate({ seed, keepTrace: true })
      expect(second.trace()).toEqual(first.trace())
      expect(second.hash).toBe(first.hash)
    }
  })

  test('gives the same again from the schedule that it prints', async () => {
    const first = await simulate({ seed: 5, profile: 'swarm' })
    const schedule = JSON.parse(JSON.stringify(first.schedule)) as typeof first.schedule
    const second = await simulate({ seed: 5, profile: 'swarm', faults: schedule })
    expect(second.hash).toBe(first.hash)
  })

  test('really makes things go wrong: each of its faults happens', async () => {
    const happened = new Set<string>(Object.keys((await simulate({ seed: 1, profile: 'failover' })).faults))
    for (let seed = 1; happened.size < FAULT_NAMES.length && seed <= 40; seed++) {
      for (const name of Object.keys((await simulate({ seed, profile: 'swarm' })).faults)) happened.add(name)
    }
    expect([...happened].sort()).toEqual([...FAULT_NAMES].sort())
  })

  test('leaves nobody without a mutant: each promise of the drivers can be found broken', () => {
    const mutants = [...DRIVER_MUTANTS, ...TOPIC_MUTANTS]
    const broken = new Set(mutants.flatMap(({ breaks }) => breaks))
    for (const name of ['Belief', 'Work', 'Drain', 'G5', 'G6', 'G7', 'E8', 'U1', 'U2', 'U3', 'U4'] as const) {
      expect(broken).toContain(name)
    }
    for (const name of ['P3', 'P4', 'Roster', 'Count', 'Truth', 'Heard', 'Turn'] as const)
      expect(broken).toContain(name)
    expect(new Set(mutants.map(({ name }) => name)).size).toBe(mutants.length)
  })
})
