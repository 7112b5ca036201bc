import { describe, expect, test } from 'vitest'
import { remainingMs, validUntil } from '../../../src/cli/work/validity.ts'

const reading = (monotonicMs: number, wallMs = monotonicMs, uptimeMs = monotonicMs) => ({
  monotonicMs,
  wallMs,
  uptimeMs: () => uptimeMs,
})

describe('what is left of a validity', () => {
  const validity = validUntil(5_000, () => 2_000, reading(100_000))

  test('is what was measured less the time in the pipe', () => {
    expect(remainingMs(validity, reading(100_000))).toBe(3_000)
    expect(remainingMs(validity, reading(102_500))).toBe(500)
    expect(remainingMs(validity, reading(104_000))).toBe(-1_000)
  })

  test('counts the time during which the machine slept', () => {
    expect(remainingMs(validity, reading(100_100, 110_100, 110_100))).toBe(3_000 - 10_100)
    // The wall clock was set back meanwhile: the time since boot tells, less one unit of its resolution.
    expect(remainingMs(validity, reading(100_100, 50_000, 110_100))).toBe(3_000 - 10_090)
  })

  test('is never more than was measured, however the wall clock was set', () => {
    expect(remainingMs(validity, reading(100_000, 1_000, 100_000))).toBe(3_000)
  })

  test('counts the time between the reading of the clocks and the measurement', () => {
    let now = 2_000
    const stopped = validUntil(5_000, () => now, {
      monotonicMs: 100_000,
      wallMs: 100_000,
      uptimeMs: () => (now += 10_000),
    })
    expect(stopped.forMs).toBe(-7_000)
  })
})
