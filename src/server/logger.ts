/** Where a server writes what an operator should read. A pino logger is one. */
export interface ServerLogger {
  debug(details: object, message: string): void
  info(details: object, message: string): void
  warn(details: object, message: string): void
  error(details: object, message: string): void
}

export const silentLogger: ServerLogger = { debug() {}, info() {}, warn() {}, error() {} }
