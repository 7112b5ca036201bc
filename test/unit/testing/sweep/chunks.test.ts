import { describe, expect, test } from 'vitest'
import { addRange, type Chunk, Chunks, type CoverageMode, type Range } from '../../../../src/testing/sweep/chunks.ts'

const all = (
  { from = 1, seeds, coverage = 'sample' as CoverageMode }: { from?: number; seeds: number; coverage?: CoverageMode },
  done: readonly Range[] = [],
): Chunk[] => {
  const chunks = new Chunks({ from, seeds, coverage })
  const found: Chunk[] = []
  for (let chunk = chunks.next(done); chunk !== undefined; chunk = chunks.next(done)) found.push(chunk)
  return found
}
const seedsOf = (chunks: readonly Chunk[]): number[] =>
  chunks.flatMap(({ from, seeds }) => Array.from({ length: seeds }, (_, n) => from + n))

describe('the chunks of a sweep', () => {
  test.each([1, 7, 255, 256, 257, 1000, 9999])('hold each of %i seeds once, in order', (seeds) => {
    expect(seedsOf(all({ from: 40, seeds }))).toEqual(Array.from({ length: seeds }, (_, n) => 40 + n))
  })

  test('are small enough to go round, and large enough to be worth a message', () => {
    expect(all({ seeds: 200 })).toHaveLength(200)
    expect(all({ seeds: 2000 })[0]?.seeds).toBe(7)
    expect(all({ seeds: 1_000_000 })[0]?.seeds).toBe(25)
  })

  test('leave out what is done, and are cut and covered as if nothing were', () => {
    const whole = all({ seeds: 2000 })
    const rest = all({ seeds: 2000 }, [
      [1, 71],
      [141, 211],
    ])
    expect(rest).toEqual(whole.filter(({ from }) => !(from < 71 || (from >= 141 && from < 211))))
  })

  test('do not search a billion seeds one by one for what is left', () => {
    expect(all({ seeds: 1_000_000_000 }, [[1, 999_999_976]])).toEqual([
      { from: 999_999_976, seeds: 25, covered: false },
    ])
  })

  test('are covered one in sixteen, all, or none', () => {
    const covered = (coverage: CoverageMode) => all({ seeds: 32, coverage }).filter((chunk) => chunk.covered)
    expect(covered('sample').map(({ from }) => from)).toEqual([1, 17])
    expect(covered('all')).toHaveLength(32)
    expect(covered('none')).toHaveLength(0)
  })
})

describe('ranges', () => {
  test('are joined where they touch, whatever came first', () => {
    const orders: Range[][] = [
      [
        [1, 5],
        [5, 9],
        [20, 30],
      ],
      [
        [20, 30],
        [5, 9],
        [1, 5],
      ],
    ]
    for (const order of orders) {
      const ranges = order.reduce<Range[]>((found, range) => addRange(found, range), [])
      expect(ranges).toEqual([
        [1, 9],
        [20, 30],
      ])
    }
  })

  test('close a gap', () => {
    expect(
      addRange(
        [
          [1, 5],
          [9, 12],
        ],
        [5, 9],
      ),
    ).toEqual([[1, 12]])
  })
})
