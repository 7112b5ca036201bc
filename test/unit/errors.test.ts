import { describe, expect, test } from 'vitest'
import {
  CaucusError,
  ERROR_CODES,
  type ErrorCode,
  errorFromWire,
  isCaucusError,
  isErrorCode,
} from '../../src/errors.ts'

const codes = Object.keys(ERROR_CODES) as ErrorCode[]
const overTheWire = (error: CaucusError) => errorFromWire(JSON.parse(JSON.stringify(error)))

describe('an error', () => {
  test('says by its code whether it may be tried again and whether it may have happened', () => {
    const error = new CaucusError('CAUCUS_TIMEOUT', 'no answer within 300 ms')
    expect(error).toBeInstanceOf(Error)
    expect(error).toMatchObject({ name: 'CaucusError', code: 'CAUCUS_TIMEOUT', retriable: true, definite: false })
    expect(error.details).toEqual({})
    expect('cause' in error).toBe(false)
  })

  test.each(codes)('with %s keeps everything but its cause over the wire', (code) => {
    const cause = new Error('the password was hunter2')
    const sent = new CaucusError(code, 'token 7 is older than 9; stop writing', { cause, details: { token: 7 } })
    expect(sent.cause).toBe(cause)
    expect(JSON.stringify(sent)).not.toContain('hunter2')

    const received = overTheWire(sent)
    expect(isCaucusError(received)).toBe(true)
    expect(received.toJSON()).toEqual(sent.toJSON())
    expect(received.toJSON()).toEqual({
      code,
      message: 'token 7 is older than 9; stop writing',
      retriable: ERROR_CODES[code].retriable,
      definite: ERROR_CODES[code].definite,
      details: { token: 7 },
    })
  })

  test('of a newer server keeps its text and says that the code is unknown here', () => {
    const error = errorFromWire({ code: 'CAUCUS_FROM_THE_FUTURE', message: 'too early', details: { year: 2100 } })
    expect(error.toJSON()).toMatchObject({
      code: 'CAUCUS_BACKEND',
      message: 'too early',
      details: { year: 2100, code: 'CAUCUS_FROM_THE_FUTURE' },
    })
  })

  test.each([{}, { code: 7, message: 7, details: 'x' }, { code: '__proto__' }, { code: 'toString', details: null }])(
    'made of %j is still an error with a code and a message',
    (body) => {
      const error = errorFromWire(body)
      expect(error.code).toBe('CAUCUS_BACKEND')
      expect(error.message).toBe('the server gave no message')
    },
  )
})

describe('isCaucusError', () => {
  test('knows an error of another copy of the package', () => {
    const brand = Symbol.for('caucus.error')
    class OfAnotherCopy extends Error {
      readonly [brand] = true
    }
    expect(isCaucusError(new OfAnotherCopy())).toBe(true)
  })

  test.each([new Error('plain'), { code: 'CAUCUS_CLOSED' }, null, undefined, 'CAUCUS_CLOSED'])(
    'refuses %s',
    (value) => {
      expect(isCaucusError(value)).toBe(false)
    },
  )
})

test('a name that every object has is no error code', () => {
  expect(codes.every(isErrorCode)).toBe(true)
  for (const name of ['constructor', '__proto__', 'CAUCUS_', '', 7, undefined]) expect(isErrorCode(name)).toBe(false)
})
