import { describe, expect, test } from 'vitest'
import type { ShareMessage } from '../../../src/core/group/messages.ts'
import { decodeLeaveQuery, decodeRenewBody, renewAnswer } from '../../../src/wire/http.ts'

const decode = (body: unknown) => decodeRenewBody('g', 'm', JSON.stringify(body))

describe('the body of a PUT', () => {
  test('may be as short as a join', () => {
    expect(decode({ bootId: 'b', sequence: 1 })).toEqual({
      type: 'renew',
      group: 'g',
      member: 'm',
      bootId: 'b',
      sequence: 1,
      order: 0,
      holding: [],
      draining: [],
      acknowledged: [],
    })
  })

  test('may say all that a renewal says', () => {
    const full = {
      bootId: 'b',
      sequence: 2,
      generation: 5,
      incarnation: 6,
      order: 3,
      share: { partitions: 4 },
      metadata: [1],
      leaving: true,
      holding: [{ item: 0, epoch: 1 }],
      draining: [{ item: 1, epoch: 1 }],
      acknowledged: [{ item: 2, epoch: 1 }],
    }
    expect(decode({ ...full, weight: 7, static: true })).toEqual({
      type: 'renew',
      group: 'g',
      member: 'm',
      ...full,
      weight: 7,
      static: true,
    })
  })

  test.each([
    [{ sequence: 1 }, 'the body: lacks the field "bootId"'],
    [[], 'the body must be object'],
    [null, 'the body must be object'],
    [{ bootId: 'b', sequence: 1, weight: 1001 }, 'weight is a whole number from 0 to 1000'],
    [{ bootId: 'b', sequence: 1, group: 'other' }, 'unknown field "group"'],
    [{ bootId: 'b', sequence: 1, holding: [{ item: 0 }] }, 'holding.0 lacks the field "epoch"'],
    [{ bootId: 'b', sequence: 1, holding: [{ id: 0, epoch: 1 }] }, 'holding.0'],
  ])('is refused: %j', (body, why) => {
    expect(decode(body)).toContain(why)
  })

  test('is JSON', () => {
    expect(decodeRenewBody('g', 'm', '')).toBe('the body is not JSON')
  })
})

describe('the query of a DELETE', () => {
  const query = (text: string) => decodeLeaveQuery('g', 'm', new URLSearchParams(text))

  test('without anything is an eviction, with all three the own leave', () => {
    expect(query('')).toBeUndefined()
    expect(query('incarnation=7&bootId=b&sequence=9')).toEqual({
      type: 'leave',
      group: 'g',
      member: 'm',
      bootId: 'b',
      incarnation: 7,
      sequence: 9,
    })
  })

  test.each([
    'incarnation=7&bootId=b',
    'incarnation=7.5&bootId=b&sequence=1',
    'incarnation=-7&bootId=b&sequence=1',
    'incarnation=9007199254740993&bootId=b&sequence=1',
    'incarnation=7&bootId=&sequence=1',
    'incarnation=7&incarnation=8&bootId=b&sequence=1',
    'force=1',
  ])('is never taken for the other by mistake: %s', (text) => {
    expect(query(text)).toBeTypeOf('string')
  })
})

test('an answer has the names that scripts rely on', () => {
  const message: ShareMessage = {
    type: 'share',
    group: 'g',
    member: 'm',
    bootId: 'b',
    generation: 1,
    incarnation: 2,
    sequence: 3,
    order: 4,
    state: 'settled',
    epoch: 5,
    leaseMs: 6_000,
    members: 2,
    share: 'index',
    holding: [{ item: 1, of: 2, epoch: 5 }],
    revoked: [],
  }
  const common = { generation: 1, incarnation: 2, sequence: 3, order: 4, state: 'settled', epoch: 5, leaseMs: 6_000 }
  expect(renewAnswer(message)).toEqual({ ...common, index: 1, total: 2 })
  expect(renewAnswer({ ...message, holding: [], revoked: [{ item: 1, epoch: 4 }] })).toEqual({
    ...common,
    revoked: [{ item: 1, epoch: 4 }],
  })
  expect(renewAnswer({ ...message, share: { partitions: 8 }, holding: [{ item: 7, epoch: 5 }] })).toEqual({
    ...common,
    partitions: [{ id: 7, epoch: 5 }],
  })
})
