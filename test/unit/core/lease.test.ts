import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import {
  EpochSource,
  epochOf,
  generationOf,
  grantMs,
  holderUntil,
  MAX_GENERATION,
  SendLog,
} from '../../../src/core/lease.ts'

const generation = fc.integer({ min: 1, max: MAX_GENERATION })
const counter = fc.integer({ min: 1, max: 2 ** 21 - 1 })

describe('epochs', () => {
  test('are safe integers that sort by generation first', () => {
    fc.assert(
      fc.property(generation, counter, counter, (g, a, b) => {
        fc.pre(g < MAX_GENERATION)
        expect(Number.isSafeInteger(epochOf(MAX_GENERATION, 2 ** 21 - 1))).toBe(true)
        expect(epochOf(g, a)).toBeLessThan(epochOf(g + 1, b))
        expect(generationOf(epochOf(g, a))).toBe(g)
      }),
    )
  })

  test('rise within a generation and go on above it in the next', () => {
    const source = new EpochSource(7)
    const first = source.next()
    const second = source.next()
    source.renew(9)
    expect([first, second, source.next()]).toEqual([epochOf(7, 1), epochOf(7, 2), epochOf(9, 1)])
  })

  test('are used up, and say so before that', () => {
    const source = new EpochSource(1)
    for (let i = 0; i < 2 ** 21 - 1; i++) source.next()
    expect(source.has(1)).toBe(false)
    expect(() => source.next()).toThrow(/epochs are left/)
  })

  test.each([0, -1, 1.5, Number.NaN, Number.POSITIVE_INFINITY, 2 ** 32, 1e308])(
    'of generation %s do not exist',
    (bad) => {
      expect(() => new EpochSource(bad)).toThrow(/32 bits/)
    },
  )
})

describe('a source of epochs', () => {
  test('never gives the same or a lower one, whatever generations it goes through', () => {
    const step = fc.oneof(fc.constant('next' as const), fc.integer({ min: 1, max: 1000 }))
    fc.assert(
      fc.property(
        fc.integer({ min: 1, max: MAX_GENERATION - 10_000 }),
        fc.array(step, { maxLength: 9 }),
        (first, steps) => {
          const source = new EpochSource(first)
          let last = source.last
          for (const step of ['next' as const, ...steps]) {
            if (step !== 'next') source.renew(source.generation + step)
            else {
              const epoch = source.next()
              expect(epoch).toBeGreaterThan(last)
              expect([epoch, generationOf(epoch)]).toEqual([source.last, source.generation])
            }
            expect(source.last).toBeGreaterThanOrEqual(last)
            last = source.last
          }
        },
      ),
    )
  })

  test.each([7, 6, 0, -1, Number.NaN, Number.POSITIVE_INFINITY, 2 ** 32, 1e308])(
    'does not go on in %s after 7',
    (bad) => {
      expect(() => new EpochSource(7).renew(bad)).toThrow(/generations rise/)
    },
  )

  test('counts the whole way up to the last one, and splits it again', () => {
    fc.assert(
      fc.property(fc.integer({ min: 0, max: MAX_GENERATION }), fc.integer({ min: 0, max: 2 ** 21 - 1 }), (g, c) => {
        expect([generationOf(epochOf(g, c)), epochOf(g, c) - epochOf(g, 0)]).toEqual([g, c])
      }),
    )
  })
})

describe('lease arithmetic', () => {
  test('nobody is granted what a holder believes, whenever it sent, was heard and was answered, by clocks set anyhow', () => {
    const rate = fc.double({ min: 0.99, max: 1.01, noNaN: true })
    const ms = fc.double({ min: 0, max: 1e6, noNaN: true })
    const offset = fc.double({ min: -1e9, max: 1e9, noNaN: true })
    fc.assert(
      fc.property(
        fc.record({
          leaseMs: ms,
          marginMs: ms,
          sent: ms,
          way: ms,
          holder: rate,
          grantor: rate,
          set: offset,
          other: offset,
        }),
        ({ leaseMs, marginMs, sent, way, holder, grantor, set, other }) => {
          // Each clock as a function of real time; the answer plays no part, however long it takes.
          const until = holderUntil(sent * holder + set, leaseMs, marginMs)
          const believesUntil = (until - set) / holder
          const grantsAt = ((sent + way) * grantor + other + grantMs(leaseMs) - other) / grantor
          expect(grantsAt).toBeGreaterThanOrEqual(believesUntil - 1e-3)
        },
      ),
    )
  })

  test('beyond the drift that is allowed it would not hold: the bound is no wider than it must be', () => {
    const grantsAfter = grantMs(1_000) / 1.01
    expect(grantsAfter).toBeCloseTo(1_000 / 0.99)
    expect(grantsAfter).toBeLessThan(1_000 / 0.989)
  })

  test('no lease is too long or too short for it, and longer leases are waited for longer', () => {
    const lease = fc.double({ min: 0, max: 1e300, noNaN: true })
    fc.assert(
      fc.property(lease, lease, fc.double({ min: 0, max: 0.5, noNaN: true }), (a, b, drift) => {
        const [shorter, longer] = [Math.min(a, b), Math.max(a, b)]
        expect(grantMs(shorter, drift)).toBeGreaterThanOrEqual(shorter * (1 - 1e-12))
        expect(grantMs(shorter, drift)).toBeLessThanOrEqual(grantMs(longer, drift))
      }),
    )
  })

  test('a grantor with the fastest clock still waits longer than a holder with the slowest one believes', () => {
    fc.assert(
      fc.property(
        fc.double({ min: 1, max: 1e7, noNaN: true }),
        fc.double({ min: 0.99, max: 1.01, noNaN: true }),
        fc.double({ min: 0.99, max: 1.01, noNaN: true }),
        (leaseMs, holderRate, grantorRate) => {
          const beliefEndsAfter = holderUntil(0, leaseMs, 0) / holderRate
          const grantAfter = grantMs(leaseMs) / grantorRate
          expect(grantAfter).toBeGreaterThanOrEqual(beliefEndsAfter * (1 - 1e-12))
        },
      ),
    )
  })
})

describe('the log of sends', () => {
  test('gives the time at which a renewal was sent, and forgets what is older than the last answer', () => {
    const log = new SendLog()
    log.sent(1, 100)
    log.sent(2, 200)
    log.sent(3, 300)
    expect(log.answered(2)).toBe(200)
    expect(log.answered(1)).toBeUndefined()
    expect(log.answered(2)).toBe(200)
    expect(log.answered(3)).toBe(300)
  })

  test('knows nothing of what was never sent', () => {
    expect(new SendLog().answered(1e308)).toBeUndefined()
  })

  test('stays small when nobody answers', () => {
    const log = new SendLog()
    for (let i = 1; i <= 100_000; i++) log.sent(i, i)
    expect(log.answered(1)).toBeUndefined()
    expect(log.answered(100_000)).toBe(100_000)
  })
})
