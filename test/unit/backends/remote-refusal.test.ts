import { describe, expect, test } from 'vitest'
import { meantBy } from '../../../src/backends/remote/refusal.ts'
import { CaucusError } from '../../../src/errors.ts'

describe('a refusal', () => {
  test('whose code has no word of its own on a link means the code in front of its message', () => {
    const meant = meantBy(new CaucusError('CAUCUS_INVALID_ARGUMENT', 'CAUCUS_FORBIDDEN: "a" may not: no role\nat all'))
    expect([meant.code, meant.message]).toEqual(['CAUCUS_FORBIDDEN', '"a" may not: no role\nat all'])
  })

  test.each([
    ['CAUCUS_INVALID_ARGUMENT', 'the share is no share'],
    ['CAUCUS_INVALID_ARGUMENT', 'CAUCUS_MADE_UP: text'],
    ['CAUCUS_FENCED', 'CAUCUS_FORBIDDEN: text'],
  ] as const)('%s "%s" means what it says', (code, message) => {
    expect(meantBy(new CaucusError(code, message))).toMatchObject({ code, message })
  })
})
