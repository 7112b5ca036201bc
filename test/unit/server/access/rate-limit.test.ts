import { describe, expect, test } from 'vitest'
import { RateLimit } from '../../../../src/server/access/rate-limit.ts'
import { networkOf } from '../../../../src/server/access/rates.ts'

const limitOf = (options: { perSecond: number; burst: number; maxKeys?: number }) => {
  const clock = { now: 1_000 }
  return { clock, limit: new RateLimit({ ...options, now: () => clock.now }) }
}

describe('a rate', () => {
  test('lets a burst through, then says how long to wait, and takes nothing from whoever is refused', () => {
    const { clock, limit } = limitOf({ perSecond: 10, burst: 3 })
    expect([1, 2, 3].map(() => limit.take('a'))).toEqual([0, 0, 0])
    expect([limit.take('a'), limit.take('a')]).toEqual([100, 100])
    clock.now += 99
    expect(limit.take('a')).toBe(1)
    clock.now += 1
    expect(limit.take('a')).toBe(0)
    expect(limit.take('b')).toBe(0)
  })

  test('never holds more than a burst, and lets through what is larger than one when it is full', () => {
    const { clock, limit } = limitOf({ perSecond: 10, burst: 3 })
    clock.now += 60_000
    expect(limit.take('a', 100)).toBe(0)
    expect(limit.take('a')).toBe(100)
    clock.now += 300
    expect(limit.take('a', 100)).toBe(0)
  })

  test('forgets only whose bucket is full again', () => {
    const { clock, limit } = limitOf({ perSecond: 1, burst: 10 })
    for (let i = 0; i < 10; i++) limit.take('busy')
    for (let second = 1; second <= 100; second++) {
      clock.now += 1_000
      expect([limit.take('busy'), limit.take('busy')]).toEqual([0, 1_000])
      limit.take(`once-${second}`)
    }
    expect(limit.size).toBeLessThan(30)
    clock.now += 1_000_000
    limit.take('somebody')
    expect(limit.size).toBe(1)
  })

  test('keeps a bounded number apart; all others share one place', () => {
    const { clock, limit } = limitOf({ perSecond: 1, burst: 10, maxKeys: 5 })
    for (let window = 0; window < 5; window++) {
      for (let i = 0; i < 1_000; i++) limit.take(`address-${i}`)
      expect(limit.size).toBeLessThanOrEqual(22)
      clock.now += 10_000
    }
  })
})

test.each([
  ['10.1.2.3', '10.1.2.3'],
  ['::ffff:10.1.2.3', '10.1.2.3'],
  ['::1', '0:0:0:0::/64'],
  ['2001:db8::1', '2001:db8:0:0::/64'],
  ['2001:DB8:0:0:ffff:1:2:3', '2001:db8:0:0::/64'],
  ['fe80::1%eth0', 'fe80:0:0:0::/64'],
  ['unknown', 'unknown'],
])('the address %s is counted as %s', (address, network) => {
  expect(networkOf(address)).toBe(network)
})
