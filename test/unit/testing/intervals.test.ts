import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { isCaucusError } from '../../../src/errors.ts'
import { findOverlaps, type IntervalRecord, parseIntervals } from '../../../src/testing/intervals.ts'

const claim = (who: string, startNs: number, endNs: number, what = 'partition 1', epoch = 1): IntervalRecord => ({
  who,
  what,
  epoch,
  startNs,
  endNs,
})

describe('the checker of intervals', () => {
  test('has nothing to say of owners who follow one another', () => {
    expect(findOverlaps([])).toEqual([])
    expect(findOverlaps([claim('b', 20, 30), claim('a', 0, 19), claim('a', 31, 40)])).toEqual([])
  })

  test('catches two owners at one instant, and says when', () => {
    const a = claim('a', 0, 20)
    const b = claim('b', 15, 30)
    expect(findOverlaps([b, a])).toEqual([{ what: 'partition 1', earlier: a, later: b, startNs: 15, endNs: 20 }])
  })

  test('takes both ends for claimed: each is a reading that said yes', () => {
    expect(findOverlaps([claim('a', 0, 20), claim('b', 20, 30)])).toMatchObject([{ startNs: 20, endNs: 20 }])
    expect(findOverlaps([claim('a', 0, 20), claim('b', 21, 30)])).toEqual([])
    expect(findOverlaps([claim('a', 5, 5), claim('b', 5, 5)])).toHaveLength(1)
  })

  test('catches one that lies within another, long after the start of it and with others in between', () => {
    const long = claim('a', 0, 1_000)
    const within = claim('b', 900, 910)
    expect(findOverlaps([long, claim('a', 10, 20), claim('a', 30, 40), within])).toMatchObject([
      { earlier: long, later: within },
    ])
  })

  test('is not blinded by a longer claim of the same owner', () => {
    const other = claim('b', 1, 50)
    const again = claim('a', 40, 60)
    expect(findOverlaps([claim('a', 0, 0), other, claim('a', 51, 100), again])).toMatchObject([
      { earlier: other, later: again },
    ])
    expect(findOverlaps([claim('a', 0, 10), claim('a', 5, 30), claim('b', 31, 40)])).toEqual([])
  })

  test('compares only claims to the same thing', () => {
    expect(findOverlaps([claim('a', 0, 20), claim('b', 0, 20, 'partition 2')])).toEqual([])
    expect(findOverlaps([claim('a', 0, 20), claim('a', 0, 20)])).toEqual([])
  })

  test('agrees with comparing every claim with every other', () => {
    const some = fc.record({
      who: fc.constantFrom('a', 'b', 'c'),
      what: fc.constantFrom('1', '2'),
      epoch: fc.constant(1),
      startNs: fc.nat(60),
      lengthNs: fc.nat(12),
    })
    fc.assert(
      fc.property(fc.array(some, { maxLength: 16 }), (drawn) => {
        const records = drawn.map(({ lengthNs, ...rest }) => ({ ...rest, endNs: rest.startNs + lengthNs }))
        const meet = (a: IntervalRecord, b: IntervalRecord) =>
          a.what === b.what && a.who !== b.who && a.startNs <= b.endNs && b.startNs <= a.endNs
        const found = findOverlaps(records)
        expect(found.length > 0).toBe(records.some((a) => records.some((b) => meet(a, b))))
        for (const { earlier, later, startNs, endNs } of found) {
          expect(meet(earlier, later)).toBe(true)
          expect(startNs).toBeLessThanOrEqual(endNs)
        }
      }),
    )
  })

  test('goes through a log of a hundred thousand claims of one thing', () => {
    const records = Array.from({ length: 100_000 }, (_, at) => claim(`w${at % 7}`, at * 2, at * 2 + 1))
    expect(findOverlaps(records)).toEqual([])
    expect(findOverlaps([...records, claim('frozen', 0, 1_000)])).not.toEqual([])
  })
})

describe('an interval log', () => {
  const line = (record: unknown) => `${JSON.stringify(record)}\n`

  test('is read line by line', () => {
    const records = [claim('a', 0, 1), claim('b', 2, 2)]
    expect(parseIntervals(records.map(line).join(''))).toEqual(records)
    expect(parseIntervals('')).toEqual([])
  })

  test('may end in the middle of a line, as one does whose writer was killed', () => {
    expect(parseIntervals(`${line(claim('a', 0, 1))}{"who":"b","wh`)).toEqual([claim('a', 0, 1)])
  })

  test.each([
    ['{"who":', 'cut off'],
    ['null', 'nothing'],
    ['[]', 'a list'],
    [JSON.stringify({ ...claim('a', 0, 1), who: 7 }), 'a name that is a number'],
    [JSON.stringify({ ...claim('a', 0, 1), endNs: null }), 'no end'],
    [JSON.stringify(claim('a', 2, 1)), 'an end before its start'],
  ])('refuses %s in the middle (%s) and names the line', (bad) => {
    const read = () => parseIntervals(`${line(claim('a', 0, 1))}${bad}\n${line(claim('a', 2, 3))}`, 'w1.ndjson')
    expect(read).toThrow(/^w1\.ndjson:2 /)
    expect(read).toThrow(expect.toSatisfy(isCaucusError))
  })
})
