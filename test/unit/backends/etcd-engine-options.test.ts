import { describe, expect, test } from 'vitest'
import { openEngine } from '../../../src/backends/etcd/etcd3/index.ts'
import { checkedEngine } from '../../../src/backends/etcd/etcd3/options.ts'
import { isCaucusError } from '../../../src/errors.ts'
import { SimulatedClock } from '../../../src/testing/simulated-clock.ts'

const clock = new SimulatedClock()

const refusal = (options: object): string => {
  try {
    openEngine({ clock, endpoints: 'a:1', ...options })
  } catch (error) {
    if (!isCaucusError(error)) throw error
    expect(error.code).toBe('CAUCUS_INVALID_ARGUMENT')
    return error.message
  }
  return 'was taken'
}

describe('the options of an engine on etcd', () => {
  test('endpoints are given as URLs or as host and port, and each is taken once', () => {
    const endpoints = ['http://a:1', 'b:2', 'http://[::1]:2379/', 'etcd.internal', 'http://a:1/', 'http://c:80']
    const { addresses, secure } = checkedEngine({ endpoints, clock })
    expect(addresses).toEqual([
      { target: 'a:1', url: 'http://a:1' },
      { target: 'b:2', url: 'http://b:2' },
      { target: '[::1]:2379', url: 'http://[::1]:2379' },
      { target: 'etcd.internal:2379', url: 'http://etcd.internal:2379' },
      { target: 'c:80', url: 'http://c:80' },
    ])
    expect(secure).toBe(false)
    expect(checkedEngine({ endpoints: 'b:2', tls: {}, clock })).toMatchObject({
      addresses: [{ url: 'https://b:2' }],
      secure: true,
    })
    expect(checkedEngine({ endpoints: 'https://b', clock })).toMatchObject({ addresses: [{ url: 'https://b:2379' }] })
  })

  test.each([
    [{ endpoints: [] }, /list of 1 to 16/],
    [{ endpoints: Array(17).fill('a:1') }, /list of 1 to 16/],
    [{ endpoints: { url: 'a:1' } }, /endpoints takes a URL/],
    [{ endpoints: [7] }, /an endpoint is a URL/],
    [{ endpoints: '' }, /an endpoint is a URL/],
    [{ endpoints: 'ftp://a:1' }, /not ftp:/],
    [{ endpoints: 'http://a:1/prefix' }, /neither a path/],
    [{ endpoints: ['http://a:1', 'https://b:1'] }, /all https:\/\/ or all http:/],
    [{ endpoints: 'http://a:1', tls: {} }, /tls is for https/],
    [{ endpoints: 'a:1', tls: { ca: 'no certificate' } }, /tls: /],
    [{ endpoints: 'a:1', tls: { cert: 'x' } }, /cert and key together/],
    [{ endpoints: 'a:1', tls: { passphrase: 'x' } }, /not "passphrase"/],
    [{ endpoints: 'a:1', tls: 'yes' }, /tls takes/],
    [{ endpoints: 'a:1', user: 'me' }, /password takes/],
    [{ endpoints: 'a:1', password: 'secret' }, /user takes/],
    [{ endpoints: 'a:1', requestMs: Number.NaN }, /requestMs is NaN/],
    [{ endpoints: 'a:1', requestMs: 5 }, /requestMs is 5/],
    [{ endpoints: 'a:1', progressMs: '1000' }, /progressMs is 1000/],
    [{ endpoints: 'a:1', ttl: 5 }, /no option "ttl"/],
  ])('%j is refused', (options, message) => {
    expect(refusal(options)).toMatch(message)
  })

  test('no refusal repeats a password', () => {
    for (const options of [
      { endpoints: 'http://user:s3cret@a:1' },
      { endpoints: 'a:1', password: 's3cret' },
      { endpoints: 'a:1', user: 7, password: 's3cret' },
      { endpoints: ['a:1', 's3cret:::'] },
    ]) {
      expect(refusal(options)).not.toBe('was taken')
      expect(refusal(options)).not.toContain('s3cret')
    }
  })
})
