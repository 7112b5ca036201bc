import fc from 'fast-check'
import { expect, test } from 'vitest'
import { faultScript, releasedBy, spanMs } from '../../../src/demo/script.ts'

test('for each worker that is killed a new one joins, and one is frozen', () => {
  expect(faultScript(2, 1)).toEqual(['kill', 'join', 'freeze', 'kill', 'join'])
  expect(faultScript(1, 1)).toEqual(['kill', 'join', 'freeze'])
  expect(faultScript(0, 1)).toEqual(['join', 'freeze'])
})

test('of several servers the one that leads is killed', () => {
  expect(faultScript(2, 3)).toEqual(['kill', 'join', 'freeze', 'failover', 'kill', 'join'])
  expect(faultScript(0, 3)).toEqual(['join', 'freeze', 'failover'])
})

test('the more faults, the longer the work lasts', () => {
  expect(spanMs(faultScript(3, 1))).toBeGreaterThan(spanMs(faultScript(2, 1)))
  expect(spanMs(faultScript(2, 3))).toBeGreaterThan(spanMs(faultScript(2, 1)))
})

test('files are handed out evenly, whatever their number', () => {
  const at = (elapsedMs: number, files: number) => releasedBy({ elapsedMs, spanMs: 1_000, files, faultsOver: true })
  expect([0, 250, 500, 1_000, 9_000].map((ms) => at(ms, 8))).toEqual([0, 2, 4, 8, 8])
  expect([0, 500, 1_000].map((ms) => at(ms, 100_000))).toEqual([0, 50_000, 100_000])
  expect([0, 999, 1_000].map((ms) => at(ms, 1))).toEqual([0, 0, 1])
})

test('there is work left until the last fault is over, and none is kept back after it', () => {
  fc.assert(
    fc.property(fc.integer({ min: 1, max: 1e6 }), fc.double({ min: 0, max: 1e9, noNaN: true }), (files, elapsedMs) => {
      expect(releasedBy({ elapsedMs, spanMs: 1_000, files, faultsOver: false })).toBeLessThan(files)
      expect(releasedBy({ elapsedMs: elapsedMs + 1_000, spanMs: 1_000, files, faultsOver: true })).toBe(files)
    }),
  )
})
