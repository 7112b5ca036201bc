import type { Random } from '../../core/random.ts'
import type { Route } from './api.ts'
import { between, oneOf, percent, weighted } from './draw.ts'
import { hostileText } from './hostile.ts'
import { Fields } from './json.ts'
import { mutatedText } from './mutate.ts'

/** A request that is being made. Texts are written as UTF-8 where they are no bytes already. */
export interface Draft {
  method: string
  target: string
  version: string
  headers: [name: string, value: string][]
  body: string | undefined
  route: Route | undefined
  mayEnd: boolean
  chunked: boolean
}

/** Lone surrogates have no UTF-8, and whoever writes them anyhow sends these bytes. */
export const encoded = (text: string): string =>
  LONE_SURROGATE.test(text)
    ? [...text].map((point) => (LONE_SURROGATE.test(point) ? '%ED%A0%80' : encodeURIComponent(point))).join('')
    : encodeURIComponent(text)
const LONE_SURROGATE = /\p{Surrogate}/u

/** No header has these, and a parser that meets them takes nothing more. */
const isUnsafe = (value: string): boolean => /[^\t\x20-\x7e\x80-\uffff]/.test(value)
/** What they say decides where a request ends, or what becomes of its connection. */
const FRAMING = new Set(['content-length', 'transfer-encoding', 'upgrade', 'connection', 'expect', 'te', 'trailer'])

/** Whether what becomes of the connection is not sure. */
export const isConfusing = ({ method, target, version, headers }: Draft): boolean =>
  !PLAIN_METHODS.has(method) ||
  !/^\/[\x21-\x7e]*$/.test(target) ||
  version !== 'HTTP/1.1' ||
  headers.some(
    ([name, value]) =>
      isUnsafe(value) || !/^[\w-]+$/.test(name) || value.length > 2_000 || FRAMING.has(name.toLowerCase()),
  ) ||
  headers.length > 50 ||
  target.length > 4_000
const PLAIN_METHODS = new Set(['GET', 'HEAD', 'PUT', 'POST', 'DELETE', 'PATCH', 'OPTIONS', 'TRACE'])

const METHODS = [
  'GET',
  'HEAD',
  'PUT',
  'POST',
  'DELETE',
  'PATCH',
  'OPTIONS',
  'TRACE',
  'CONNECT',
  'PROPFIND',
  'get',
  'QUERY',
  'PRI',
  'BREW',
  'M-SEARCH',
  '',
]

const HEADERS: readonly (readonly [name: string, value: string])[] = [
  ['Host', ''],
  ['Host', 'evil.example'],
  ['Host', '127.0.0.1:1@evil.example'],
  ['Host', '127.0.0.1, evil.example'],
  ['Host', '[::1]:99999999'],
  ['Origin', 'null'],
  ['Origin', 'https://evil.example'],
  ['Origin', 'http://127.0.0.1'],
  ['Content-Type', 'text/plain'],
  ['Content-Type', '!!!'],
  ['Content-Type', `multipart/form-data; boundary=${'x'.repeat(300)}`],
  ['Content-Encoding', 'gzip'],
  ['Expect', '100-continue'],
  ['Expect', 'the-unexpected'],
  ['Connection', 'close'],
  ['Connection', 'keep-alive, Upgrade'],
  ['Upgrade', 'websocket'],
  ['Upgrade', 'h2c'],
  ['HTTP2-Settings', 'AAMAAABkAARAAAAAAAIAAAAA'],
  ['Transfer-Encoding', 'identity'],
  ['Transfer-Encoding', 'gzip, chunked'],
  ['TE', 'trailers, deflate'],
  ['Trailer', 'Host'],
  ['X-Forwarded-For', '127.0.0.1'],
  ['X-HTTP-Method-Override', 'DELETE'],
  ['Range', 'bytes=0-'],
  ['If-None-Match', '*'],
  ['Accept-Encoding', 'gzip, deflate, br'],
  ['Cookie', 'a=b; '.repeat(20)],
  ['Last-Event-ID', '99999999999-1'],
  ['Bloc-Session-ID', 'a, b'],
  ['Content-Length', '-1'],
  ['Content-Length', '1e3'],
  ['Content-Length', '99999999999999999999'],
  ['__proto__', 'x'],
  ['constructor', 'x'],
]

/** Something about the request itself is wrong, so what its answer is like depends on more than its route. */
export const spoil = (draft: Draft, random: Random, host: string): void => {
  weighted<() => void>(random, [
    [
      15,
      () => {
        draft.method = oneOf(random, METHODS)
        draft.route = undefined
      },
    ],
    [
      30,
      () => {
        draft.target = spoiltTarget(draft.target, random, host)
        draft.route = undefined
      },
    ],
    [
      30,
      () => {
        for (let left = between(random, 1, 3); left > 0; left--) draft.headers.push([...oneOf(random, HEADERS)])
      },
    ],
    [8, () => draft.headers.push([...oneOf(random, draft.headers)])],
    [5, () => void draft.headers.splice(random.below(draft.headers.length), 1)],
    [4, () => draft.headers.push([`X-${hostileText(random)}`, hostileText(random)])],
    [2, () => draft.headers.push(['X-Many', 'y'.repeat(oneOf(random, [4_000, 16_000, 17_000]))])],
    [2, () => draft.headers.push(...Array.from({ length: 150 }, (_, n): [string, string] => [`X-${n}`, 'z']))],
    [2, () => (draft.version = oneOf(random, ['HTTP/1.0', 'HTTP/1.2', 'HTTP/2.0', 'HTTP/9.9', 'HTCPCP/1.0', '']))],
    [4, () => (draft.body = percent(random, 70) ? mutatedText(new Fields([['bootId', 'b']]), random) : undefined)],
  ])()
}

const spoiltTarget = (target: string, random: Random, host: string): string => {
  const at = random.below(target.length + 1)
  const [path = '', query] = target.split('?')
  return weighted<() => string>(random, [
    [
      20,
      () =>
        target.slice(0, at) +
        oneOf(random, ['%', '%00', '%2f', '%2e%2e', '%c0%af', '%ff', '%zz', '/', '//', '?', '#', ';', '\\', '%25']) +
        target.slice(at),
    ],
    [10, () => target.slice(0, at)],
    [10, () => `${path}/${query === undefined ? '' : `?${query}`}`],
    [
      10,
      () =>
        `${target}${query === undefined ? '?' : '&'}${encoded(hostileText(random))}=${encoded(hostileText(random))}`,
    ],
    [5, () => `${target}${query === undefined ? '?' : '&'}${query ?? 'after=1-1&after=2-2'}`],
    [5, () => path],
    [5, () => `http://${host}${target}`],
    [5, () => `http://evil.example${target}`],
    [5, () => `//${host}${target}`],
    [5, () => oneOf(random, ['*', '', '/', '/..', '/./v1/groups', '/v1', '/v1/groups/', '/__proto__', '/V1/STATUS'])],
    [5, () => path.replaceAll(/[a-z]/g, (letter) => `%${letter.charCodeAt(0).toString(16)}`)],
    [5, () => `${target}${'a'.repeat(oneOf(random, [100, 8_000, 8_300, 16_000]))}`],
    [5, () => target.replaceAll('%', '%25')],
    [2, () => hostileText(random)],
  ])()
}
