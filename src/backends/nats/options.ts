import { CaucusError } from '../../errors.ts'
import type { TlsOptions } from '../../ports/socket.ts'
import { checkedClientTls } from '../../transports/client-tls.ts'
import { prefixFault } from './subjects.ts'

/** How NATS is reached, and under which subjects. */
export interface NatsOptions {
  /** `HOST:PORT`, `nats://HOST:PORT` or `tls://HOST:PORT`; one or up to 16. */
  readonly servers: string | readonly string[]
  readonly user?: string
  readonly password?: string
  readonly token?: string
  /** What stands in a credentials file (`.creds`): a JWT and its seed. */
  readonly credentials?: string | Uint8Array
  /** The seed of a user's nkey, `SU…`. */
  readonly nkeySeed?: string
  /** Only over TLS. With `ca` (PEM) instead of whom Node trusts; `cert` and `key` for servers that ask for them. */
  readonly tls?: TlsOptions
  /** What all subjects begin with: whoever has another one has other topics. Default `caucus`. */
  readonly prefix?: string
  /** What NATS' own monitoring, and handlers in `from`, see of this process. Default: a random one. */
  readonly name?: string
  /** How long `connect()` tries to reach a server. Default 10 000. */
  readonly connectTimeoutMs?: number
}

/** The options with their defaults, all of them sound. */
export interface SoundNats {
  readonly servers: readonly string[]
  readonly login: Login | undefined
  readonly tls: TlsOptions | undefined
  readonly prefix: string
  readonly name: string | undefined
  readonly connectTimeoutMs: number
}

export type Login =
  | { readonly user: string; readonly password: string | undefined }
  | { readonly token: string }
  | { readonly credentials: Uint8Array }
  | { readonly nkeySeed: Uint8Array }

const KNOWN = [
  'servers',
  'user',
  'password',
  'token',
  'credentials',
  'nkeySeed',
  'tls',
  'prefix',
  'name',
  'connectTimeoutMs',
]
const MAX_SERVERS = 16
const ADDRESS = /^(?:(nats|tls):\/\/)?(\[[0-9a-fA-F:.]+\]|[^\s:/?#@[\]]+)(?::([0-9]{1,5}))?\/?$/
const NAME = /^[\x21-\x7e]{1,64}$/
const SECRET = /^[\x21-\x7e]{1,1024}$/
const SEED = /^SU[A-Z2-7]{56}$/

const refuse = (message: string): never => {
  throw new CaucusError('CAUCUS_INVALID_ARGUMENT', message)
}

/** Throws `CAUCUS_INVALID_ARGUMENT`. Nothing of a secret is ever repeated. */
export const checkedNats = (given: string | readonly string[] | NatsOptions): SoundNats => {
  const options = optionsOf(given)
  for (const name of Object.keys(options)) {
    if (!KNOWN.includes(name)) refuse(`nats() knows no option "${name.slice(0, 64)}"; it takes ${KNOWN.join(', ')}`)
  }
  const { servers, tls, prefix = 'caucus', name, connectTimeoutMs = 10_000 } = options
  const list: readonly unknown[] = Array.isArray(servers) ? servers : [servers]
  if (list.length === 0 || list.length > MAX_SERVERS) refuse(`nats() takes a server, or a list of 1 to ${MAX_SERVERS}`)
  const checked = [...new Set(list.map(addressOf))]
  if (tls !== undefined) checkedClientTls(tls, 'nats({ tls })')
  const fault = prefixFault(prefix)
  if (fault !== undefined) refuse(`nats({ prefix }): ${fault}`)
  if (name !== undefined && (typeof name !== 'string' || !NAME.test(name)))
    refuse('nats({ name }) takes 1 to 64 printable ASCII characters without spaces')
  if (!(typeof connectTimeoutMs === 'number' && connectTimeoutMs >= 0 && connectTimeoutMs <= 2 ** 31 - 1))
    refuse(`nats({ connectTimeoutMs }) takes milliseconds from 0 to ${2 ** 31 - 1}`)
  const isSecured = checked.some((server) => server.startsWith('tls:'))
  return {
    servers: checked.map((server) => server.replace(/^(nats|tls):\/\//, '')),
    login: loginOf(options),
    tls: tls ?? (isSecured ? {} : undefined),
    prefix,
    name,
    connectTimeoutMs,
  }
}

const optionsOf = (given: string | readonly string[] | NatsOptions): NatsOptions => {
  if (typeof given === 'string') return { servers: given }
  if (Array.isArray(given)) return { servers: given as readonly string[] }
  return typeof given === 'object' && given !== null
    ? (given as NatsOptions)
    : refuse('nats() takes the address of a server, a list of them, or an object of options')
}

/** Addresses are said in errors, so nothing secret may be part of one. */
const addressOf = (given: unknown): string => {
  const [, scheme = 'nats', host, port = '4222'] = (typeof given === 'string' && ADDRESS.exec(given)) || []
  if (host === undefined || Number(port) < 1 || Number(port) > 65_535) {
    return refuse(
      'nats() takes servers as HOST:PORT, nats://HOST:PORT or tls://HOST:PORT; user and password are options of their own',
    )
  }
  return `${scheme}://${host}:${Number(port)}`
}

const loginOf = ({ user, password, token, credentials, nkeySeed }: NatsOptions): Login | undefined => {
  const ways = [user ?? password, token, credentials, nkeySeed].filter((way) => way !== undefined)
  if (ways.length > 1) refuse('nats() takes one of user and password, token, credentials and nkeySeed, not several')
  if (user !== undefined || password !== undefined) {
    if (typeof user !== 'string' || user === '')
      return refuse('nats({ user }) takes a name, and goes before a password')
    if (password !== undefined && (typeof password !== 'string' || password === ''))
      refuse('nats({ password }) takes a text')
    return { user, password }
  }
  if (token !== undefined) {
    if (typeof token !== 'string' || !SECRET.test(token))
      refuse('nats({ token }) takes 1 to 1024 printable ASCII characters without spaces')
    return { token }
  }
  if (credentials !== undefined) {
    const bytes = typeof credentials === 'string' ? Buffer.from(credentials) : credentials
    if (!(bytes instanceof Uint8Array) || !Buffer.from(bytes).includes('NATS USER JWT'))
      return refuse('nats({ credentials }) takes what stands in a credentials file, not its path')
    return { credentials: bytes }
  }
  if (nkeySeed === undefined) return undefined
  if (typeof nkeySeed !== 'string' || !SEED.test(nkeySeed))
    return refuse('nats({ nkeySeed }) takes the seed of a user, which begins with SU')
  return { nkeySeed: Buffer.from(nkeySeed) }
}
