import { describe, expect, test } from 'vitest'
import {
  type Coverage,
  coverageOf,
  type FunctionCount,
  isUnreached,
  mergeCoverage,
} from '../../../../src/testing/sweep/coverage.ts'

const range = (startOffset: number, endOffset: number, count: number) => ({ startOffset, endOffset, count })
const ran = (...ranges: FunctionCount['ranges'][number][]): FunctionCount => ({ ranges })

/** A module of 100 characters with one function from 10 to 90 and, in it, a branch from 40 to 60. */
const both = coverageOf([ran(range(0, 100, 1)), ran(range(10, 90, 5), range(40, 60, 2))])
const branchMissed = coverageOf([ran(range(0, 100, 1)), ran(range(10, 90, 5), range(40, 60, 0))])
const neverCalled = coverageOf([ran(range(0, 100, 1)), ran(range(10, 90, 0))])
/** As later counts are: the module has long been loaded, and what did not run is not told. */
const later = coverageOf([ran(range(0, 100, 0)), ran(range(10, 90, 3), range(40, 60, 1))])

const merged = (...files: (typeof both)[]) => {
  const all = files.reduce<Coverage>((sum, file) => mergeCoverage(sum, { 'core/a.js': file }), {})
  const file = all['core/a.js']
  if (file === undefined) throw new Error('nothing was merged')
  return file
}

describe('coverage', () => {
  test('tells what did not run from what it stands in', () => {
    const end = Number.MAX_SAFE_INTEGER
    expect(both.unreached).toEqual([100, end])
    expect(branchMissed.unreached).toEqual([40, 60, 100, end])
    expect(neverCalled.unreached).toEqual([10, 90, 100, end])
    expect(later.unreached).toEqual([0, 10, 90, end])
  })

  test('counts a branch that always ran as reached, once another count tells it apart', () => {
    const alwaysRan = coverageOf([ran(range(0, 100, 1)), ran(range(10, 90, 5))])
    const file = merged(alwaysRan, branchMissed)
    expect(file.blocks).toEqual([0, 100, 10, 90, 40, 60])
    expect(isUnreached(file, 40, 60)).toBe(false)
  })

  test('keeps what none of them reached', () => {
    const file = merged(neverCalled, branchMissed, coverageOf([ran(range(0, 100, 0)), ran(range(10, 90, 0))]))
    expect(isUnreached(file, 40, 60)).toBe(true)
    expect(isUnreached(file, 10, 90)).toBe(false)
    expect(file.functions).toEqual([0, 100, 10, 90])
  })

  test('takes the end of a file for unreached when nothing is told about it', () => {
    const onlyTheFirst = coverageOf([ran(range(10, 20, 4))])
    const twoFunctions = coverageOf([ran(range(0, 100, 1)), ran(range(10, 20, 1)), ran(range(30, 90, 0))])
    expect(isUnreached(merged(twoFunctions, onlyTheFirst), 30, 90)).toBe(true)
  })

  test('is the same in whatever order it is added up', () => {
    const files = [both, branchMissed, neverCalled, later]
    expect(merged(...files)).toEqual(merged(...files.toReversed()))
    expect(merged(branchMissed, merged(neverCalled, later))).toEqual(merged(merged(later, branchMissed), neverCalled))
  })

  test('keeps files that only one of them knows', () => {
    expect(Object.keys(mergeCoverage({ 'core/a.js': both }, { 'core/b.js': later }))).toEqual([
      'core/a.js',
      'core/b.js',
    ])
  })
})
