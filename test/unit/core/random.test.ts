import fc from 'fast-check'
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

  const seed = fc.integer({ min: 0, max: Number.MAX_SAFE_INTEGER })

  test('stays in its range for every seed', () => {
    fc.assert(
      fc.property(seed, fc.integer({ min: 1, max: 2 ** 31 }), (from, below) => {
        const random = seededRandom(from)
        for (const value of draws(random, 20)) expect(value >= 0 && value < 1).toBe(true)
        for (let i = 0; i < 20; i++) {
          const whole = random.below(below)
          expect(Number.isInteger(whole) && whole >= 0 && whole < below).toBe(true)
        }
      }),
    )
  })

  test('a fork depends on the seed and on the labels that lead to it, and on nothing else', () => {
    fc.assert(
      fc.property(seed, fc.array(fc.string(), { minLength: 1, maxLength: 4 }), fc.nat(9), (from, labels, drawn) => {
        const [first = '', ...rest] = labels
        const straight = rest.reduce((random, label) => random.fork(label), seededRandom(from).fork(first))
        const busy = seededRandom(from)
        draws(busy, drawn)
        busy.fork('somebody else')
        const child = busy.fork(first)
        const again = rest.reduce((random, label) => {
          const next = random.fork(label)
          draws(random, drawn)
          return next
        }, child)
        expect(draws(again, 5)).toEqual(draws(straight, 5))
      }),
    )
  })

  test('forks of different labels, and of different seeds, have nothing to do with each other', () => {
    fc.assert(
      fc.property(seed, fc.string(), fc.string(), (from, one, other) => {
        fc.pre(one !== other)
        expect(draws(seededRandom(from).fork(one), 5)).not.toEqual(draws(seededRandom(from).fork(other), 5))
      }),
    )
  })
})
