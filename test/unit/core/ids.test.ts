import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { compareIds, groupNameFault, idFault, MAX_GROUP_NAME_BYTES, MAX_ID_BYTES } from '../../../src/core/ids.ts'

const fault = (value: unknown) => idFault(value, 'member id')

describe('a member id', () => {
  it.each([
    'a',
    'worker-1',
    'host:8989/3',
    'é',
    '日本',
    '😀',
    'with space',
    '\u00a0',
    '__proto__',
    'constructor',
    'toString',
  ])('may be %j', (id) => {
    expect(fault(id)).toBeUndefined()
  })

  it('may be 256 bytes long, not 257, counted in UTF-8', () => {
    expect(MAX_ID_BYTES).toBe(256)
    for (const [unit, bytes] of [
      ['a', 1],
      ['é', 2],
      ['€', 3],
      ['😀', 4],
    ] as const) {
      const longest = unit.repeat(Math.floor(256 / bytes)) + 'a'.repeat(256 % bytes)
      expect(fault(longest)).toBeUndefined()
      expect(fault(`${longest}a`)).toContain('member id is longer than 256 bytes; use 1 to 256 bytes')
    }
  })

  it('says what is wrong, where, and what to use instead', () => {
    expect(fault('')).toBe('member id is empty; use 1 to 256 bytes of UTF-8 without control characters')
    expect(fault('ab\n')).toContain('member id has a control character (U+000A) at position 3')
    expect(fault('\u007f')).toContain('control character (U+007F)')
    expect(fault('a\u0085')).toContain('control character (U+0085)')
    expect(fault('\ud800a')).toContain('a lone surrogate (U+D800) at position 1')
    expect(fault('a\udc00')).toContain('a lone surrogate (U+DC00) at position 2')
    expect(idFault('', 'item in holding')).toMatch(/^item in holding is empty/)
  })

  it.each([
    [undefined, 'undefined'],
    [null, 'null'],
    [7, 'number'],
    [Number.NaN, 'number'],
    [['a'], 'array'],
    [{ toString: () => 'a' }, 'object'],
    [Symbol('a'), 'symbol'],
  ])('is not %o', (value, kind) => {
    expect(fault(value)).toContain(`must be a string, not ${kind}`)
  })

  it('is not ten megabytes long, and the answer stays short', () => {
    expect(fault('x'.repeat(10_000_000))).toContain('longer than 256 bytes')
    fc.assert(
      fc.property(fc.array(fc.integer({ min: 0, max: 0xffff })), (units) => {
        expect((fault(String.fromCharCode(...units)) ?? '').length).toBeLessThan(200)
      }),
    )
  })

  it('passes exactly when it survives UTF-8, is 1 to 256 bytes long and holds no control character', () => {
    const units = fc.oneof(fc.integer({ min: 0x20, max: 0x7e }), fc.integer({ min: 0, max: 0xffff }))
    fc.assert(
      fc.property(fc.array(units, { maxLength: 120 }), (list) => {
        const id = String.fromCharCode(...list)
        const bytes = new TextEncoder().encode(id)
        const ok =
          bytes.length >= 1 &&
          bytes.length <= 256 &&
          new TextDecoder('utf-8', { ignoreBOM: true }).decode(bytes) === id &&
          !/\p{Cc}/u.test(id) &&
          id !== '.' &&
          id !== '..'
        expect(fault(id) === undefined).toBe(ok)
      }),
      { numRuns: 1000 },
    )
  })
})

describe('an id that URLs take for a direction', () => {
  it.each(['.', '..'])('%s is refused, since nobody could ask for it over HTTP', (id) => {
    expect(fault(id)).toContain('no URL can name')
    expect(groupNameFault(id)).toContain('no URL can name')
  })

  it('more dots are a name', () => {
    expect(fault('...')).toBeUndefined()
  })
})

describe('a group name', () => {
  it('follows the rules of an id, up to 128 bytes', () => {
    expect(MAX_GROUP_NAME_BYTES).toBe(128)
    expect(groupNameFault('default')).toBeUndefined()
    expect(groupNameFault('é'.repeat(64))).toBeUndefined()
    expect(groupNameFault('é'.repeat(65))).toContain('group name is longer than 128 bytes; use 1 to 128 bytes')
    expect(groupNameFault('a\0b')).toContain('control character (U+0000) at position 2')
  })
})

describe('the order of ids', () => {
  it('is by code unit, the same under every locale', () => {
    expect(['b', 'é', 'a', 'B', '😀', '\uffff', 'a1', '__proto__'].sort(compareIds)).toEqual([
      'B',
      '__proto__',
      'a',
      'a1',
      'b',
      'é',
      '😀',
      '\uffff',
    ])
  })

  it('is total', () => {
    fc.assert(
      fc.property(fc.string(), fc.string(), (left, right) => {
        expect(Math.sign(compareIds(left, right))).toBe(0 - Math.sign(compareIds(right, left)) || 0)
        expect(compareIds(left, right) === 0).toBe(left === right)
      }),
    )
  })
})

describe('whatever comes in', () => {
  it('gets an answer: nothing, or a short sentence that says what to use', () => {
    fc.assert(
      fc.property(
        fc.anything({ withBigInt: true, withDate: true, withNullPrototype: true, withSparseArray: true }),
        (value) => {
          for (const answer of [fault(value), groupNameFault(value)]) {
            if (answer === undefined) expect(typeof value).toBe('string')
            else expect(answer.length < 200 && /; use [^;]+$/.test(answer)).toBe(true)
          }
        },
      ),
    )
  })
})
