import { describe, expect, test } from 'vitest'
import { CaucusError } from '../../../src/errors.ts'
import { errorLine, failedLine, replyLine, summaryLine, valueLine } from '../../../src/wire/ask-lines.ts'
import { decodeAskQuery, topicFault, untilOf } from '../../../src/wire/asks.ts'

const asked = (query: string) => decodeAskQuery(new URLSearchParams(query))

describe('the query of an ask', () => {
  test('has a default for everything', () => {
    expect(asked('')).toEqual({ until: 'all', withinMs: 5_000, to: undefined })
  })

  test('says the limit, the policy and whom it is for', () => {
    expect(asked('within=300&until=first')).toEqual({ until: 'first', withinMs: 300, to: undefined })
    expect(asked('until=2&id=a&id=b%20c&pick=1')).toMatchObject({ until: 2, to: { id: ['a', 'b c'], pick: 1 } })
    expect(asked('until=quiet:50')).toMatchObject({ until: { quiet: 50 } })
    expect(asked(`metadata=${encodeURIComponent('{"zone":"a"}')}`)).toMatchObject({ to: { metadata: { zone: 'a' } } })
    expect(asked('within=2147483647&until=1000000')).toMatchObject({ until: 1_000_000, withinMs: 2_147_483_647 })
  })

  test.each([
    ['within=0', /within is milliseconds/],
    ['within=-1', /within/],
    ['within=NaN', /within/],
    ['within=1e999', /within/],
    ['within=Infinity', /within/],
    ['within=300ms', /within/],
    ['within=0.5', /within/],
    ['within=2147483648', /within/],
    ['within=', /within/],
    ['within=1&within=2', /within is given twice/],
    ['until=most', /until is all, first/],
    ['until=0', /until/],
    ['until=1000001', /until/],
    ['until=quiet', /until/],
    ['until=quiet:0', /until/],
    ['until=quiet:-1', /until/],
    ['until=quiet:1e9', /until/],
    ['pick=0', /pick is a whole number/],
    ['pick=x', /pick/],
    ['id=', /id is empty/],
    ['id=a%00', /control character/],
    ['metadata=', /metadata is an object/],
    ['metadata=[]', /metadata is an object/],
    ['metadata=null', /metadata is an object/],
    [`metadata=${encodeURIComponent('{"__proto__":1}')}`, /__proto__/],
    ['wihtin=300', /within, until, id, pick and metadata, and nothing else/],
    ['token=x', /nothing else/],
  ])('is refused when it is %s', (query, fault) => {
    expect(asked(query)).toMatch(fault)
  })

  test('names a topic as a group is named', () => {
    expect(topicFault('price list/ü')).toBeUndefined()
    for (const name of ['', '.', '..', 'a\n', 'x'.repeat(129), '\ud800'])
      expect(topicFault(name)).toMatch(/^topic name/)
  })

  test('has policies that the command line has, too', () => {
    expect([untilOf('all'), untilOf('first'), untilOf('3'), untilOf('quiet:3')]).toEqual([
      'all',
      'first',
      3,
      { quiet: 3 },
    ])
    expect([untilOf(''), untilOf('ALL'), untilOf('-1'), untilOf('3.5')]).toEqual(Array(4).fill(undefined))
  })
})

const json = (text: string) => ({ kind: 'json', bytes: Buffer.from(text) }) as const

describe('a line of the answers', () => {
  test('carries JSON as it was written, on one line', () => {
    expect(replyLine('a"b', json('{ "big": 12345678901234567890,\r\n "n": 1e400 }'))).toBe(
      '{"type":"reply","from":"a\\"b","value":{ "big": 12345678901234567890,   "n": 1e400 }}',
    )
    expect(JSON.parse(replyLine('ü', json('"a\\nb"')))).toEqual({ type: 'reply', from: 'ü', value: 'a\nb' })
  })

  test('has bytes in base64, and nothing for nothing', () => {
    const bytes = Buffer.from([0, 255, 254]).subarray(1)
    expect(JSON.parse(replyLine('a', { kind: 'bytes', bytes }))).toEqual({ type: 'reply', from: 'a', base64: '//4=' })
    expect(JSON.parse(replyLine('a', { kind: 'none' }))).toEqual({ type: 'reply', from: 'a' })
  })

  test('is the same for values of this process', () => {
    expect(valueLine('a', { x: [1] })).toBe(replyLine('a', json('{"x":[1]}')))
    expect(valueLine('a', new Uint8Array([1]))).toBe(replyLine('a', { kind: 'bytes', bytes: new Uint8Array([1]) }))
    expect(valueLine('a', undefined)).toBe(replyLine('a', { kind: 'none' }))
  })

  test('says what failed, and at the end what became of everybody', () => {
    const error = new CaucusError('CAUCUS_OVERLOADED', 'too much')
    expect(JSON.parse(errorLine({ type: 'error', outcome: 'refused', from: 'a', error }))).toMatchObject({
      type: 'error',
      from: 'a',
      outcome: 'refused',
      error: { code: 'CAUCUS_OVERLOADED', message: 'too much', retriable: true },
    })
    expect(JSON.parse(failedLine(error))).toMatchObject({ type: 'failed', error: { code: 'CAUCUS_OVERLOADED' } })
    const summary = {
      expected: 2,
      replied: 1,
      errors: 0,
      refused: 0,
      missing: ['b'],
      left: [],
      released: [],
      ending: 'timeout',
      code: 'CAUCUS_TIMEOUT',
    } as const
    expect(JSON.parse(summaryLine(summary, 3))).toEqual({ type: 'summary', ...summary, late: 3 })
    const { code: _, ...met } = { ...summary, ending: 'met' as const }
    expect(JSON.parse(summaryLine(met, 0))).not.toHaveProperty('code')
  })
})
