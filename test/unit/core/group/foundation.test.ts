import { describe, expect, test } from 'vitest'
import {
  ceilingOf,
  ceilingUntil,
  lowerAt,
  loweredFoundation,
  nextFoundation,
} from '../../../../src/core/group/foundation.ts'

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
    expect(loweredFoundation(9, leases)).toEqual({
      generation: 9,
      defaultCeilingMs: 4_000,
      ceilingsMs: { tight: 1_000 },
    })
  })
})
