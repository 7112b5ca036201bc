import type { NatsOptions } from '../backends/nats/options.ts'
import { type EngineSettings, etcdUrl, natsUrl } from './engine-options.ts'
import { UsageError } from './errors.ts'
import { listOf } from './options.ts'
import { readBytes, readText } from './read-file.ts'

/** etcd, as the command line and the environment name it. */
export interface EtcdPlace {
  readonly type: 'etcd'
  readonly endpoints: readonly string[]
  readonly prefix?: string
  readonly user?: string
  readonly password?: string
}

/** NATS, as they name it. */
export interface NatsPlace extends Pick<NatsOptions, 'prefix' | 'credentials'> {
  readonly type: 'nats'
  readonly servers: readonly string[]
}

export interface ServersPlace {
  readonly type: 'servers'
}

type Env = NodeJS.ProcessEnv

/** Who coordinates. What the command line says goes before the environment. */
export const groupsPlace = (settings: EngineSettings, env: Env = process.env): EtcdPlace | ServersPlace => {
  const { etcd, server, nats } = settings
  if (etcd !== undefined && server !== undefined) {
    throw new UsageError('--server and --etcd name two coordinators; give one of them')
  }
  const inEnv = { etcd: listIn(env, 'CAUCUS_ETCD', etcdUrl), server: listOf(env.CAUCUS_SERVER ?? '') }
  if (etcd === undefined && server === undefined && inEnv.etcd.length > 0 && inEnv.server.length > 0) {
    throw new UsageError('CAUCUS_SERVER and CAUCUS_ETCD name two coordinators; choose with --server or --etcd')
  }
  const endpoints = etcd ?? (server === undefined ? inEnv.etcd : [])
  if (endpoints.length > 0) {
    refuseTokenFile(settings, '--etcd-user and --etcd-password-file')
    refuseStray(settings, NATS_DETAILS, nats === undefined && env.CAUCUS_NATS === undefined, '--nats')
    return { type: 'etcd', endpoints, ...etcdDetails(settings, env) }
  }
  refuseStray(settings, ETCD_DETAILS, true, '--etcd')
  if (nats !== undefined && server === undefined && inEnv.server.length === 0) {
    throw new UsageError(
      '--nats: NATS carries topics and knows no groups; name what coordinates them with --etcd or --server',
    )
  }
  refuseStray(settings, NATS_DETAILS, nats === undefined && env.CAUCUS_NATS === undefined, '--nats')
  return { type: 'servers' }
}

/** Where topics are. */
export const topicsPlace = (settings: EngineSettings, env: Env = process.env): NatsPlace | ServersPlace => {
  const { etcd, server, nats } = settings
  if (etcd !== undefined && server !== undefined) {
    throw new UsageError('--server and --etcd name two coordinators; give one of them')
  }
  const inEnv = listIn(env, 'CAUCUS_NATS', natsUrl)
  const servers = nats ?? (server === undefined ? inEnv : [])
  if (servers.length > 0) {
    if (server === undefined) refuseTokenFile(settings, '--nats-credentials')
    refuseStray(settings, ETCD_DETAILS, etcd === undefined && env.CAUCUS_ETCD === undefined, '--etcd')
    return { type: 'nats', servers, ...natsDetails(settings, env) }
  }
  refuseStray(settings, NATS_DETAILS, true, '--nats')
  const isEtcdAlone = server === undefined && listOf(env.CAUCUS_SERVER ?? '').length === 0
  if (etcd !== undefined || (isEtcdAlone && listIn(env, 'CAUCUS_ETCD', etcdUrl).length > 0)) {
    throw new UsageError(
      `${etcd === undefined ? 'CAUCUS_ETCD' : '--etcd'}: etcd carries no topics; name NATS for them with --nats`,
    )
  }
  refuseStray(settings, ETCD_DETAILS, true, '--etcd')
  return { type: 'servers' }
}

const ETCD_DETAILS = {
  etcdPrefix: '--etcd-prefix',
  etcdUser: '--etcd-user',
  etcdPasswordFile: '--etcd-password-file',
  etcdTiming: '--etcd-timing',
  etcdTokensAbove: '--etcd-tokens-above',
}
const NATS_DETAILS = { natsPrefix: '--nats-prefix', natsCredentials: '--nats-credentials' }

/** An option about something that is not used was meant for something. */
const refuseStray = (
  settings: EngineSettings,
  details: Partial<Record<keyof EngineSettings, string>>,
  isStray: boolean,
  what: string,
): void => {
  if (!isStray) return
  for (const [field, option] of Object.entries(details)) {
    if (settings[field as keyof EngineSettings] !== undefined)
      throw new UsageError(`${option} goes with ${what}; give both`)
  }
}

const refuseTokenFile = ({ tokenFile }: EngineSettings, instead: string): void => {
  if (tokenFile !== undefined) throw new UsageError(`--token-file is for servers of caucus; here it is ${instead}`)
}

const listIn = (env: Env, name: string, read: (text: string) => string): readonly string[] => {
  try {
    return listOf(env[name] ?? '').map(read)
  } catch (error) {
    throw new UsageError(`${name}: ${error instanceof Error ? error.message : error}`)
  }
}

const etcdDetails = (settings: EngineSettings, env: Env): Omit<EtcdPlace, 'type' | 'endpoints'> => {
  const prefix = settings.etcdPrefix ?? (env.CAUCUS_ETCD_PREFIX || undefined)
  const user = settings.etcdUser ?? (env.CAUCUS_ETCD_USER || undefined)
  const file = settings.etcdPasswordFile ?? (env.CAUCUS_ETCD_PASSWORD_FILE || undefined)
  if ((user === undefined) !== (file === undefined)) {
    throw new UsageError('--etcd-user and --etcd-password-file go together; give both')
  }
  const option = settings.etcdPasswordFile === undefined ? 'CAUCUS_ETCD_PASSWORD_FILE' : '--etcd-password-file'
  return {
    ...(prefix !== undefined && { prefix }),
    ...(user !== undefined && file !== undefined && { user, password: passwordIn(file, option) }),
  }
}

/** The first line: editors end a file with a line break, and no password has one. */
const passwordIn = (file: string, option: string): string => {
  const [password = ''] = readText(file, option).split(/\r?\n/)
  if (password === '') throw new UsageError(`${option}: ${file} holds no password; write it into its first line`)
  return password
}

const natsDetails = (settings: EngineSettings, env: Env): Omit<NatsPlace, 'type' | 'servers'> => {
  const prefix = settings.natsPrefix ?? (env.CAUCUS_NATS_PREFIX || undefined)
  const file = settings.natsCredentials ?? (env.CAUCUS_NATS_CREDENTIALS || undefined)
  const option = settings.natsCredentials === undefined ? 'CAUCUS_NATS_CREDENTIALS' : '--nats-credentials'
  return {
    ...(prefix !== undefined && { prefix }),
    ...(file !== undefined && { credentials: readBytes(file, option) }),
  }
}
