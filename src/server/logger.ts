import type { LogDetails } from '../ports/log-events.ts'

/** Where a server writes what an operator should read, each line with the `event` that it tells (docs/events.md). A pino logger is one. */
export interface ServerLogger {
  /** Writes a line that only a search for a fault needs. */
  debug(details: LogDetails, message: string): void
  /** Writes a line about what happens in good order. */
  info(details: LogDetails, message: string): void
  /** Writes a line that somebody should look into. */
  warn(details: LogDetails, message: string): void
  /** Writes a line about what failed. */
  error(details: LogDetails, message: string): void
}

export const silentLogger: ServerLogger = { debug() {}, info() {}, warn() {}, error() {} }
