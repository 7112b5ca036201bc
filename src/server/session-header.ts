import { isUtf8 } from 'node:buffer'
import type { IncomingMessage } from 'node:http'
import { idFault, MAX_ID_BYTES } from '../core/ids.ts'

export const SESSION_HEADER = 'Bloc-Session-ID'
const NAME = 'bloc-session-id'
/** An id may begin with it, and may not be `.` or `..`. */
const DOT = 0x2e

export type SessionHeader = { readonly id: string } | { readonly fault: string }

/** True for what needs no closer look: printable ASCII without a comma, by which several headers are joined, and without a dot in front. */
const isPlain = (text: string): boolean => {
  const { length } = text
  if (length === 0 || length > MAX_ID_BYTES || text.charCodeAt(0) === DOT) return false
  for (let i = 0; i < length; i++) {
    const code = text.charCodeAt(i)
    if (code < 0x20 || code > 0x7e || code === 0x2c) return false
  }
  return true
}

/** Who polls, or what is wrong with how it says so. */
export const readSession = (request: IncomingMessage): SessionHeader => {
  const value = request.headers[NAME]
  if (value === undefined) return { fault: `the header ${SESSION_HEADER} is missing; it names the client` }
  if (typeof value !== 'string' || timesSent(request) > 1)
    return { fault: `the header ${SESSION_HEADER} is sent twice` }
  // Node reads headers byte by byte as Latin-1. What was meant is UTF-8.
  const bytes = Buffer.from(value, 'latin1')
  if (!isUtf8(bytes)) return { fault: `the header ${SESSION_HEADER} is not UTF-8` }
  const id = bytes.toString('utf8')
  const fault = idFault(id, `the header ${SESSION_HEADER}`)
  return fault === undefined ? { id } : { fault }
}

/** The id, where a single look is enough to know that it is one. */
export const plainSession = (request: IncomingMessage): string | undefined => {
  const value = request.headers[NAME]
  return typeof value === 'string' && isPlain(value) ? value : undefined
}

const timesSent = ({ rawHeaders }: IncomingMessage): number => {
  let times = 0
  for (let i = 0; i < rawHeaders.length; i += 2) if (rawHeaders[i]?.toLowerCase() === NAME) times++
  return times
}
