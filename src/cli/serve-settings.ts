import { createSecureContext } from 'node:tls'
import { seedsOf } from '../backends/peer/seeds.ts'
import type { AccessRule } from '../config/access.ts'
import type { Config } from '../config/config.ts'
import { formatDuration } from '../config/duration.ts'
import { checkConfig, parseConfig } from '../config/file.ts'
import type { ConfiguredLimits } from '../config/rates.ts'
import { checkTiming, requireSafe } from '../config/safety.ts'
import { pollSettingsOf, type ServedGroups, servedGroupsOf } from '../config/served.ts'
import { resolveTiming, servedTiming, type Timing } from '../config/timing.ts'
import { parseTokenFile } from '../config/token-file.ts'
import { electionOf } from '../core/group/elections.ts'
import type { PollSettings } from '../core/group/poll-group.ts'
import type { Millis } from '../core/time.ts'
import { CaucusError, isCaucusError } from '../errors.ts'
import type { PeerOptions } from '../peer.ts'
import { isLoopback, addressOf as resolveHost } from '../server/address.ts'
import { UsageError } from './errors.ts'
import type { ListenAddress } from './listen-address.ts'
import { readBytes, readText } from './read-file.ts'
import { voterOf } from './voter-settings.ts'

/** What `caucus serve` was told on its command line. */
export interface ServeOptions {
  readonly listen?: ListenAddress
  readonly timeout?: Millis
  readonly settle?: Millis
  readonly group: string
  readonly config?: string
  readonly dataDir?: string
  readonly tokenFile?: string
  readonly tlsCert?: string
  readonly tlsKey?: string
  readonly tlsCa?: string
  readonly auditLog?: string
  readonly insecure?: boolean
  readonly fresh?: boolean
  readonly pollInterval?: Millis
  readonly links?: 'plain' | 'direct'
}

/** Everything that a server needs to know, from the command line over the file over the defaults. */
export interface ServeSettings extends ServedGroups {
  readonly host: string
  readonly port: number
  readonly clusterId: string | undefined
  readonly poll: PollSettings & { readonly group: string }
  readonly access: AccessSettings | undefined
  readonly limits: ConfiguredLimits
  /** With peers: the voter to run, which serves them while it leads. */
  readonly voter: PeerOptions | undefined
  /** With the paths: the server reads them again when they change. */
  readonly tls:
    | { readonly cert: Buffer; readonly key: Buffer; readonly ca?: Buffer; readonly files: TlsPaths }
    | undefined
}

/** Who may do what, and where it is read again when it changes. */
export interface AccessSettings {
  readonly rules: readonly AccessRule[]
  readonly file: string
  /** That says so. */
  readonly text: string
  /** What a later text of the file says. */
  read(text: string): readonly AccessRule[]
}

/** The group of bloc's two routes, unless `--group` names another one. */
export const POLL_GROUP = 'default'
const DEFAULT_LISTEN: ListenAddress = { host: '127.0.0.1', port: 8_989 }

/** Throws `UsageError` for what the command line says, `CAUCUS_INVALID_CONFIG` for what the file says. */
export const settingsOf = (options: ServeOptions, env: NodeJS.ProcessEnv = process.env): ServeSettings => {
  const text = options.config === undefined ? '' : readText(options.config, '--config')
  const config = options.config === undefined ? undefined : readConfig(text, options.config)
  const timing = timingOf(options, config)
  const address = addressOf(options, config)
  const access = accessOf(options, config, text, env)
  const tls = tlsOf(options, config)
  const voter = voterOf(options, config, { ...address, access, tls, timing })
  if (options.links !== undefined && voter === undefined) {
    throw new UsageError('--links is between voters, and this server has none; name the others in peers of --config')
  }
  return {
    ...address,
    clusterId: config?.cluster,
    ...groupsOf(config, options.group, timing),
    poll: pollOf(options, config?.groups.get(options.group)?.timing ?? timing),
    access,
    limits: config?.limits ?? {},
    tls,
    voter,
  }
}

const readConfig = (text: string, file: string): Config => {
  const config = parseConfig(text, file)
  requireSafe(checkConfig(config).violations)
  return config
}

/** Why `serve --config` would refuse a file whose timing is safe: every reason, from the same checks. */
export const refusalsOf = async (
  config: Config,
  file: string,
  env: NodeJS.ProcessEnv = process.env,
): Promise<string[]> => {
  const options: ServeOptions = { group: POLL_GROUP, config: file }
  const checks = [
    () => groupsOf(config, options.group, config.timing),
    () => tlsOf(options, config),
    () => requireSeeds(config),
    () => requireSound(options, config),
    () => requireClosed(addressOf(options, config).host, config, accessOf(options, config, '', env)),
  ]
  const reasons: string[] = []
  for (const check of checks) {
    try {
      await check()
    } catch (error) {
      if (!(error instanceof UsageError) && !isCaucusError(error)) throw error
      reasons.push(error.message)
    }
  }
  return [...new Set(reasons)]
}

/** The peer decides these two when it starts. Unsafe timing is told apart from them. */
const requireSound = async (options: ServeOptions, config: Config): Promise<void> => {
  if (config.seeds !== undefined || !checkConfig(config).ok) return
  const { timing } = config
  const voter = voterOf(options, config, { ...addressOf(options, config), access: undefined, tls: undefined, timing })
  if (voter !== undefined) (await import('../peer.ts')).soundPeer(voter)
}

