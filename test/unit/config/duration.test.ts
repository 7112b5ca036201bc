import { expect, test } from 'vitest'
import { formatDuration, MAX_DURATION_MS, parseDuration } from '../../../src/config/duration.ts'

test.each([
  ['300ms', 300],
  ['4s', 4_000],
  ['2m', 120_000],
  ['1h', 3_600_000],
  ['4', 4_000],
  ['0.5', 500],
  ['.5s', 500],
  ['1.5m', 90_000],
  [' 7 ', 7_000],
  ['2147483647ms', MAX_DURATION_MS],
])('%s is %i ms', (text, ms) => expect(parseDuration(text, '--within')).toBe(ms))

test.each([
  '',
  'nan',
  'NaN',
  'Infinity',
  '-1',
  '0',
  '0ms',
  '1e3',
  '4 s',
  '4d',
  '0x10',
  '1,5',
  '٣',
  '2147483648ms',
  '9'.repeat(400),
])('%j is refused with the name and the range', (text) => {
  expect(() => parseDuration(text, '--within')).toThrow(
    /^--within is ".*"; give a length of time from 1ms to 596h, such as/,
  )
})

test('zero is accepted where it means something, and a narrower range is said', () => {
  expect(parseDuration('0', '-s', { minMs: 0 })).toBe(0)
  expect(() => parseDuration('0.01', '-t', { minMs: 100, maxMs: 5_000 })).toThrow(/from 100ms to 5s/)
})

test.each([
  [300, '300ms'],
  [1_000, '1s'],
  [1_500, '1.5s'],
  [6_122, '6122ms'],
  [120_000, '120s'],
])('%i ms is said as %s', (ms, text) => expect(formatDuration(ms)).toBe(text))
