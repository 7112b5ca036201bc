import { describe, expect, test } from 'vitest'
import { hostFault, portFault } from '../../../../src/core/registry/address.ts'

describe('the host of an instance', () => {
  test.each([
    'localhost',
    'a',
    'search-1.internal.example',
    'db_primary',
    'example.',
    'xn--bcher-kva.example',
    '10.0.0.7',
    '255.255.255.255',
    '3com.example',
    '::1',
    'fe80::1',
    '2001:db8:0:0:0:0:0:7',
    '2001:db8::7',
    '1::',
    '::ffff:10.0.0.7',
    '64:ff9b::192.0.2.33',
    `${'a'.repeat(63)}.example`,
  ])('may be %s', (host) => {
    expect(hostFault(host)).toBeUndefined()
  })

  test.each([
    ['', 'empty'],
    [undefined, 'string'],
    [null, 'null'],
    [7, 'number'],
    [{ toString: () => 'a' }, 'object'],
    ['a b', 'neither'],
    ['a\u0000', 'neither'],
    ['a\r\nHost: x', 'not an IPv6'],
    ['http://a', 'not an IPv6'],
    ['a:80', 'not an IPv6'],
    ['[::1]', 'brackets'],
    ['bücher.example', 'neither'],
    ['-a', 'neither'],
    ['a-', 'neither'],
    ['a..b', 'neither'],
    ['.', 'neither'],
    ['a/b', 'neither'],
    ['user@a', 'neither'],
    [`${'a'.repeat(64)}.example`, 'neither'],
    ['a'.repeat(254), 'longer'],
    ['a'.repeat(1_000_000), 'longer'],
    ['256.0.0.1', 'not an IPv4'],
    ['1.2.3', 'not an IPv4'],
    ['1.2.3.4.5', 'not an IPv4'],
    ['01.2.3.4', 'not an IPv4'],
    ['2130706433', 'not an IPv4'],
    ['0.0.0.0', 'listens everywhere'],
    ['::', 'listens everywhere'],
    ['0:0:0:0:0:0:0:0', 'listens everywhere'],
    ['fe80::1%eth0', 'zone'],
    ['1::2::3', 'not an IPv6'],
    ['1:2:3:4:5:6:7', 'not an IPv6'],
    ['1:2:3:4:5:6:7:8:9', 'not an IPv6'],
    ['1:2:3:4:5:6:7:8::', 'not an IPv6'],
    [':::', 'not an IPv6'],
    [':1', 'not an IPv6'],
    ['12345::', 'not an IPv6'],
    ['g::', 'not an IPv6'],
    ['::10.0.0.256', 'not an IPv6'],
    ['10.0.0.1::', 'not an IPv6'],
  ])('may not be %s', (host, why) => {
    expect(hostFault(host)).toContain(why)
    // It may be long or hostile, so it is not repeated.
    if (typeof host === 'string' && host.length > 30) expect(hostFault(host)?.length).toBeLessThan(200)
  })
})

test('a port is a whole number from 1 to 65 535', () => {
  for (const port of [1, 80, 65_535]) expect(portFault(port)).toBeUndefined()
  for (const port of [0, -1, 65_536, 1.5, Number.NaN, 1e308, 2 ** 53, '80', null, undefined, [80]])
    expect(portFault(port)).toContain('port must be')
})
