import type { Random } from '../../core/random.ts'
import { between, oneOf, percent, weighted } from './draw.ts'
import { Fields, type Json, Verbatim } from './json.ts'

const NUMBERS: readonly Json[] = [
  ...[Number.NaN, Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY, -0, 0, 1, -1, 0.5, -0.5, 1e-7, 1e21],
  ...[Number.MAX_VALUE, Number.MIN_VALUE, 1e308, -1e308, 2 ** 53 - 1, 2 ** 53, 2 ** 53 + 2, -(2 ** 53), 2 ** 63],
  ...[2 ** 31 - 1, 2 ** 31, 2 ** 32 - 1, 2 ** 32, 2 ** 21, 2 ** 21 - 1, 4096, 4097, 65_536],
  ...['1e999', '-1e999', '0x10', '01', '-', '+1', '1.', '.5', '1e', '1_000', '9007199254740993', '1n'].map(raw),
  raw('9'.repeat(400)),
  raw(`0.${'0'.repeat(400)}1`),
]
function raw(text: string): Verbatim {
  return new Verbatim(text)
}

const SHORT_TEXTS: readonly string[] = [
  ...['', ' ', '.', '..', '...', '/', '//', '\\', '%', '%00', '%2e%2e', '%zz', '+', ':', '*', '?', '#', '&', '=', ','],
  ...['\0', '\u0007', '\n', '\r\n', '\t', '\u007f', '\u0085', '\u2028', '\u202e', '\ufeff', '\uffff', '\ufffd'],
  ...['\ud800', '\udfff', '\udc00\ud800', 'a\ud83d', '😀', 'é', 'e\u0301', 'ß', '\u{10ffff}', 'İ'],
  ...['__proto__', 'constructor', 'prototype', 'toString', 'hasOwnProperty', 'valueOf', 'toJSON', '__defineGetter__'],
  ...['null', 'undefined', 'true', 'NaN', '0', '-1', '1e999', '[object Object]', 'index', 'settled', 'default'],
  ...['../../etc/passwd', '..%2f..', '<script>', "';--", '\r\nX-Injected: 1', '{{7*7}}', '%s%n', '\x1b[31m'],
]

const LENGTHS = [63, 64, 65, 127, 128, 129, 255, 256, 257, 1_023, 4_095, 4_096, 4_097, 8_300, 70_000]

/** Numbers that somebody forgot about. */
export const hostileNumber = (random: Random): Json =>
  percent(random, 80) ? oneOf(random, NUMBERS) : (random.next() - 0.5) * 10 ** between(random, -5, 20)

/** Texts that somebody forgot about; now and then a long one. */
export const hostileText = (random: Random): string =>
  weighted(random, [
    [60, () => oneOf(random, SHORT_TEXTS)],
    [15, () => oneOf(random, SHORT_TEXTS) + oneOf(random, SHORT_TEXTS)],
    [10, () => oneOf(random, ['x', 'é', '😀', '\ud800', '/', '.']).repeat(longLength(random))],
    [15, () => scattered(random)],
  ])()

/** The very long ones cost as much as a hundred others, and say little more. */
const longLength = (random: Random): number =>
  percent(random, 97) ? oneOf(random, LENGTHS.slice(0, 10)) : oneOf(random, LENGTHS)

const scattered = (random: Random): string => {
  let text = ''
  for (let left = between(random, 1, 12); left > 0; left--) {
    text += String.fromCharCode(percent(random, 70) ? random.below(0x180) : random.below(0x10000))
  }
  return text
}

const NESTED = [15, 16, 17, 18, 100, 3_000] as const

const nested = (random: Random): Verbatim => {
  const depth = percent(random, 0.5) ? 100_000 : oneOf(random, NESTED)
  const [open, close] = oneOf(random, [
    ['[', ']'],
    ['{"a":', '}'],
    ['{"__proto__":', '}'],
  ] as const)
  return new Verbatim(`${open.repeat(depth)}1${close.repeat(depth)}`)
}

const POLLUTING: readonly Json[] = [
  new Fields([['__proto__', new Fields([['polluted', true]])]]),
  new Fields([['constructor', new Fields([['prototype', new Fields([['polluted', true]])]])]]),
  new Fields([
    ['toString', 1],
    ['valueOf', null],
    ['toJSON', 'x'],
  ]),
  new Fields([
    ['a', 1],
    ['a', 2],
  ]),
  new Fields([['', '']]),
  new Fields([['length', 2 ** 32]]),
  new Fields([['then', 'x']]),
]

const long = (random: Random): Json => {
  const item = oneOf<Json>(random, [0, null, '', new Fields([]), new Fields([['item', 1]])])
  return Array.from({ length: oneOf(random, [33, 1_025, 4_097]) }, () => item)
}

/** Any JSON at all, and what is none. */
export const hostileJson = (random: Random): Json =>
  weighted<() => Json>(random, [
    [30, () => hostileNumber(random)],
    [30, () => hostileText(random)],
    [15, () => oneOf<Json>(random, [null, true, false, [], new Fields([]), [null], [[]], raw(''), raw('undefined')])],
    [12, () => oneOf(random, POLLUTING)],
    [4, () => nested(random)],
    [0.5, () => long(random)],
  ])()
