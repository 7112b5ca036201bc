import { readFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { describe, expect, test } from 'vitest'
import { seededRandom } from '../../src/core/random.ts'
import { ETCD_PROFILES, type EtcdProfile } from '../../src/testing/etcd/conditions.ts'
import { drawEtcd } from '../../src/testing/etcd/draw.ts'
import { ETCD_FAULTS } from '../../src/testing/etcd/fault.ts'
import { drawEtcdSchedule } from '../../src/testing/etcd/schedule.ts'
import { simulateEtcd } from '../../src/testing/etcd/simulate.ts'

const violations = async (from: number, seeds: number, profile?: EtcdProfile): Promise<string[]> => {
  const found: string[] = []
  for (let seed = from; seed < from + seeds; seed++) {
    const run = await simulateEtcd({ seed, profile })
    for (const { invariant, atMs, message } of run.violations)
      found.push(`seed=${seed} profile=${run.profile} step=${Math.round(atMs)} invariant=${invariant}: ${message}`)
  }
  return found
}

describe('processes on etcd', () => {
  test.each(ETCD_PROFILES)(
    'keep every promise in the profile %s',
    async (profile) => {
      expect(await violations(8, 2, profile)).toEqual([])
    },
    60_000,
  )

  test('keep them at the seeds that found something once', async () => {
    const file = fileURLToPath(new URL('etcd-seeds.txt', import.meta.url))
    const lines = readFileSync(file, 'utf8').split('\n')
    const seeds = lines.filter((line) => /^\d/.test(line)).map((line) => line.split(/\s+/))
    for (const [seed = '', profile] of seeds)
      expect(await violations(Number(seed), 1, profile as EtcdProfile)).toEqual([])
  }, 120_000)

  test('do the same again for the same seed', async () => {
    const [one, other] = [await simulateEtcd({ seed: 5 }), await simulateEtcd({ seed: 5 })]
    expect(other.hash).toBe(one.hash)
    expect(one.reigns.length).toBeGreaterThan(0)
  }, 30_000)

  test('meet each fault in some seed', () => {
    const met = new Set<string>()
    for (let seed = 1; seed <= 60; seed++) {
      const conditions = drawEtcd(seed)
      const schedule = drawEtcdSchedule(seededRandom(seed), conditions, ['m1', 'm2'])
      for (const { fault } of schedule) met.add(fault)
    }
    for (const fault of ETCD_FAULTS) expect(met).toContain(fault)
  })
})
