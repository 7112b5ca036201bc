import { ServerResponse, STATUS_CODES } from 'node:http'
import type { Duplex } from 'node:stream'
import { CaucusError, ERROR_CODES, isCaucusError } from '../errors.ts'

export const JSON_TYPE = 'application/json'

export const statusOf = (error: CaucusError): number => ERROR_CODES[error.code].status

export const bodyOf = (error: CaucusError): string => JSON.stringify({ error })

/** In whole seconds, as the header has it; undefined where the error does not say. */
export const retryAfterOf = ({ details: { retryAfterMs } }: CaucusError): number | undefined =>
  typeof retryAfterMs === 'number' ? Math.ceil(retryAfterMs / 1_000) : undefined

/** What an error says in headers too. */
export const headersOf = (error: CaucusError): Readonly<Record<string, string>> => {
  const seconds = retryAfterOf(error)
  return {
    ...(seconds !== undefined && { 'Retry-After': String(seconds) }),
    ...(error.code === 'CAUCUS_UNAUTHORIZED' && { 'WWW-Authenticate': 'Bearer' }),
  }
}

export const notFound = (what: string): CaucusError =>
  new CaucusError('CAUCUS_NOT_FOUND', `there is no ${what}; nothing changed`)

export const invalid = (message: string): CaucusError => new CaucusError('CAUCUS_INVALID_ARGUMENT', message)

/**
 * True while an answer to an earlier request on the same connection is under way, or waits for its turn. The answer to a request that has not
 * arrived whole, and has not begun, is owed for the very thing that is refused.
 */
export const owesAnswer = (socket: Duplex): boolean => owedBy(socket) !== undefined

/** Node keeps it there, and says it nowhere else. */
const owedBy = (socket: Duplex): ServerResponse | undefined => {
  const message = '_httpMessage' in socket ? socket._httpMessage : undefined
  return message instanceof ServerResponse && (message.headersSent || message.req.complete) ? message : undefined
}

/**
 * Answers on a bare socket, where no request object is there any more or yet, and ends the connection. While another answer is owed it waits for that one:
 * what would be written now would be taken for it. Behind an answer that goes on, as a stream of events does, it only ends.
 */
export const refuseSocket = (socket: Duplex, error: CaucusError): void => {
  if (socket.destroyed || socket.writableEnded) return
  const owed = owedBy(socket)
  if (owed?.headersSent && !owed.writableEnded) {
    socket.destroy()
    return
  }
  if (owed !== undefined) {
    owed.once('finish', () => setImmediate(() => refuseSocket(socket, error)))
    return
  }
  const status = statusOf(error)
  const body = bodyOf(error)
  const head = [
    `HTTP/1.1 ${status} ${STATUS_CODES[status]}`,
    `Content-Type: ${JSON_TYPE}`,
    ...Object.entries(headersOf(error)).map(([name, value]) => `${name}: ${value}`),
    `Content-Length: ${Buffer.byteLength(body)}`,
    'Connection: close',
  ]
  // A peer that resets the connection meanwhile has nothing to be told.
  socket.on('error', () => socket.destroy())
  socket.end(`${head.join('\r\n')}\r\n\r\n${body}`)
  // Closing at once with unread bytes would reset the connection, and the answer could be lost with it.
  socket.resume()
  setTimeout(() => socket.destroy(), 1_000).unref()
}

/** What could not be read as a request at all, by the parser's code. */
export const parserFault = (code: string | undefined, headerBytes: number): CaucusError => {
  switch (code) {
    case 'HPE_HEADER_OVERFLOW':
      return new CaucusError('CAUCUS_TOO_LARGE', `request line and headers have at most ${headerBytes} bytes`)
    case 'ERR_HTTP_REQUEST_TIMEOUT':
      return new CaucusError('CAUCUS_TIMEOUT', 'the request did not arrive in time')
    case 'HPE_INVALID_HEADER_TOKEN':
      return invalid('a header has a character that no header may have, such as a control character')
    default:
      return new CaucusError('CAUCUS_PROTOCOL', 'this is not a well-formed HTTP/1 request')
  }
}

/** What a handler, or the framework before it, failed with. Undefined: a fault of ours, of which nothing is told outside. */
export const requestFault = (error: unknown, bodyBytes: number): CaucusError | undefined => {
  if (isCaucusError(error)) return error
  const { code, statusCode } = error as { code?: unknown; statusCode?: unknown }
  switch (code) {
    case 'FST_ERR_CTP_BODY_TOO_LARGE':
      return new CaucusError('CAUCUS_TOO_LARGE', `the body has at most ${bodyBytes} bytes`)
    case 'FST_ERR_BAD_URL':
      return invalid('the path is not well-formed: after % come two hexadecimal digits of UTF-8')
    case 'FST_ERR_CTP_INVALID_MEDIA_TYPE':
      return invalid('the content type is not well-formed; send application/json')
    case 'FST_ERR_CTP_INVALID_CONTENT_LENGTH':
      return invalid('the body is not as long as its Content-Length says')
    default:
      return typeof statusCode === 'number' && statusCode < 500 ? invalid('the request is not well-formed') : undefined
  }
}
