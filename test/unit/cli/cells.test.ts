import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { columnsOf, cutTo, padTo, safeJson, visible } from '../../../src/cli/cells.ts'
import { formatTable } from '../../../src/cli/table.ts'

describe('a name on a terminal', () => {
  test.each([
    ['web-1', 'web-1'],
    ['Zoë', 'Zoë'],
    ['長い', '長い'],
    ['\x1b[2J', '\\u001b[2J'],
    ['a\nb', 'a\\nb'],
    ['\u009b2J', '\\u009b2J'],
    ['\u202etxt', '\\u202etxt'],
    ['a\u200bb', 'a\\u200bb'],
    ['a\u2028b', 'a\\u2028b'],
    ['a\u3164b', 'a\\u3164b'],
    ['a\u{e0041}', 'a\\u{e0041}'],
    ['\ud800', '\\ud800'],
    ['q\u0301\u0301\u0301', 'q\u0301\u0301\\u0301'],
    ['\u0301a', ' \u0301a'],
  ])('%j is shown as %j', (name, shown) => {
    expect(visible(name)).toBe(shown)
  })

  test.each([
    ['abc', 3],
    ['長い', 4],
    ['ｱ', 1],
    ['Ａ', 2],
    ['🙂', 2],
    ['e\u0301', 1],
    ['한', 2],
  ])('%j takes %i columns', (text, columns) => {
    expect(columnsOf(text)).toBe(columns)
  })

  test('is cut to where it fits, and says so', () => {
    expect(cutTo('abcdef', 4)).toBe('abc…')
    expect(cutTo('長い名前', 4)).toBe('長…')
    expect(cutTo('abc', 3)).toBe('abc')
    expect(cutTo('abc', 0)).toBe('')
    fc.assert(
      fc.property(fc.string({ unit: 'grapheme' }), fc.nat({ max: 20 }), (text, columns) => {
        const cut = cutTo(visible(text), columns)
        expect(columnsOf(cut)).toBeLessThanOrEqual(columns)
        expect(columnsOf(padTo(cut, columns))).toBe(columns)
      }),
    )
  })
})

test('a table has its columns below each other, also of wide characters', () => {
  expect(
    formatTable(
      ['ID', 'N'],
      [
        ['長い', '1'],
        ['\x1b[m', '2'],
        ['a', '3'],
      ],
    ),
  ).toBe('ID        N\n長い      1\n\\u001b[m  2\na         3')
})

test('JSON is the same value, and no character of it disturbs a terminal', () => {
  fc.assert(
    fc.property(fc.jsonValue(), fc.string({ unit: 'binary' }), (value, text) => {
      const json = JSON.stringify({ value, text })
      const safe = safeJson(json)
      expect(JSON.parse(safe)).toEqual(JSON.parse(json))
      expect(safe).not.toMatch(/[\p{Cc}\u200b-\u200f\u202a-\u202e\u2066-\u2069\u061c\ufeff]/u)
    }),
  )
})
