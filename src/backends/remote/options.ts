import { timing as presets, resolveTiming, type Timing, type TimingPreset } from '../../config/timing.ts'
import { CaucusError } from '../../errors.ts'
import type { TlsOptions } from '../../ports/socket.ts'
import { checkedClientTls } from '../../transports/client-tls.ts'

/**
 * How servers are reached: the token, certificates and times of one connection. Unknown fields are refused with
 * `CAUCUS_INVALID_ARGUMENT`.
 */
export interface RemoteOptions {
  /** As in the server's token file. */
  readonly token?: string
  /** For `https://` servers. */
  readonly tls?: TlsOptions
  /** Default: `timing.lan`. Of these, heartbeat, stop margin and the longest pause before reconnecting are the client's own. */
  readonly timing?: TimingPreset | Partial<Timing>
  /** How long `connect()` tries to reach a server. Default 10 000. */
  readonly connectTimeoutMs?: number
}

const KNOWN = ['token', 'tls', 'timing', 'connectTimeoutMs']
const MAX_SERVERS = 16

const refuse = (message: string): never => {
  throw new CaucusError('CAUCUS_INVALID_ARGUMENT', message)
}

/** The options with their defaults, all of them sound. */
export const checkedRemote = (urls: string | readonly string[], options: RemoteOptions) => {
  const list = typeof urls === 'string' ? [urls] : urls
  if (!Array.isArray(list) || list.length === 0 || list.length > MAX_SERVERS) {
    refuse(`remote() takes the URL of a server or a list of 1 to ${MAX_SERVERS} of them`)
  }
  for (const name of Object.keys(options)) {
    if (!KNOWN.includes(name)) {
      refuse(`remote() knows no option "${name.slice(0, 64)}"; it takes ${KNOWN.join(', ')}`)
    }
  }
  const { token, tls, timing = presets.lan, connectTimeoutMs = 10_000 } = options
  if (token !== undefined && (typeof token !== 'string' || !/^[\x21-\x7e]{1,1024}$/.test(token))) {
    refuse('remote({ token }) takes 1 to 1024 printable ASCII characters without spaces')
  }
  if (!(connectTimeoutMs >= 0 && connectTimeoutMs <= 2 ** 31 - 1)) {
    refuse(`remote({ connectTimeoutMs }) is ${connectTimeoutMs}; give milliseconds from 0 to ${2 ** 31 - 1}`)
  }
  const checked = [...new Set(list.map(baseUrl))]
  if (tls !== undefined && !checked.every((url) => url.startsWith('https:'))) {
    refuse('remote({ tls }) is for https:// servers; a token would be sent in the clear to the others')
  }
  if (tls !== undefined) checkedClientTls(tls, 'remote({ tls })')
  return { urls: checked, token, tls, timing: resolveTiming(timing), connectTimeoutMs }
}

/** Without a slash at the end. The value is not repeated where it may hold a password. */
const baseUrl = (given: unknown): string => {
  const text = typeof given === 'string' && given.length <= 2_048 && URL.canParse(given) ? given : undefined
  if (text === undefined) return refuse('remote() takes URLs like http://127.0.0.1:8989')
  const { protocol, username, password, search, hash, href } = new URL(text)
  if (protocol !== 'http:' && protocol !== 'https:') {
    return refuse(`remote() takes http:// and https:// URLs, not ${protocol}`)
  }
  if (username !== '' || password !== '') {
    return refuse('a URL for remote() carries no user and no password; use { token }')
  }
  if (search !== '' || hash !== '') return refuse('a URL for remote() has neither a query nor a fragment')
  return href.replace(/\/+$/, '')
}
