import { expect, test } from 'vitest'
import { environmentOf, formatRanges, sameHoldings } from '../../../src/cli/work/share.ts'

test.each([
  [[], ''],
  [[33], '33'],
  [[2, 0, 1, 3, 33, 35, 36], '0-3,33,35-36'],
])('%j are the ranges %j', (numbers, ranges) => expect(formatRanges(numbers)).toBe(ranges))

test('the epoch of a program is the highest of what it has', () => {
  const held = [
    { item: 1, epoch: 9 },
    { item: 0, epoch: 4 },
  ]
  expect(environmentOf(held, { partitions: 16 })).toEqual({
    CAUCUS_INDEX: null,
    CAUCUS_TOTAL: '16',
    CAUCUS_EPOCH: '9',
    CAUCUS_PARTITIONS: '0-1',
  })
})

test('the epoch of a program is at least that of the program before it', () => {
  expect(environmentOf([{ item: 1, epoch: 9 }], { partitions: 16 }, 12)).toMatchObject({ CAUCUS_EPOCH: '12' })
})

test('two shares are the same only with the same epochs', () => {
  const held = [{ item: 1, epoch: 9 }]
  expect(sameHoldings(held, [{ item: 1, epoch: 9 }])).toBe(true)
  expect(sameHoldings(held, [{ item: 1, epoch: 10 }])).toBe(false)
  expect(sameHoldings(held, [])).toBe(false)
})
