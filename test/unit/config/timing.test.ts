import { describe, expect, test } from 'vitest'
import {
  checkTiming,
  describeViolation,
  requireSafe,
  worstFailoverMs,
  worstTakeoverMs,
} from '../../../src/config/safety.ts'
import { resolveTiming, servedTiming, timing } from '../../../src/config/timing.ts'

const rules = (checked: Parameters<typeof resolveTiming>[0], peers = false) =>
  checkTiming(resolveTiming(checked), { peers }).map(({ left, right }) => `${left.name} < ${right.name}`)

describe('the presets', () => {
  test('are safe, also with voters, and nobody can change them', () => {
    for (const preset of ['local', 'lan', 'wan'] as const) {
      expect(checkTiming(timing[preset], { peers: true })).toEqual([])
      expect(resolveTiming(preset)).toBe(timing[preset])
      expect(Object.isFrozen(timing[preset])).toBe(true)
    }
    expect(Object.isFrozen(timing)).toBe(true)
  })
})

describe('numbers over a preset', () => {
  test('take with them what follows from them', () => {
    expect(resolveTiming({ leaseMs: 1_000, settleMs: 2_000 })).toEqual({
      ...timing.lan,
      leaseMs: 1_000,
      heartbeatMs: 250,
      stopMarginMs: 200,
      reconnectMaxMs: 250,
      settleMs: 2_000,
      settleCapMs: 10_000,
    })
    expect(resolveTiming({ leaseMs: 60_000 })).toMatchObject({ heartbeatMs: 1_000, staticGraceMs: 180_000 })
    expect(resolveTiming({ leaseMs: 1_000, heartbeatMs: 100 })).toMatchObject({ heartbeatMs: 100 })
    expect(resolveTiming({ settleMs: 700 }, timing.local)).toMatchObject({ leaseMs: 1_000, settleCapMs: 3_500 })
  })

  test.each([[100], [300], [1_000], [4_000], [60_000], [2 ** 31 - 1]])(
    'a lease of %i ms by itself is safe',
    (leaseMs) => {
      expect(rules({ leaseMs, settleMs: 1_000 })).toEqual([])
    },
  )

  test('the predecessor’s default settings are safe', () => {
    expect(checkTiming(servedTiming)).toEqual([])
    expect(servedTiming).toMatchObject({ leaseMs: 4_000, settleMs: 6_000, settleCapMs: 30_000 })
  })

  test('are refused one by one when they are none, with everything that is wrong', () => {
    const wrong = { leaseMs: Number.NaN, heartbeatMs: -1, settleMs: Number.POSITIVE_INFINITY, leasMs: 3 }
    expect(() => resolveTiming(wrong)).toThrow(
      /leaseMs is NaN.*heartbeatMs is -1.*settleMs is Infinity.*leasMs is not known; did you mean leaseMs\?/,
    )
    expect(() => resolveTiming({ leaseMs: 2 ** 31 })).toThrow(/100 to 2147483647/)
    expect(() => resolveTiming('fast' as 'lan')).toThrow(/"local", "lan", "wan"/)
    expect(() => resolveTiming({ leaseMs: '4' as unknown as number })).toThrow(/leaseMs is "4"/)
  })
})

describe('the check', () => {
  test('finds every relation that does not hold, with both numbers', () => {
    const found = checkTiming(resolveTiming({ heartbeatMs: 3_000, settleMs: 900, settleCapMs: 800 }))
    expect(found).toMatchObject([
      { left: { name: 'leaseMs − stopMarginMs', ms: 5_750 }, right: { name: '3 × heartbeatMs', ms: 9_000 } },
      { left: { name: 'settleCapMs', ms: 800 }, right: { name: 'settleMs', ms: 900 } },
    ])
    expect(() => requireSafe(found)).toThrow(/5750 ms.*9000 ms.*800 ms.*900 ms/)
    expect(describeViolation(found[1]!)).toMatch(
      /^settleCapMs must be at least settleMs: .* \(settleCapMs is 800 ms, settleMs is 900 ms\)$/,
    )
    expect(() => requireSafe([])).not.toThrow()
  })

  test.each([
    ['a margin that eats the lease', { stopMarginMs: 2_000 }, false, 'leaseMs < 5 × stopMarginMs'],
    ['a slow reconnect', { reconnectMaxMs: 5_000 }, false, 'leaseMs − heartbeatMs − stopMarginMs < reconnectMaxMs'],
    ['a grace shorter than the lease', { staticGraceMs: 6_000 }, false, 'staticGraceMs < leaseMs · (1+ε)/(1−ε)'],
    ['rare heartbeats of a leader', { leaderHeartbeatMs: 201 }, true, 'leaderLeaseMs < 3 × leaderHeartbeatMs'],
    ['a lease longer than the promises', { leaderLeaseMs: 740 }, true, 'electionMinMs · (1−ε)/(1+ε) < leaderLeaseMs'],
    ['voters that all wait alike', { electionMaxMs: 1_000 }, true, 'electionMaxMs < 1.5 × electionMinMs'],
    [
      'elections slower than leases',
      { electionMaxMs: 2_200 },
      true,
      'leaseMs − heartbeatMs − stopMarginMs < 2 × electionMaxMs + reconnectMaxMs',
    ],
  ])('refuses %s', (_, given, peers, relation) => {
    expect(rules(given, peers)).toEqual([relation])
    if (peers) expect(rules(given, false)).toEqual([])
  })

  test('no grace at all is a grace that is meant', () => {
    expect(rules({ staticGraceMs: 0, settleMs: 0, drainLimitMs: 0, stopMarginMs: 0 })).toEqual([])
  })
})

describe('the worst case', () => {
  test('of a failover is the election and the leases that the predecessor gave', () => {
    expect(worstFailoverMs(timing.lan)).toBe(6_122)
    expect(worstFailoverMs(timing.lan, { peers: true })).toBe(9_122)
  })
  test('of a takeover is a lease, the settle cap, an overrun drain and what is left of its lease', () => {
    expect(worstTakeoverMs(timing.lan)).toBe(6_122 + 5_000 + 10_000 + 6_122)
  })
})
