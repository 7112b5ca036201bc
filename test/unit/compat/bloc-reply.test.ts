import { describe, expect, test } from 'vitest'
import { readIndexReply } from '../../../src/compat/bloc-reply.ts'
import { isCaucusError } from '../../../src/errors.ts'

const reply = (body: unknown, headers: Record<string, string> = {}, status = 200) => ({
  status,
  headers,
  body: typeof body === 'string' ? body : JSON.stringify(body),
})
const settled = { status: 'SETTLED', index: 2, total: 3 }

describe('an answer to GET /index', () => {
  test('is a slot, or nothing while the group settles', () => {
    expect(readIndexReply(reply(settled, { 'caucus-lease-ms': '12000' }), 6_000)).toEqual({
      index: 2,
      total: 3,
      leaseMs: 12_000,
    })
    expect(readIndexReply(reply({ status: 'SETTLING' }), 6_000)).toBeUndefined()
  })

  test('of the original names no lease, calls itself HTML and is taken all the same', () => {
    expect(readIndexReply(reply(settled, { 'content-type': 'text/html' }), 6_000)).toMatchObject({ leaseMs: 6_000 })
  })

  test.each<[unknown, string]>([
    ['', 'no text'],
    ['<html>', 'HTML'],
    ['null', 'null'],
    ['[]', 'a list'],
    [{ status: 'ALLOCATED', index: 1, total: 1 }, 'another status'],
    [{ ...settled, index: 0 }, 'an index of 0'],
    [{ ...settled, index: 4 }, 'an index above the total'],
    [{ ...settled, index: '2' }, 'an index that is text'],
    [{ ...settled, total: 2.5 }, 'half a member'],
    [{ status: 'SETTLED' }, 'no index'],
  ])('is refused when it is %j (%s)', (body) => {
    expect(() => readIndexReply(reply(body), 6_000)).toThrow(
      expect.toSatisfy((error) => isCaucusError(error) && error.code === 'CAUCUS_PROTOCOL'),
    )
  })

  test.each(['', '-1', 'NaN', 'Infinity', '1e3', '12000, 12000', '99999999999', '3000000000'])(
    'is refused with a lease of "%s"',
    (lease) => {
      expect(() => readIndexReply(reply(settled, { 'caucus-lease-ms': lease }), 6_000)).toThrow(/caucus-lease-ms/)
    },
  )

  test('with another status is the error that it carries, or one that names the status', () => {
    const carried = { error: { code: 'CAUCUS_OVERLOADED', message: 'the group is full', details: {} } }
    expect(() => readIndexReply(reply(carried, {}, 429), 6_000)).toThrow(
      expect.objectContaining({ code: 'CAUCUS_OVERLOADED', message: 'the group is full' }),
    )
    expect(() => readIndexReply(reply('<html>', {}, 500), 6_000)).toThrow(
      expect.objectContaining({ code: 'CAUCUS_BACKEND', message: expect.stringContaining('500') }),
    )
  })
})
