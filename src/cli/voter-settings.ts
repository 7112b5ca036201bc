import type { AccessRule } from '../config/access.ts'
import { type Config, otherPeers } from '../config/config.ts'
import { CaucusError } from '../errors.ts'
import type { PeerOptions, PeerTls } from '../peer.ts'
import { UsageError } from './errors.ts'

/** What the command line says that concerns a voter. */
interface VoterOptions {
  readonly timeout?: unknown
  readonly settle?: unknown
  readonly pollInterval?: unknown
  readonly fresh?: unknown
  readonly dataDir?: string
  readonly insecure?: boolean
}

/** Where it listens, who may say something there, and by which certificate it is known. */
interface VoterSurroundings {
  readonly host: string
  readonly port: number
  readonly access: { readonly rules: readonly AccessRule[]; readonly file: string } | undefined
  readonly tls: PeerTls | undefined
}

/** Options about groups, which a voter does not serve. */
const OF_GROUPS = [
  ['timeout', '--timeout'],
  ['settle', '--settle'],
  ['pollInterval', '--poll-interval'],
  ['fresh', '--fresh'],
] as const

/** With peers, a server is one voter of a cluster that elects a leader; what it granted by itself, the others would not know. */
export const requireNoGroups = (config: Config, file: string): void => {
  const others = otherPeers(config)
  if (others.length === 0 || config.groups.size === 0) return
  throw new CaucusError(
    'CAUCUS_INVALID_CONFIG',
    `${file}: peers names ${others.length} more (${others.map(({ identifier }) => identifier).join(', ')}), so this is a voter that only elects a leader, and groups are not replicated yet: take groups out of this file, or leave peers out to serve them from a single server`,
  )
}

/** What the voter is told that this server is to run; `undefined`: it runs none. */
export const voterOf = (
  options: VoterOptions,
  config: Config | undefined,
  { host, port, access, tls }: VoterSurroundings,
): PeerOptions | undefined => {
  if (config === undefined || otherPeers(config).length === 0) return undefined
  const { identifier = '', peers, metadata, cluster, timing } = config
  const [, flag] = OF_GROUPS.find(([name]) => options[name] !== undefined) ?? []
  if (flag !== undefined) {
    throw new UsageError(
      `${flag} is about groups, and with peers this is a voter that only elects a leader; leave it out`,
    )
  }
  const token = access === undefined ? undefined : ownToken(access.rules, identifier)
  if (access !== undefined && token === undefined && tls?.ca === undefined) {
    throw new CaucusError(
      'CAUCUS_INVALID_CONFIG',
      `${access.file} has no token that this voter could show to the others: give it an entry with the token itself (not its sha256), the role admin and the name ${JSON.stringify(identifier)}`,
    )
  }
  const { dataDir, insecure } = options
  return {
    identifier,
    listen_host: host,
    listen_port: port,
    peers,
    timing,
    ...(metadata !== undefined && { metadata }),
    ...(cluster !== undefined && { cluster }),
    ...(dataDir !== undefined && { dataDir }),
    ...(token !== undefined && { token }),
    ...(tls !== undefined && { tls: { cert: tls.cert, key: tls.key, ...(tls.ca !== undefined && { ca: tls.ca }) } }),
    ...(insecure !== undefined && { insecure }),
  }
}

/** The one of the entry with this voter's name, or else the first that may be any voter. */
const ownToken = (rules: readonly AccessRule[], identifier: string): string | undefined => {
  const shown = rules.flatMap(({ name, credential, grant }) =>
    credential.type === 'token' && grant.role === 'admin' ? [{ name, token: credential.token, grant }] : [],
  )
  const own = shown.find(({ name }) => name === identifier)
  return (own ?? shown.find(({ grant }) => grant.members === undefined))?.token
}
