import { remote } from '../backends/remote/index.ts'
import type { Millis } from '../core/time.ts'
import { CaucusError, isCaucusError } from '../errors.ts'
import type { Backend, BackendFactory } from '../ports/backend.ts'
import type { TopicsFactory } from '../ports/topics-factory.ts'
import { pemOf, tlsOf } from './client-tls.ts'
import type { EngineSettings } from './engine-options.ts'
import { type EtcdPlace, groupsPlace, type NatsPlace, topicsPlace } from './engines.ts'
import { UsageError } from './errors.ts'
import type { Logger } from './logging.ts'
import { withPackage } from './optional-package.ts'
import { serversOf, tokenOf } from './options.ts'

interface ReachOptions {
  readonly connectTimeoutMs?: Millis
}

/** What coordinates in this process, where that is on etcd, says here. */
interface GroupsOptions extends ReachOptions {
  readonly logger?: Logger
}

/** The backend that coordinates: servers, or etcd. */
export const backendOf = async (settings: EngineSettings, options: GroupsOptions = {}): Promise<BackendFactory> => {
  const place = groupsPlace(settings)
  if (place.type === 'etcd') return etcdBackend(place, settings, options)
  const { logger: _coordinates, ...others } = options
  return serversBackend(settings, others)
}

/** Where topics are: at the servers, as everything else, or on NATS. */
export const topicsOf = async (
  settings: EngineSettings,
  options: ReachOptions = {},
): Promise<{ readonly backend: BackendFactory } | { readonly topics: TopicsFactory }> => {
  const place = topicsPlace(settings)
  return place.type === 'nats'
    ? { topics: await natsTopics(place, settings, options) }
    : { backend: serversBackend(settings, options) }
}

const serversBackend = (settings: EngineSettings, options: ReachOptions): BackendFactory => {
  const token = tokenOf(settings)
  const tls = tlsOf(settings)
  return remote(serversOf(settings), {
    ...(token !== undefined && { token }),
    ...(tls !== undefined && { tls }),
    ...options,
  })
}

/** Clients of somebody else's are loaded only by whoever names what they are for. */
export const etcdBackend = async (
  { endpoints, prefix, user, password }: EtcdPlace,
  settings: EngineSettings,
  options: GroupsOptions = {},
): Promise<BackendFactory> => {
  const tls = pemOf(settings)
  const { etcd } = await withPackage('etcd3', '--etcd', () => import('../etcd.ts'))
  const factory = asUsage(() =>
    etcd({
      urls: endpoints,
      ...(prefix !== undefined && { prefix }),
      ...(user !== undefined && password !== undefined && { user, password }),
      ...(settings.etcdTiming !== undefined && { timing: settings.etcdTiming }),
      ...(settings.etcdTokensAbove !== undefined && { tokensAbove: settings.etcdTokensAbove }),
      ...(tls !== undefined && { tls }),
      ...options,
    }),
  )
  return (around) =>
    withPackage('etcd3', '--etcd', () => letIn('--etcd-user and --etcd-password-file', factory(around)))
}

const natsTopics = async (
  { servers, prefix, credentials }: NatsPlace,
  settings: EngineSettings,
  options: ReachOptions,
): Promise<TopicsFactory> => {
  const tls = pemOf(settings)
  const { nats } = await withPackage(NATS_PACKAGE, '--nats', () => import('../nats.ts'))
  const factory = asUsage(() =>
    nats({
      servers,
      ...(prefix !== undefined && { prefix }),
      ...(credentials !== undefined && { credentials }),
      ...(tls !== undefined && { tls }),
      ...options,
    }),
  )
  return (around) => withPackage(NATS_PACKAGE, '--nats', () => letIn('--nats-credentials', factory(around)))
}

const NATS_PACKAGE = '@nats-io/transport-node'

/** Says to whoever is not let in how it is said here who they are. */
const letIn = async <T>(options: string, connecting: Promise<T>): Promise<T> => {
  try {
    return await connecting
  } catch (error) {
    if (!isCaucusError(error) || error.code !== 'CAUCUS_UNAUTHORIZED') throw error
    throw new CaucusError(error.code, `${error.message}; here, say who you are with ${options}`, {
      cause: error,
      details: { options },
    })
  }
}

/** What they refuse was written on the command line. */
const asUsage = <T>(make: () => T): T => {
  try {
    return make()
  } catch (error) {
    throw isCaucusError(error) && error.code === 'CAUCUS_INVALID_ARGUMENT' ? new UsageError(error.message) : error
  }
}

/** The programs of a service start in any order, so a server that is not there yet is waited for. `undefined`: stopped meanwhile. */
export const reach = async <Reached>(
  factory: (options: { readonly signal: AbortSignal }) => Promise<Reached>,
  logger: Logger,
  signal: AbortSignal,
): Promise<Reached | undefined> => {
  // An attempt may take long before it says that nobody is there, and whoever has mistyped an address waits for that.
  const silence = setTimeout(
    () => logger.warn({ event: 'connection.delayed' }, 'no server has answered yet; still trying'),
    TELL_AFTER_MS,
  )
  try {
    return await keepTrying(factory, logger, signal)
  } finally {
    clearTimeout(silence)
  }
}

const TELL_AFTER_MS: Millis = 2_000

const keepTrying = async <Reached>(
  factory: (options: { readonly signal: AbortSignal }) => Promise<Reached>,
  logger: Logger,
  signal: AbortSignal,
): Promise<Reached | undefined> => {
  for (;;) {
    try {
      logger.debug({ event: 'connection.attempted' }, 'connecting')
      return await factory({ signal })
    } catch (error) {
      if (signal.aborted) return undefined
      if (!isCaucusError(error) || !error.retriable) throw error
      logger.warn({ event: 'connection.failed', code: error.code }, `${error.message}; still trying`)
    }
  }
}

/** A server that stays away is worth one line, and not one for each attempt to reach it. */
export const tellLink = async (backend: Backend, logger: Logger): Promise<void> => {
  let told = false
  for await (const event of backend.linkEvents({})) {
    if (event.type === 'link.lost')
      logger.warn({ event: event.type, url: event.url }, `the connection was lost: ${event.reason}`)
    else if (event.type === 'link.opened') logger.info({ event: event.type, url: event.url }, 'connected')
    else if (event.type === 'link.refused') {
      logger[told ? 'debug' : 'warn']({ event: event.type, url: event.url }, `no connection: ${event.error.message}`)
      told = true
      continue
    }
    told = false
  }
}
