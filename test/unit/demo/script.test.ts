import fc from 'fast-check'
import { expect, test } from 'vitest'
import { faultScript, releasedBy, spanMs } from '../../../src/demo/script.ts'

test('for each worker that is killed a new one joins, and one is frozen', () => {
  expect(faultScript(2, false)).toEqual(['kill', 'join', 'freeze', 'kill', 'join'])
  expect(faultScript(1, false)).toEqual(['kill', 'join', 'freeze'])
  expect(faultScript(0, false)).toEqual(['join', 'freeze'])
})

test('whoever coordinates is killed where somebody else can take over', () => {
  expect(faultScript(2, true)).toEqual(['kill', 'join', 'freeze', 'failover', 'kill', 'join'])
  expect(faultScript(0, true)).toEqual(['join', 'freeze', 'failover'])
})

test('the more faults, the longer the work lasts', () => {
  const span = (kill: number, canFailOver: boolean) => spanMs(faultScript(kill, canFailOver), 'servers')
  expect(span(3, false)).toBeGreaterThan(span(2, false))
  expect(span(2, true)).toBeGreaterThan(span(2, false))
  expect(spanMs(faultScript(2, true), 'elsewhere')).toBeGreaterThan(span(2, true))
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
