import { describe, expect, test } from 'vitest'
import { Claims, wholeClaims } from '../../../src/demo/claims.ts'
import { findOverlaps, type IntervalRecord } from '../../../src/testing/intervals.ts'

const held = (...pairs: [number, number][]) => new Map(pairs)

describe('what a worker claims', () => {
  test('begins after its first true check and ends before its last', () => {
    const claims = new Claims('w1')
    expect(claims.look(held([7, 3]), 100, 110)).toEqual([
      { who: 'w1', what: 'partition 7', epoch: 3, startNs: 110, endNs: 110 },
    ])
    claims.look(held([7, 3]), 200, 210)
    expect(claims.news()).toEqual([{ who: 'w1', what: 'partition 7', epoch: 3, startNs: 110, endNs: 200 }])
    expect(claims.news()).toEqual([])
    expect(claims.look(held(), 300, 310)).toEqual([
      { who: 'w1', what: 'partition 7', epoch: 3, startNs: 110, endNs: 200 },
    ])
    expect(claims.size).toBe(0)
  })

  test('is another claim under another epoch', () => {
    const claims = new Claims('w1')
    claims.look(held([7, 3]), 100, 110)
    const records = claims.look(held([7, 5]), 200, 210)
    expect(records.map(({ epoch, startNs, endNs }) => [epoch, startNs, endNs])).toEqual([
      [3, 110, 110],
      [5, 210, 210],
    ])
    expect(claims.epochOf(7)).toBe(5)
  })
})

describe('a process that was frozen', () => {
  /** w1 is frozen from 200 to 900, and w2 is granted the partition at 500. */
  const logs = (believesOnWaking: boolean): IntervalRecord[] => {
    const [frozen, next] = [new Claims('w1'), new Claims('w2')]
    return [
      ...frozen.look(held([7, 3]), 100, 110),
      ...frozen.look(held([7, 3]), 190, 200),
      ...next.look(held([7, 4]), 500, 510),
      ...next.look(held([7, 4]), 890, 895),
      ...frozen.look(believesOnWaking ? held([7, 3]) : held(), 900, 905),
      ...frozen.look(held(), 910, 915),
      ...next.look(held(), 920, 925),
    ]
  }

  test('claims nothing of the time in which it was frozen', () => {
    expect(findOverlaps(wholeClaims(logs(false)))).toEqual([])
  })

  test('is caught if it still believes on waking', () => {
    expect(findOverlaps(wholeClaims(logs(true)))).toMatchObject([
      { what: 'partition 7', earlier: { who: 'w1' }, later: { who: 'w2' } },
    ])
  })
})
