import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { parseJson } from '../../../src/config/json.ts'

describe('a JSON text', () => {
  test('is read as JSON.parse reads it', () => {
    fc.assert(
      fc.property(fc.json({ maxDepth: 5 }), fc.constantFrom(0, 2, 8), (json, indent) => {
        const value = JSON.parse(json)
        const hasProto = json.includes('"__proto__"')
        if (!hasProto) expect(parseJson(JSON.stringify(value, null, indent), 'f')).toEqual(value)
      }),
    )
    expect(parseJson('\uFEFF{"a": [1, -0.5e+3, true, null, "\\u00e9"]}', 'f')).toEqual({
      a: [1, -500, true, null, 'é'],
    })
  })

  test('is refused wherever JSON.parse refuses it', () => {
    const pieces = fc.array(
      fc.constantFrom('{', '}', '[', ']', ',', ':', '"a"', '"', '1', '01', '-', 'true', 'nul', ' ', '\n', '.5'),
      { maxLength: 9 },
    )
    fc.assert(
      fc.property(pieces, (parts) => {
        const text = parts.join('')
        let value: unknown
        try {
          value = JSON.parse(text)
        } catch {
          // Not JSON: then it must not be for us either.
          expect(() => parseJson(text, 'f')).toThrow(/^f, line \d+, column \d+: /)
          return
        }
        const twice = /"a" *:.*"a" *:/s.test(text)
        if (!twice) expect(parseJson(text, 'f')).toEqual(value)
      }),
      { numRuns: 2_000 },
    )
  })

  test.each([
    ['', 1, 1, 'expected a value, the file ends'],
    ['{\n  "a": 1,\n}', 3, 1, 'expected a key in double quotes, found "}"'],
    ['{\n  "a" 1\n}', 2, 7, 'expected ":", found "1"'],
    ['{"a": 1 "b": 2}', 1, 9, 'expected "," or "}", found "\\""'],
    ['[1,\n2', 2, 2, 'expected "," or "]", the file ends'],
    ["{'a': 1}", 1, 2, 'expected a key in double quotes, found "\'"'],
    ['{"a": NaN}', 1, 7, 'expected a value, found "N"'],
    ['{"a": 007}', 1, 7, 'expected a value, found "0"'],
    ['{"a": "b}', 1, 7, 'this string has no end, or holds a control character or an unknown escape'],
    ['{} // more', 1, 4, 'expected the end of the file'],
    ['{"a": 1, "b": 2,\n "a": 3}', 2, 2, 'the key "a" stands here a second time'],
    ['{"metadata": {"__proto__": {}}}', 1, 15, 'the key "__proto__" is not accepted'],
    ['{"\\u005f_proto__": {}}', 1, 2, 'the key "__proto__" is not accepted'],
  ])('%j is refused at line %i, column %i', (text, line, column, message) => {
    expect(() => parseJson(text, 'caucus.json')).toThrow(`caucus.json, line ${line}, column ${column}: ${message}`)
  })

  test('nested a hundred thousand deep is refused and not followed', () => {
    expect(() => parseJson('['.repeat(100_000), 'f')).toThrow(/column 66: nested deeper than 64/)
    expect(parseJson('['.repeat(64) + ']'.repeat(64), 'f')).toBeDefined()
  })
})
