import type { AccessRule } from '../config/access.ts'
import { type Config, otherPeers } from '../config/config.ts'
import type { Timing } from '../config/timing.ts'
import type { Millis } from '../core/time.ts'
import { CaucusError } from '../errors.ts'
import type { PeerOptions, PeerTls } from '../peer.ts'

/** What the command line says that concerns a voter. */
interface VoterOptions {
  /** Of bloc's clients. */
  readonly group: string
  readonly pollInterval?: Millis
  readonly fresh?: boolean
  readonly dataDir?: string
  readonly insecure?: boolean
  readonly links?: 'plain' | 'direct'
}

/** Where it listens, who may say something there, and by which certificate it is known. */
interface VoterSurroundings {
  readonly host: string
  readonly port: number
  readonly access: { readonly rules: readonly AccessRule[]; readonly file: string } | undefined
  readonly tls: PeerTls | undefined
  /** That of the file, with what the command line says of it. */
  readonly timing: Timing
}

/** What the peer is told that this server is to run, a voter or an observer; `undefined`: it runs none. */
export const voterOf = (
  options: VoterOptions,
  config: Config | undefined,
  { host, port, access, tls, timing }: VoterSurroundings,
): PeerOptions | undefined => {
  if (config === undefined) return undefined
  const { identifier = '', peers, seeds, metadata, cluster, groups } = config
  if (seeds === undefined && otherPeers(config).length === 0) return undefined
  const role = seeds === undefined ? 'admin' : 'member'
  const token = access === undefined ? undefined : ownToken(access.rules, identifier, role)
  if (access !== undefined && token === undefined && tls?.ca === undefined) {
    throw new CaucusError(
      'CAUCUS_INVALID_CONFIG',
      `${access.file} has no token that this peer could show to the voters: give it an entry with the token itself (not its sha256), the role ${role} and the name ${JSON.stringify(identifier)}`,
    )
  }
  const { dataDir, insecure, fresh, group, pollInterval, links = config.links } = options
  return {
    identifier,
    listen_host: host,
    listen_port: port,
    ...(seeds === undefined || peers.length > 0 ? { peers } : {}),
    ...(seeds !== undefined && { seeds }),
    timing,
    ...((seeds === undefined || groups.size > 0) && { groups: Object.fromEntries(groups) }),
    poll: { group, ...(pollInterval !== undefined && { intervalMs: pollInterval }) },
    ...(fresh !== undefined && { fresh }),
    ...(metadata !== undefined && { metadata }),
    ...(cluster !== undefined && { cluster }),
    ...(dataDir !== undefined && { dataDir }),
    ...(token !== undefined && { token }),
    ...(tls !== undefined && { tls: { cert: tls.cert, key: tls.key, ...(tls.ca !== undefined && { ca: tls.ca }) } }),
    ...(links !== undefined && { links }),
    ...(insecure !== undefined && { insecure }),
  }
}

/** The one of the entry with this peer's name, or else the first that may be any. */
const ownToken = (rules: readonly AccessRule[], identifier: string, role: 'admin' | 'member'): string | undefined => {
  const shown = rules.flatMap(({ name, credential, grant }) =>
    credential.type === 'token' && (grant.role === 'admin' || grant.role === role)
      ? [{ name, token: credential.token, grant }]
      : [],
  )
  const own = shown.find(({ name }) => name === identifier)
  return (own ?? shown.find(({ grant }) => grant.members === undefined))?.token
}
