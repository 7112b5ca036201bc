import { describe, expect, test } from 'vitest'
import { Quotas } from '../../../../src/server/access/quotas.ts'
import { limitsOf } from '../../../../src/server/options.ts'

const LIMITS = { connectionsPerAddress: 2, linksPerIdentity: 2, streamsPerIdentity: 1, streamsPerAddress: 3 }

describe('a part of what all share', () => {
  test('is counted by what it is and whose, and can be had again once it was given back', () => {
    const quotas = new Quotas(LIMITS)
    const take = (key: string) => quotas.take('connections', 'address', key)?.code
    expect([take('a'), take('a'), take('a'), take('b')]).toEqual([undefined, undefined, 'CAUCUS_OVERLOADED', undefined])
    quotas.release('connections', 'address', 'a')
    expect([take('a'), take('a')]).toEqual([undefined, 'CAUCUS_OVERLOADED'])
    expect(quotas.take('links', 'identity', 'a')).toBeUndefined()
    expect(quotas.refused).toEqual({
      connections: { address: 2 },
      links: { identity: 0 },
      streams: { identity: 0, address: 0 },
    })
  })

  test('that is too much is refused with the number, and with what to do', () => {
    const quotas = new Quotas(LIMITS)
    quotas.take('streams', 'identity', 'a')
    expect(quotas.take('streams', 'identity', 'a')).toMatchObject({
      code: 'CAUCUS_OVERLOADED',
      message:
        'this identity has its limit of 1 streams: let several readers share one stream of events, ask less at a time over HTTP, or close some, or raise limits.streamsPerIdentity of the server',
      details: { limit: 'streamsPerIdentity', value: 1 },
    })
  })

  test('is forgotten with the last of it', () => {
    const quotas = new Quotas(LIMITS)
    for (let i = 0; i < 1_000; i++) {
      quotas.take('connections', 'address', `${i}`)
      quotas.release('connections', 'address', `${i}`)
    }
    expect(quotas.size).toBe(0)
  })

  test.each(Object.keys(LIMITS))('of nothing at all is refused: %s', (name) => {
    for (const value of [0, -1, 1.5, Number.NaN]) {
      expect(() => new Quotas({ ...LIMITS, [name]: value })).toThrow(`limits.${name} is ${value}`)
    }
  })
})

describe('whoever says how much there is', () => {
  test('and not how much of it is for one, leaves a quarter to the others', () => {
    expect(limitsOf({ connections: 100, streams: 10 })).toMatchObject({
      connectionsPerAddress: 75,
      linksPerIdentity: 75,
      streamsPerIdentity: 8,
      streamsPerAddress: 8,
    })
    expect(limitsOf({ connections: 100, connectionsPerAddress: 99 })).toMatchObject({
      connectionsPerAddress: 99,
      linksPerIdentity: 75,
    })
  })
})
