import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { decodeInstanceBody, decodeServiceQuery, servicePathFault } from '../../../src/wire/services.ts'
import { refusedFor1 } from '../../../src/wire/v1.ts'

const PATH = { name: 'search', id: 'a', generation: 7 }
const BODY = { bootId: 'b', sequence: 3, host: 'a.example', port: 80 }
const decode = (body: unknown) => decodeInstanceBody(PATH, JSON.stringify(body))

describe('a registration', () => {
  test('is a renewal of a member that shares nothing, and says everything each time', () => {
    expect(decode({ ...BODY, tags: ['b', 'a'] })).toEqual({
      type: 'renew',
      group: 'service/search',
      member: 'a',
      bootId: 'b',
      sequence: 3,
      order: 0,
      share: 'none',
      metadata: { host: 'a.example', port: 80, tags: ['a', 'b'], weight: 1, status: 'up' },
      holding: [],
      draining: [],
      acknowledged: [],
    })
    // Whoever was admitted before says by which number; under which coordinator does not matter.
    expect(decode({ ...BODY, incarnation: 9 })).toMatchObject({ incarnation: 9, generation: 7 })
  })

  test('is taken or refused, and never thrown at', () => {
    const field = fc.oneof(fc.jsonValue(), fc.constantFrom(1, 80, 'a.example', 'up', ['x']))
    const body = fc.record(
      {
        bootId: field,
        sequence: field,
        host: field,
        port: field,
        tags: field,
        zone: field,
        weight: field,
        status: field,
      },
      { requiredKeys: [] },
    )
    fc.assert(
      fc.property(fc.oneof(body, fc.jsonValue()), (drawn) => {
        const decoded = decode(drawn)
        if (typeof decoded === 'string') expect(decoded.length).toBeLessThan(300)
        else expect(decode({ ...(drawn as object) })).toEqual(decoded)
      }),
    )
    fc.assert(fc.property(fc.string(), (text) => void decodeInstanceBody(PATH, text)))
    fc.assert(fc.property(fc.string(), (text) => void decodeServiceQuery(new URLSearchParams(text))))
    fc.assert(fc.property(fc.string(), fc.string(), (name, id) => void servicePathFault(name, id)))
  })

  test('at a server of version 1, which would end the link for it, is refused on this side', () => {
    const renew = decode(BODY)
    if (typeof renew === 'string') throw new Error(renew)
    expect(refusedFor1(renew)).toMatchObject({ type: 'refused', code: 'CAUCUS_CONFLICT', member: 'a', bootId: 'b' })
  })
})

test('a query asks for those that are up, unless it says otherwise', () => {
  const asked = (query: string) => decodeServiceQuery(new URLSearchParams(query))
  expect(asked('')).toEqual({ tags: [], status: 'up' })
  expect(asked('tag=a&tag=b&tag=a&zone=x&status=any')).toEqual({ tags: ['a', 'b'], zone: 'x', status: 'any' })
  expect(asked('status=all')).toContain('up, draining, critical and any')
})
