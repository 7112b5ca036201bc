import { expect, test } from 'vitest'
import { parseListenAddress } from '../../../src/cli/listen-address.ts'

test.each([
  ['tcp:8989', '127.0.0.1', 8_989],
  ['8989', '127.0.0.1', 8_989],
  ['tcp:0', '127.0.0.1', 0],
  ['0.0.0.0:65535', '0.0.0.0', 65_535],
  ['tcp:db-1.local:7000', 'db-1.local', 7_000],
  ['[::1]:8989', '::1', 8_989],
])('%s is %s, port %i', (text, host, port) => expect(parseListenAddress(text)).toEqual({ host, port }))

test.each([
  '',
  'tcp:',
  'tcp',
  'localhost',
  '::1:8989',
  '127.0.0.1:',
  ':8989',
  'tcp:65536',
  'tcp:-1',
  '127.0.0.1:80x',
  'unix:/tmp/s',
])('%j is refused', (text) => expect(() => parseListenAddress(text)).toThrow(/tcp:PORT or HOST:PORT/))
