import { remote } from '../backends/remote/index.ts'
import type { Millis } from '../core/time.ts'
import { isCaucusError } from '../errors.ts'
import type { Backend, BackendFactory } from '../ports/backend.ts'
import { tlsOf } from './client-tls.ts'
import type { Logger } from './logging.ts'
import { type ServerSettings, serversOf, tokenOf } from './options.ts'

/** The backend over the servers that the command line names. */
export const backendOf = (
  settings: ServerSettings,
  { connectTimeoutMs }: { readonly connectTimeoutMs?: Millis } = {},
): BackendFactory => {
  const token = tokenOf(settings)
  const tls = tlsOf(settings)
  return remote(serversOf(settings), {
    ...(token !== undefined && { token }),
    ...(tls !== undefined && { tls }),
    ...(connectTimeoutMs !== undefined && { connectTimeoutMs }),
  })
}

/** The programs of a service start in any order, so a server that is not there yet is waited for. `undefined`: stopped meanwhile. */
export const reach = async (
  factory: BackendFactory,
  logger: Logger,
  signal: AbortSignal,
): Promise<Backend | undefined> => {
  // An attempt may take long before it says that nobody is there, and whoever has mistyped an address waits for that.
  const silence = setTimeout(() => logger.warn({}, 'no server has answered yet; still trying'), TELL_AFTER_MS)
  try {
    return await keepTrying(factory, logger, signal)
  } finally {
    clearTimeout(silence)
  }
}

const TELL_AFTER_MS: Millis = 2_000

const keepTrying = async (
  factory: BackendFactory,
  logger: Logger,
  signal: AbortSignal,
): Promise<Backend | undefined> => {
  for (;;) {
    try {
      logger.debug({}, 'connecting')
      return await factory({ signal })
    } catch (error) {
      if (signal.aborted) return undefined
      if (!isCaucusError(error) || !error.retriable) throw error
      logger.warn({}, `${error.message}; still trying`)
    }
  }
}

/** A server that stays away is worth one line, and not one for each attempt to reach it. */
export const tellLink = async (backend: Backend, logger: Logger): Promise<void> => {
  let told = false
  for await (const event of backend.linkEvents({})) {
    if (event.type === 'link.lost') logger.warn({ url: event.url }, `the connection was lost: ${event.reason}`)
    else if (event.type === 'link.opened') logger.info({ url: event.url }, 'connected')
    else if (event.type === 'link.refused') {
      logger[told ? 'debug' : 'warn']({ url: event.url }, `no connection: ${event.error.message}`)
      told = true
      continue
    }
    told = false
  }
}