const requireSeeds = ({ seeds, tls, peers, groups }: Config): void => {
  if (seeds === undefined) return
  const { faults } = seedsOf(seeds, tls !== undefined)
  if (peers.length > 0) faults.push('seeds makes this peer an observer, which takes no peers; leave one of them out')
  if (groups.size > 0) faults.push('seeds makes this peer an observer, which takes no groups; leave one of them out')
  if (faults.length > 0) throw new CaucusError('CAUCUS_INVALID_CONFIG', faults.join('; '))
}

/** The server decides this when it listens; here it is known before. */
const requireClosed = async (host: string, config: Config, access: AccessSettings | undefined): Promise<void> => {
  if (access !== undefined || config.tls?.ca !== undefined || isLoopback(await resolveHost(host))) return
  throw new CaucusError(
    'CAUCUS_INVALID_CONFIG',
    `listen_host ${host} can be reached from other machines, and there is no token: name some in tokens, an authority of certificates in tls.ca, or start it with --token-file or --insecure`,
  )
}

const timingOf = ({ timeout, settle }: ServeOptions, config: Config | undefined): Timing => {
  const base = config?.timing ?? servedTiming
  const timing = resolveTiming(
    { ...(timeout !== undefined && { leaseMs: timeout }), ...(settle !== undefined && { settleMs: settle }) },
    base,
  )
  requireSafe(checkTiming(timing))
  return timing
}

const addressOf = ({ listen }: ServeOptions, config: Config | undefined): ListenAddress =>
  listen ?? { host: config?.listenHost ?? DEFAULT_LISTEN.host, port: config?.listenPort ?? DEFAULT_LISTEN.port }

const groupsOf = (config: Config | undefined, pollGroup: string, timing: Timing): ServedGroups => {
  if (electionOf(pollGroup) !== undefined) {
    throw new UsageError(
      `--group: ${JSON.stringify(pollGroup)} is the name of an election; give bloc's clients a group`,
    )
  }
  return servedGroupsOf(config?.groups ?? new Map(), timing, pollGroup)
}

const pollOf = ({ group, pollInterval }: ServeOptions, timing: Timing): ServeSettings['poll'] => {
  const poll = pollSettingsOf(group, timing, pollInterval)
  const { pollIntervalMs, timeoutMs } = poll
  if (pollIntervalMs <= timeoutMs) return poll
  throw new UsageError(
    `--poll-interval is ${formatDuration(pollIntervalMs)} and --timeout ${formatDuration(timeoutMs)}: a client that polls so rarely would be taken for gone between two polls; give an interval of at most the time-out`,
  )
}

const accessOf = (
  { tokenFile, config: configFile }: ServeOptions,
  config: Config | undefined,
  text: string,
  env: NodeJS.ProcessEnv,
): AccessSettings | undefined => {
  if (tokenFile !== undefined) return readAccess(tokenFile, '--token-file')
  if (config?.tokens !== undefined) {
    const file = configFile ?? ''
    return { rules: config.tokens, file, text, read: (later) => parseConfig(later, file).tokens ?? [] }
  }
  return env.CAUCUS_TOKEN_FILE ? readAccess(env.CAUCUS_TOKEN_FILE, 'CAUCUS_TOKEN_FILE') : undefined
}

const readAccess = (file: string, option: string): AccessSettings => {
  const read = (text: string) => parseTokenFile(text, file)
  const text = readText(file, option)
  try {
    return { rules: read(text), file, text, read }
  } catch (error) {
    if (!isCaucusError(error)) throw error
    throw new UsageError(`${option}: ${error.message}`)
  }
}

const tlsOf = ({ tlsCert, tlsKey, tlsCa }: ServeOptions, config: Config | undefined): ServeSettings['tls'] => {
  if (tlsCert === undefined && tlsKey === undefined) {
    if (tlsCa !== undefined) throw new UsageError('--tls-ca needs --tls-cert and --tls-key')
    return config?.tls && readTls(config.tls, 'tls of the configuration')
  }
  if (tlsCert === undefined || tlsKey === undefined)
    throw new UsageError('--tls-cert and --tls-key go together; give both')
  return readTls(
    { cert: tlsCert, key: tlsKey, ...(tlsCa !== undefined && { ca: tlsCa }) },
    '--tls-cert, --tls-key, --tls-ca',
  )
}

interface TlsPaths {
  readonly cert: string
  readonly key: string
  readonly ca?: string
}

const readTls = ({ cert, key, ca }: TlsPaths, option: string): ServeSettings['tls'] => {
  const tls = {
    cert: readBytes(cert, option),
    key: readBytes(key, option),
    ...(ca !== undefined && { ca: readBytes(ca, option) }),
  }
  try {
    createSecureContext(tls)
  } catch (error) {
    const why = error instanceof Error ? error.message : String(error)
    throw new UsageError(`${option}: ${cert} and ${key} are no certificate and its key in PEM (${why})`)
  }
  return { ...tls, files: { cert, key, ...(ca !== undefined && { ca }) } }
}
