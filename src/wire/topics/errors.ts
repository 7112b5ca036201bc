import { ERROR_CODES, type ErrorBody, isErrorCode } from '../../errors.ts'
import { metadataFault } from '../faults.ts'
import { MAX_ERROR_BYTES, MAX_TEXT_LENGTH } from '../limits.ts'
import type { ByteReader } from './byte-reader.ts'

const NO_DETAILS: Readonly<Record<string, unknown>> = Object.freeze({})

/** An error as it travels. A text that is too long is cut, and details that are too much, or no JSON, stay behind: it is somebody's handler that threw it. */
export const errorBytes = ({ code, message, details }: ErrorBody): Buffer => {
  const said = message.length > MAX_TEXT_LENGTH ? `${message.slice(0, MAX_TEXT_LENGTH - 1)}…` : message
  const carried = isCarried(details) ? { code, message: said, details } : { code, message: said }
  const bytes = Buffer.from(JSON.stringify(carried))
  // Nothing but control characters, each of which takes six.
  return bytes.length <= MAX_ERROR_BYTES ? bytes : Buffer.from(JSON.stringify({ code, message: said }))
}

/** The same rule as for metadata: small, flat enough, and without a key that could change a prototype. */
const isCarried = (details: Readonly<Record<string, unknown>>): boolean => {
  for (const _name in details) return metadataFault(details) === undefined
  return false
}

/** As `errorFromWire` has it: what an unknown code means is not known here. */
export const readError = (from: ByteReader): ErrorBody => {
  const json = from.json(MAX_ERROR_BYTES, 'the error')
  if (typeof json !== 'object' || json === null) from.fail('the error is no object')
  if (from.fault !== undefined) return bodyOf('CAUCUS_PROTOCOL', '', NO_DETAILS)
  const { code, message, details } = json as Record<string, unknown>
  const said = typeof message === 'string' ? message.slice(0, MAX_TEXT_LENGTH) : 'the error came without a message'
  const known = typeof details === 'object' && details !== null && !Array.isArray(details)
  const kept = known && metadataFault(details) === undefined ? (details as Record<string, unknown>) : NO_DETAILS
  if (isErrorCode(code)) return bodyOf(code, said, kept)
  return bodyOf('CAUCUS_BACKEND', said, {
    ...kept,
    code: String(typeof code === 'string' ? code.slice(0, 64) : typeof code),
  })
}

const bodyOf = (code: ErrorBody['code'], message: string, details: ErrorBody['details']): ErrorBody => {
  const { retriable, definite } = ERROR_CODES[code]
  return { code, message, retriable, definite, details }
}
