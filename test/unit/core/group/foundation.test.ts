import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import {
  ceilingOf,
  ceilingUntil,
  lowerAt,
  loweredFoundation,
  nextFoundation,
  sameFoundation,
} from '../../../../src/core/group/foundation.ts'
import { grantMs, MAX_GENERATION } from '../../../../src/core/lease.ts'

const ms = fc.integer({ min: 1, max: 1e7 })
const named = fc.dictionary(fc.oneof(fc.constantFrom('a', 'b', 'c', '__proto__', 'constructor'), fc.string()), ms)
const configured = fc.record({ defaultLeaseMs: ms, leasesMs: named })
const generation = fc.integer({ min: 1, max: MAX_GENERATION - 100 })
const stored = fc.option(fc.record({ generation, defaultCeilingMs: ms, ceilingsMs: named }), { nil: undefined })
const wall = fc.integer({ min: -1e12, max: 4e12 })

const leases = { defaultLeaseMs: 4_000, leasesMs: { tight: 1_000 } }
const wallMs = 1_800_000_000_500

describe('what a coordinator starts from', () => {
  test('a blank store proves nothing: the configured leases are waited for', () => {
    const foundation = nextFoundation(undefined, leases, wallMs)
    expect(foundation).toEqual({ generation: 1_800_000_000, defaultCeilingMs: 4_000, ceilingsMs: { tight: 1_000 } })
    expect(ceilingUntil(foundation, 'anything', 100)).toBeCloseTo(100 + 4_000 * (1.01 / 0.99))
  })

  test('the generation rises although the wall clock went back', () => {
    const stored = { generation: 1_900_000_000, defaultCeilingMs: 4_000, ceilingsMs: {} }
    expect(nextFoundation(stored, leases, wallMs).generation).toBe(1_900_000_001)
  })

  test('a shorter lease at a restart does not shorten the wait for the longer ones that were given', () => {
    const stored = { generation: 5, defaultCeilingMs: 60_000, ceilingsMs: { tight: 9_000, gone: 30_000 } }
    const foundation = nextFoundation(stored, leases, wallMs)
    expect(ceilingOf(foundation, 'anything')).toBe(60_000)
    expect(ceilingOf(foundation, 'tight')).toBe(9_000)
    expect(ceilingOf(foundation, 'gone')).toBe(30_000)
    expect(lowerAt(foundation, 0)).toBeCloseTo(60_000 * (1.01 / 0.99))
  })

  test('a longer lease at a restart is promised before it is given', () => {
    const stored = { generation: 5, defaultCeilingMs: 1_000, ceilingsMs: {} }
    expect(ceilingOf(nextFoundation(stored, leases, wallMs), 'anything')).toBe(4_000)
  })

  test('a group with a lease of its own for the first time may have had the default before', () => {
    const stored = { generation: 5, defaultCeilingMs: 60_000, ceilingsMs: {} }
    expect(ceilingOf(nextFoundation(stored, leases, wallMs), 'tight')).toBe(60_000)
  })

  test('is lowered to what is configured once all of that has run out', () => {
    expect(loweredFoundation({ generation: 9 }, leases)).toEqual({
      generation: 9,
      defaultCeilingMs: 4_000,
      ceilingsMs: { tight: 1_000 },
    })
  })

  test('is later than any before it, and never waits for less than was promised or is configured, for any group', () => {
    fc.assert(
      fc.property(stored, configured, wall, fc.string(), (before, wanted, wallMs, stranger) => {
        const next = nextFoundation(before, wanted, wallMs)
        expect(next.generation).toBeGreaterThan(before?.generation ?? 0)
        expect(next.generation).toBeLessThanOrEqual(MAX_GENERATION)
        const lowered = loweredFoundation({ generation: next.generation }, wanted)
        const names = [...Object.keys(before?.ceilingsMs ?? {}), ...Object.keys(wanted.leasesMs), stranger]
        for (const name of names) {
          expect(ceilingOf(next, name)).toBeGreaterThanOrEqual(ceilingOf(before, name))
          expect(ceilingOf(next, name)).toBeGreaterThanOrEqual(ceilingOf(lowered, name))
          // By the time at which it is lowered, nobody waits for any of it any more.
          expect(ceilingUntil(next, name, 5)).toBeLessThanOrEqual(lowerAt(next, 5))
        }
      }),
    )
  })

  test('forgets nothing through any number of restarts: the longest lease of all of them is waited for', () => {
    fc.assert(
      fc.property(fc.array(fc.tuple(configured, wall), { minLength: 1, maxLength: 6 }), fc.string(), (starts, name) => {
        let foundation: ReturnType<typeof nextFoundation> | undefined
        let longest = 0
        for (const [wanted, wallMs] of starts) {
          const next = nextFoundation(foundation, wanted, wallMs)
          longest = Math.max(longest, ceilingOf(loweredFoundation({ generation: 1 }, wanted), name))
          expect(next.generation).toBeGreaterThan(foundation?.generation ?? 0)
          foundation = next
        }
        expect(ceilingUntil(foundation as NonNullable<typeof foundation>, name, 0)).toBeGreaterThanOrEqual(
          grantMs(longest),
        )
      }),
    )
  })

  test('is the same as itself and as its copy, and not as one with another number in it', () => {
    fc.assert(
      fc.property(stored, (one) => {
        if (one === undefined) return
        expect(sameFoundation(one, structuredClone(one))).toBe(true)
        expect(sameFoundation(one, { ...one, generation: one.generation + 1 })).toBe(false)
        expect(sameFoundation(one, { ...one, ceilingsMs: { ...one.ceilingsMs, more: -1 } })).toBe(false)
        expect(sameFoundation({ ...one, ceilingsMs: { ...one.ceilingsMs, more: -1 } }, one)).toBe(false)
      }),
    )
  })
})
