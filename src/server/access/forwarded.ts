import type { IncomingMessage } from 'node:http'
import { isIP } from 'node:net'
import { idFault } from '../../core/ids.ts'
import type { Shown } from './access.ts'

/** In which a peer that passes a request on says who asked. */
export const FORWARDED_HEADER = 'caucus-forwarded'
/** As it is sent. With the headers of the client it has to fit into what a server takes. */
export const MAX_FORWARDED_LENGTH = 12_288
/** Of a certificate. */
const MAX_NAMES = 100
const HASH = /^[0-9a-f]{64}$/
const BASE64URL = /^[A-Za-z0-9_-]+$/
/** What a socket says of its other end once that is gone. */
const UNKNOWN = 'unknown'

/** Who asked, as the peer that was asked knows it. */
export interface Forwarded {
  readonly shown: Shown
  readonly address: string
}

/** The value of the header; `undefined` when it would be too long. */
export const encodeForwarded = ({ shown, address }: Forwarded): string | undefined => {
  const text = Buffer.from(JSON.stringify({ shown: plain(shown), address })).toString('base64url')
  return text.length <= MAX_FORWARDED_LENGTH ? text : undefined
}

const plain = (shown: Shown): object =>
  shown.via === 'token' ? { via: 'token', hash: shown.hash.toString('hex') } : shown

/** Who asked, or what is wrong with how it is said. Its words are never repeated. */
export const decodeForwarded = ({ rawHeaders }: Pick<IncomingMessage, 'rawHeaders'>): Forwarded | string => {
  const [text = '', ...others] = valuesIn(rawHeaders)
  if (others.length > 0) return 'is sent twice'
  if (text.length > MAX_FORWARDED_LENGTH) return `is longer than ${MAX_FORWARDED_LENGTH} characters`
  if (!BASE64URL.test(text)) return 'is not base64url'
  const json = parsed(text)
  if (!hasOnly(json, ['shown', 'address'])) return 'is not JSON with shown and address'
  const { shown, address } = json
  if (typeof address !== 'string' || (address !== UNKNOWN && isIP(address) === 0)) return 'has an address that is none'
  const known = shownIn(shown)
  return known === undefined ? 'does not say what was shown' : { shown: known, address }
}

const valuesIn = (rawHeaders: readonly string[]): readonly string[] =>
  rawHeaders.filter((_value, index) => index % 2 === 1 && rawHeaders[index - 1]?.toLowerCase() === FORWARDED_HEADER)

const parsed = (text: string): unknown => {
  try {
    return JSON.parse(Buffer.from(text, 'base64url').toString('utf8'))
  } catch {
    // Told in the same words as JSON of something else.
    return undefined
  }
}

const shownIn = (value: unknown): Shown | undefined => {
  if (hasOnly(value, ['via', 'hash']) && value.via === 'token') {
    const { hash } = value
    return typeof hash === 'string' && HASH.test(hash) ? { via: 'token', hash: Buffer.from(hash, 'hex') } : undefined
  }
  if (hasOnly(value, ['via', 'names']) && value.via === 'certificate') {
    const { names } = value
    return areNames(names) ? { via: 'certificate', names } : undefined
  }
  return hasOnly(value, ['via']) && value.via === 'nothing' ? { via: 'nothing' } : undefined
}

const areNames = (names: unknown): names is readonly string[] =>
  Array.isArray(names) && names.length <= MAX_NAMES && names.every((name) => idFault(name, 'name') === undefined)

/** Exactly these, and each of them. */
const hasOnly = (value: unknown, keys: readonly string[]): value is Readonly<Record<string, unknown>> =>
  typeof value === 'object' &&
  value !== null &&
  !Array.isArray(value) &&
  Object.keys(value).length === keys.length &&
  keys.every((key) => Object.hasOwn(value, key))
