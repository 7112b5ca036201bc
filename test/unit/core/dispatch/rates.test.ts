import { describe, expect, test } from 'vitest'
import type { Ending } from '../../../../src/core/dispatch/messages.ts'
import { Rates } from '../../../../src/core/dispatch/rates.ts'

/** Asks that end at some rate, each after so long. */
const load = (rates: Rates, { from, to, perSecond, tookMs = 10, ending = 'met' as Ending, ...more }: Load): void => {
  for (let now = from; now < to; now += 1_000 / perSecond) {
    rates.ended({ startedAt: now - tookMs, replied: 2, errors: 0, refused: 0, ...more }, ending, now)
  }
}
interface Load {
  readonly from: number
  readonly to: number
  readonly perSecond: number
  readonly tookMs?: number
  readonly ending?: Ending
  readonly errors?: number
  readonly refused?: number
}

const NOTHING = {
  asksPerSecond: 0,
  repliesPerSecond: 0,
  errorsPerSecond: 0,
  refusedPerSecond: 0,
  timeoutsPerSecond: 0,
}

describe('the rates of a topic', () => {
  test('are nothing where nobody asks', () => {
    expect(new Rates(0).view(0)).toEqual(NOTHING)
    expect(new Rates(0).view(1e9)).toEqual(NOTHING)
  })

  test('follow what happens, wherever in its windows one looks', () => {
    const rates = new Rates(0)
    for (let second = 0; second < 30; second++) {
      load(rates, { from: second * 1_000, to: (second + 1) * 1_000, perSecond: 40 })
      const { asksPerSecond, repliesPerSecond } = rates.view((second + 1) * 1_000)
      expect([second, asksPerSecond, repliesPerSecond]).toEqual([second, expect.closeTo(40, 0), expect.closeTo(80, 0)])
    }
    // Then nobody asks any more: it falls, and is nothing after two windows.
    expect(rates.view(32_500).asksPerSecond).toBeCloseTo(20, 0)
    expect(rates.view(40_000)).toEqual(NOTHING)
  })

  test('of a topic that has just begun are not those of its first moment', () => {
    const rates = new Rates(1_000)
    load(rates, { from: 1_000, to: 1_001, perSecond: 2_000 })
    expect(rates.view(1_001).asksPerSecond).toBe(2)
  })

  test('count failures and time limits, and an ask to nobody or called off as an ask', () => {
    const rates = new Rates(0)
    load(rates, { from: 0, to: 5_000, perSecond: 10, errors: 3, refused: 1, ending: 'timeout', tookMs: 300 })
    load(rates, { from: 0, to: 5_000, perSecond: 10, ending: 'nobody', tookMs: 0 })
    load(rates, { from: 0, to: 5_000, perSecond: 10, ending: 'abandoned', tookMs: 5_000 })
    const { asksPerSecond, errorsPerSecond, refusedPerSecond, timeoutsPerSecond, p50Ms, p99Ms } = rates.view(4_999)
    const counted = [asksPerSecond, errorsPerSecond, refusedPerSecond, timeoutsPerSecond].map(Math.round)
    expect(counted).toEqual([30, 30, 10, 10])
    // How long the others took says nothing about the topic.
    expect([p50Ms, p99Ms]).toEqual([expect.closeTo(300, -2), expect.closeTo(300, -2)])
  })

  test.each([0.02, 0.3, 1, 7, 33, 250, 999, 5_000, 60_000, 3_600_000])(
    'tell how long asks took, of %s ms to within a sixteenth',
    (tookMs) => {
      const rates = new Rates(0)
      load(rates, { from: 0, to: 1_000, perSecond: 100, tookMs })
      const { p50Ms = Number.NaN, p99Ms } = rates.view(1_000)
      expect(p99Ms).toBe(p50Ms)
      // Two digits are shown.
      expect(Math.abs(p50Ms - tookMs)).toBeLessThanOrEqual(Math.max(1 / 64, tookMs * (1 / 16 + 0.05)))
    },
  )

  test('keep the slow ones apart from the many', () => {
    const rates = new Rates(0)
    load(rates, { from: 0, to: 4_000, perSecond: 100, tookMs: 4 })
    load(rates, { from: 0, to: 4_000, perSecond: 2, tookMs: 900 })
    const { p50Ms = 0, p99Ms = 0 } = rates.view(4_000)
    expect(Math.round(p50Ms)).toBe(4)
    expect(p99Ms).toBeGreaterThan(800)
  })

  test('take what is longer than any limit, and a clock that stood still', () => {
    const rates = new Rates(0)
    rates.ended({ startedAt: 5, replied: 0, errors: 0, refused: 0 }, 'timeout', 5)
    rates.ended({ startedAt: -(2 ** 31), replied: 0, errors: 0, refused: 0 }, 'timeout', 5)
    expect(rates.view(5)).toMatchObject({ timeoutsPerSecond: 2, p50Ms: expect.closeTo(0, 1) })
  })
})
