import { describe, expect, test } from 'vitest'
import { partitionOf } from '../../../src/core/hash.ts'
import { PARTITIONS, parseResult, type Result, ResultTable } from '../../../src/demo/results.ts'

const HASH = 'a'.repeat(64)
const result = (over: Partial<Result> = {}): Result => {
  const path = over.path ?? 'a.txt'
  return {
    path,
    partition: partitionOf(path, PARTITIONS),
    epoch: 5,
    who: 'w1',
    hash: HASH,
    bytes: 1,
    mtimeMs: 2,
    ...over,
  }
}

describe('the table of results', () => {
  test('takes the result of a later owner in place of an earlier one', () => {
    const table = new ResultTable()
    expect(table.add(result({ epoch: 5, who: 'w1' }))).toBe('first')
    expect(table.add(result({ epoch: 7, who: 'w2' }))).toBe('again')
    expect(table.get('a.txt')).toMatchObject({ epoch: 7, who: 'w2' })
  })

  test('refuses an earlier owner that comes after a later one', () => {
    const table = new ResultTable()
    table.add(result({ epoch: 7, who: 'w2' }))
    expect(table.add(result({ epoch: 5, who: 'w1', hash: 'b'.repeat(64) }))).toBe('older')
    expect(table.get('a.txt')).toMatchObject({ epoch: 7, hash: HASH })
  })

  test('is the same whatever the order in which it is told', () => {
    const told = [result({ epoch: 5 }), result({ epoch: 9, who: 'w3' }), result({ epoch: 7, problem: 'vanished' })]
    for (const order of [told, [...told].reverse(), [told[1], told[0], told[2]]]) {
      const table = new ResultTable()
      for (const each of order) if (each !== undefined) table.add(each)
      expect(table.get('a.txt')).toEqual(told[1])
      expect(table.size).toBe(1)
    }
  })

  test('notices work that was done twice under one grant', () => {
    const table = new ResultTable()
    table.add(result())
    expect(table.add(result())).toBe('twice')
    expect(table.counts).toEqual({ first: 1, again: 0, older: 0, twice: 1 })
  })
})

describe('a line of a result log', () => {
  test('is read as it was written', () => {
    const { hash, bytes, mtimeMs, ...known } = result()
    for (const each of [result(), { ...known, problem: 'vanished' }])
      expect(parseResult(JSON.stringify(each))).toEqual(each)
    expect([hash, bytes, mtimeMs]).not.toContain(undefined)
  })

  test.each([
    ['no JSON', '{"path":'],
    ['null', 'null'],
    ['a partition that is not the one of its path', JSON.stringify({ ...result(), partition: 300 })],
    ['no epoch', JSON.stringify({ ...result(), epoch: null })],
    ['neither hash nor problem', JSON.stringify({ ...result(), hash: undefined })],
    ['a hash that is none', JSON.stringify({ ...result(), hash: 'abc' })],
    ['nothing to notice a change by', JSON.stringify({ ...result(), mtimeMs: undefined })],
  ])('is refused with %s', (_, line) => {
    expect(parseResult(line)).toBeUndefined()
  })
})
