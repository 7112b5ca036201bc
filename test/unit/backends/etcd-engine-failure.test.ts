import { describe, expect, test } from 'vitest'
import { failureOf, isStaleToken } from '../../../src/backends/etcd/etcd3/failure.ts'
import { rangeOf } from '../../../src/backends/etcd/etcd3/values.ts'

/** What gRPC rejects with. */
const status = (code: number, details: string) => Object.assign(new Error(`${code} ${details}`), { code, details })

describe('what a failed call of etcd means', () => {
  test.each([
    // It did not happen.
    [14, 'etcdserver: no leader', 'CAUCUS_UNAVAILABLE', true],
    [8, 'etcdserver: too many requests', 'CAUCUS_OVERLOADED', true],
    [3, 'etcdserver: too many operations in txn request', 'CAUCUS_INVALID_CONFIG', true],
    [8, 'etcdserver: mvcc: database space exceeded', 'CAUCUS_OVERLOADED', true],
    [8, 'grpc: received message larger than max (3000000 vs. 2097152)', 'CAUCUS_TOO_LARGE', true],
    [3, 'etcdserver: request is too large', 'CAUCUS_TOO_LARGE', true],
    [3, 'etcdserver: duplicate key given in txn request', 'CAUCUS_INVALID_ARGUMENT', true],
    [3, 'etcdserver: authentication failed, invalid user ID or password', 'CAUCUS_UNAUTHORIZED', true],
    [3, 'etcdserver: user name is empty', 'CAUCUS_UNAUTHORIZED', true],
    [16, 'etcdserver: invalid auth token', 'CAUCUS_UNAUTHORIZED', true],
    [7, 'etcdserver: permission denied', 'CAUCUS_FORBIDDEN', true],
    // It may have.
    [14, 'etcdserver: request timed out, possibly due to previous leader failure', 'CAUCUS_TIMEOUT', false],
    [14, 'etcdserver: server stopped', 'CAUCUS_CONNECTION_LOST', false],
    [14, 'read ECONNRESET', 'CAUCUS_CONNECTION_LOST', false],
    [13, 'Received RST_STREAM with code 2', 'CAUCUS_CONNECTION_LOST', false],
    [4, 'context deadline exceeded', 'CAUCUS_TIMEOUT', false],
    [1, 'Cancelled on client', 'CAUCUS_CONNECTION_LOST', false],
    [15, 'etcdserver: corrupt cluster', 'CAUCUS_BACKEND', false],
  ])('%i %s: %s', (code, details, expected, definite) => {
    const failure = failureOf('a transaction', status(code, details), 'http://a:1')
    expect(failure).toMatchObject({ code: expected, definite })
  })

  test('a token that is no longer known is told from a password that is wrong', () => {
    expect(isStaleToken(status(16, 'etcdserver: invalid auth token'))).toBe(true)
    expect(isStaleToken(status(3, 'etcdserver: revision of auth store is old'))).toBe(true)
    expect(isStaleToken(status(3, 'etcdserver: user name is empty'))).toBe(true)
    expect(isStaleToken(status(3, 'etcdserver: authentication failed, invalid user ID or password'))).toBe(false)
  })
})

describe('all keys that begin with a prefix', () => {
  test('end before the next one that does not', () => {
    expect(rangeOf('a/')).toEqual({ key: Buffer.from('a/'), range_end: Buffer.from('a0') })
    expect(rangeOf('')).toEqual({ key: Buffer.from([0]), range_end: Buffer.from([0]) })
    const { key, range_end } = rangeOf('a\u{10ffff}')
    expect(Buffer.compare(key, range_end)).toBe(-1)
    expect(Buffer.compare(Buffer.from('a\u{10ffff}z'), range_end)).toBe(-1)
    expect(Buffer.compare(Buffer.from('b'), range_end)).toBe(1)
  })
})
