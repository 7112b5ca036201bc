import type { Instant } from '../core/time.ts'
import type { LogDetails } from '../ports/log-events.ts'
import { Ration } from './access/ration.ts'
import type { ServerLogger } from './logger.ts'

/** Of each message the first ones, and then one a second. */
const LINES = { perSecond: 1, burst: 100, maxKeys: 1_000, all: { perSecond: 100, burst: 1_000 } }

/** The same logger, for what strangers make a server say: a flood of requests that go wrong must not fill the disk. Messages are told apart, not their details. */
export const rationed = (logger: ServerLogger, now: () => Instant): ServerLogger => {
  const lines = new Ration(LINES, now)
  const tell = (level: 'warn' | 'error') => (details: LogDetails, message: string) => {
    const ration = lines.take(`${level} ${message}`)
    if (ration !== undefined) logger[level]({ ...details, ...ration }, message)
  }
  return {
    debug: (details, message) => logger.debug(details, message),
    info: (details, message) => logger.info(details, message),
    warn: tell('warn'),
    error: tell('error'),
  }
}
