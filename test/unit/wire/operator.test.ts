import { describe, expect, test } from 'vitest'
import { decodeHistoryQuery, decodePinBody, MAX_HISTORY, partitionOf } from '../../../src/wire/operator.ts'

const asked = (query: string) => decodeHistoryQuery('g', new URLSearchParams(query))

describe('what is asked of the past', () => {
  test('is everything unless something is named, and not without a bound', () => {
    expect(asked('')).toEqual({
      past: { group: 'g', partition: undefined, member: undefined, limit: 1_000 },
      view: false,
    })
    expect(asked(`partition=4095&member=a%20b&limit=${MAX_HISTORY}&view=true`)).toEqual({
      past: { group: 'g', partition: 4_095, member: 'a b', limit: MAX_HISTORY },
      view: true,
    })
  })

  test.each([
    ['partition=4096', 'partition is a whole number from 0 to 4095'],
    ['partition=1e3', 'partition is a whole number'],
    ['partition=', 'partition is a whole number'],
    ['limit=0', 'limit is a whole number from 1 to 10000'],
    ['limit=99999999999', 'limit is a whole number'],
    ['member=', 'empty'],
    ['member=a%00', 'control character'],
    ['view=yes', 'view is true or false'],
    ['limit=1&limit=1', 'limit is given twice'],
    ['toString=1', 'nothing else'],
    ['__proto__=1', 'nothing else'],
  ])('is refused as %s', (query, why) => {
    expect(asked(query)).toContain(why)
  })
})

describe('a pin', () => {
  test('names its member in the body and its partition in the path', () => {
    expect(decodePinBody('{"member":"a"}')).toEqual({ member: 'a' })
    expect(['0', '007', '4095'].map(partitionOf)).toEqual([0, 7, 4_095])
    expect(['', '-1', '4096', '1.5', '1e1', ' 1', '0x1'].map(partitionOf)).toEqual(Array(7).fill(undefined))
  })

  test.each([
    ['', 'is not JSON; it is {"member":"ID"}'],
    ['null', 'must be object'],
    ['[]', 'must be object'],
    ['{}', 'lacks the field "member"'],
    ['{"member":1}', 'member must be string'],
    ['{"member":""}', 'empty'],
    ['{"member":"a","partition":1}', 'unknown field "partition"'],
    ['{"__proto__":{"member":"a"}}', 'lacks the field "member"'],
    [`{"member":"${'ü'.repeat(200)}"}`, '256'],
  ])('is refused as %s', (body, why) => {
    expect(decodePinBody(body)).toContain(why)
  })
})
