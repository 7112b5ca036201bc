import { describe, expect, test } from 'vitest'
import { matches } from '../../../../src/core/registry/filter.ts'
import { instanceIn, readRecord } from '../../../../src/core/registry/instance.ts'
import { groupOfService, serviceNameFault, serviceOf } from '../../../../src/core/registry/services.ts'

const ADDRESS = { host: 'a.example', port: 80 }

describe('what an instance says of itself', () => {
  test('is filled in, in one order, and cannot be changed', () => {
    const record = readRecord({ ...ADDRESS, tags: ['b', 'a'], newer: 'field' })
    expect(record).toEqual({ ...ADDRESS, tags: ['a', 'b'], weight: 1, status: 'up' })
    expect(Object.isFrozen(record) && typeof record === 'object' && Object.isFrozen(record.tags)).toBe(true)
  })

  test.each([
    [undefined, 'an object'],
    [null, 'an object'],
    ['a.example:80', 'an object'],
    [[ADDRESS], 'an object'],
    [{ port: 80 }, 'host must be'],
    [{ host: 'a' }, 'port must be'],
    [{ ...ADDRESS, tags: 'a' }, 'tags must be an array'],
    [{ ...ADDRESS, tags: ['a', 'a'] }, 'twice'],
    [{ ...ADDRESS, tags: [''] }, 'tags[0] is empty'],
    [{ ...ADDRESS, tags: ['a', 7] }, 'tags[1] must be a string'],
    [{ ...ADDRESS, tags: ['a\u0007'] }, 'control character'],
    [{ ...ADDRESS, tags: ['a\u2028b'] }, 'control character'],
    [{ ...ADDRESS, tags: ['\ud800'] }, 'surrogate'],
    [{ ...ADDRESS, tags: [' a'] }, 'space'],
    [{ ...ADDRESS, tags: ['a'.repeat(65)] }, 'longer than 64'],
    [{ ...ADDRESS, tags: Array.from({ length: 33 }, (_, index) => `${index}`) }, 'at most 32'],
    [{ ...ADDRESS, zone: '' }, 'zone is empty'],
    [{ ...ADDRESS, zone: null }, 'zone must be a string'],
    [{ ...ADDRESS, weight: -1 }, 'weight must be'],
    [{ ...ADDRESS, weight: 1001 }, 'weight must be'],
    [{ ...ADDRESS, weight: 0.5 }, 'weight must be'],
    [{ ...ADDRESS, weight: '1' }, 'weight must be'],
    [{ ...ADDRESS, status: 'UP' }, 'status must be one of up, draining, critical'],
    [{ ...ADDRESS, status: 'toString' }, 'status must be one of'],
  ])('%j is none', (value, why) => {
    expect(readRecord(value)).toContain(why)
  })

  test('counts as draining while an operator has its process drained, unless it is worse', () => {
    const member = { id: 'a', incarnation: 1, drained: true }
    expect(instanceIn({ ...member, metadata: ADDRESS })?.status).toBe('draining')
    expect(instanceIn({ ...member, metadata: { ...ADDRESS, status: 'critical' } })?.status).toBe('critical')
    expect(instanceIn({ ...member, metadata: undefined })).toBeUndefined()
  })
})

test('only an instance that is up is meant, unless another status is asked for', () => {
  const instance = instanceIn({ id: 'a', incarnation: 1, metadata: { ...ADDRESS, status: 'draining', tags: ['x'] } })
  if (instance === undefined) throw new Error('it is an instance')
  expect(matches(instance, {})).toBe(false)
  expect(matches(instance, { status: 'draining' })).toBe(true)
  expect(matches(instance, { status: 'any', tags: ['x', 'y'] })).toBe(false)
  expect(matches(instance, { status: 'any', metadata: { toString: 'x' } })).toBe(false)
})

test('a service is the group of a name that no other group has', () => {
  expect(groupOfService('search')).toBe('service/search')
  expect(serviceOf('service/search')).toBe('search')
  expect(serviceOf('search')).toBeUndefined()
  expect(serviceNameFault('a'.repeat(120))).toBeUndefined()
  expect(serviceNameFault('a'.repeat(121))).toContain('120 bytes')
  for (const name of ['', '.', '..', 'a\n', 7, null]) expect(serviceNameFault(name)).toContain('service name')
})
