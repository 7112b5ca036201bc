import { describe, expect, test } from 'vitest'
import { seededRandom } from '../../../src/core/random.ts'

const draws = (random: { next(): number }, count = 1_000) => Array.from({ length: count }, () => random.next())

describe('seeded chance', () => {
  test('repeats itself exactly', () => {
    expect(draws(seededRandom(42))).toEqual(draws(seededRandom(42)))
    expect(draws(seededRandom(42))).not.toEqual(draws(seededRandom(43)))
  })

  test('a fork does not depend on what others drew', () => {
    const one = seededRandom(7)
    draws(one)
    expect(draws(one.fork('network'))).toEqual(draws(seededRandom(7).fork('network')))
    expect(draws(one.fork('network'))).not.toEqual(draws(one.fork('faults')))
  })

  test('covers its range evenly', () => {
    const random = seededRandom(1)
    const buckets = new Array<number>(10).fill(0)
    for (let i = 0; i < 100_000; i++) {
      const bucket = random.below(10)
      buckets[bucket] = (buckets[bucket] ?? 0) + 1
    }
    expect(Math.min(...buckets)).toBeGreaterThan(9_500)
    expect(Math.max(...buckets)).toBeLessThan(10_500)
  })
})
