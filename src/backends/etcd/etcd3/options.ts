import type { Millis } from '../../../core/time.ts'
import { CaucusError } from '../../../errors.ts'
import type { Clock } from '../../../ports/clock.ts'
import type { TlsOptions } from '../../../ports/socket.ts'
import { checkedClientTls } from '../../../transports/client-tls.ts'

export interface EngineOptions {
  /** `http://HOST:PORT`, `https://HOST:PORT` or `HOST:PORT` each; all of one kind. The latter is TLS when `tls` is given. */
  readonly endpoints: string | readonly string[]
  readonly tls?: TlsOptions
  /** Both or none. */
  readonly user?: string
  readonly password?: string
  /** By when a call is answered or rejected. Default 5 000. */
  readonly requestMs?: Millis
  /** After how much silence a watch breaks. Default 5 000. */
  readonly progressMs?: Millis
  readonly clock: Clock
  /** In [0, 1): which endpoint is taken first, so that many clients spread over all of them. */
  readonly random?: () => number
}

/** Where one member of etcd serves clients. */
export interface Address {
  /** `HOST:PORT`, an IPv6 address in brackets. */
  readonly target: string
  /** As given, completed by `http://` or `https://`. */
  readonly url: string
}

export interface CheckedEngine {
  readonly addresses: readonly Address[]
  readonly tls: TlsOptions | undefined
  readonly secure: boolean
  readonly login: { readonly user: string; readonly password: string } | undefined
  readonly requestMs: Millis
  readonly progressMs: Millis
  readonly clock: Clock
  readonly random: () => number
}

const KNOWN = ['endpoints', 'tls', 'user', 'password', 'requestMs', 'progressMs', 'clock', 'random']
const MAX_ENDPOINTS = 16
const DEFAULT_MS = 5_000
const LEAST_MS = 100
const MOST_MS = 600_000
const DEFAULT_PORT = '2379'

const refuse = (message: string): never => {
  throw new CaucusError('CAUCUS_INVALID_ARGUMENT', message)
}

/** The options with their defaults, all of them sound. What may be a password is never repeated. */
export const checkedEngine = (options: EngineOptions): CheckedEngine => {
  for (const name of Object.keys(options)) {
    if (!KNOWN.includes(name))
      refuse(`etcd: there is no option "${name.slice(0, 64)}"; it takes ${KNOWN.slice(0, -2).join(', ')}`)
  }
  const { endpoints, tls, clock, random = Math.random } = options
  const list: readonly unknown[] = typeof endpoints === 'string' ? [endpoints] : endpoints
  if (!Array.isArray(list) || list.length === 0 || list.length > MAX_ENDPOINTS) {
    refuse(
      `etcd: endpoints takes a URL like http://127.0.0.1:${DEFAULT_PORT}, or a list of 1 to ${MAX_ENDPOINTS} of them`,
    )
  }
  if (tls !== undefined) checkedClientTls(tls, 'etcd: tls')
  const found = list.map((each) => addressOf(each, tls !== undefined))
  const addresses = found.filter(({ url }, i) => found.findIndex((other) => other.url === url) === i)
  const secure = addresses.every(({ url }) => url.startsWith('https:'))
  if (!secure && addresses.some(({ url }) => url.startsWith('https:'))) {
    refuse('etcd: endpoints are either all https:// or all http://; what is said to one can be said to any of them')
  }
  if (tls !== undefined && !secure) refuse('etcd: tls is for https:// endpoints; these are http://')
  return {
    addresses,
    tls,
    secure,
    login: loginOf(options),
    requestMs: checkedMs('requestMs', options.requestMs),
    progressMs: checkedMs('progressMs', options.progressMs),
    clock,
    random,
  }
}

const checkedMs = (name: string, value: unknown = DEFAULT_MS): Millis => {
  if (typeof value !== 'number' || !(value >= LEAST_MS && value <= MOST_MS)) {
    return refuse(`etcd: ${name} is ${String(value).slice(0, 64)}; give milliseconds from ${LEAST_MS} to ${MOST_MS}`)
  }
  return value
}

const loginOf = ({ user, password }: EngineOptions): CheckedEngine['login'] => {
  if (user === undefined && password === undefined) return undefined
  if (typeof user !== 'string' || user === '' || user.length > 1_024)
    return refuse('etcd: user takes the name of a user')
  if (typeof password !== 'string' || password === '' || password.length > 1_024) {
    return refuse(
      'etcd: password takes the password of that user; a user without one logs in by a certificate, see tls',
    )
  }
  return { user, password }
}

/** The value is not repeated where it may hold a password. */
const addressOf = (given: unknown, withTls: boolean): Address => {
  const text = typeof given === 'string' && given.length <= 2_048 ? given : ''
  const full = /^[a-z][a-z0-9+.-]*:\/\//i.test(text) ? text : `${withTls ? 'https' : 'http'}://${text}`
  if (text === '' || !URL.canParse(full)) {
    return refuse(`etcd: an endpoint is a URL like http://127.0.0.1:${DEFAULT_PORT}, or HOST:PORT`)
  }
  const { protocol, username, password, hostname, port, pathname, search, hash } = new URL(full)
  if (protocol !== 'http:' && protocol !== 'https:') {
    return refuse(`etcd: an endpoint is an http:// or https:// URL, not ${protocol}`)
  }
  if (username !== '' || password !== '') {
    return refuse('etcd: an endpoint carries no user and no password; use { user, password }')
  }
  if ((pathname !== '/' && pathname !== '') || search !== '' || hash !== '') {
    return refuse(
      'etcd: an endpoint has neither a path nor a query nor a fragment; a prefix of keys is an option of its own',
    )
  }
  // A URL drops the usual port of its scheme, which etcd never has by default: an explicit :80 or :443 must be kept.
  const explicit = /:(\d+)\/?$/.exec(full)?.[1] ?? (port === '' ? DEFAULT_PORT : port)
  const target = `${hostname}:${explicit}`
  return { target, url: `${protocol}//${target}` }
}
