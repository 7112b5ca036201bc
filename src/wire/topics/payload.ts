import type { Payload } from '../../core/dispatch/link-messages.ts'
import { CaucusError, type ErrorCode } from '../../errors.ts'
import { MAX_PAYLOAD_BYTES } from '../limits.ts'

const NONE: Payload = Object.freeze({ kind: 'none' })
/** How deep JSON may be nested: nobody's parser or printer, at either end, runs out of stack. */
export const MAX_PAYLOAD_DEPTH = 1_000

/**
 * A request or a reply as it travels: `undefined`, a `Uint8Array`, or anything that JSON has. Throws `code` when it is none of these, or
 * `CAUCUS_TOO_LARGE`.
 */
export const toPayload = (
  value: unknown,
  what: 'the request' | 'the reply',
  code: Extract<ErrorCode, 'CAUCUS_INVALID_ARGUMENT' | 'CAUCUS_HANDLER_FAILED'>,
  limitBytes = MAX_PAYLOAD_BYTES,
): Payload => {
  if (value === undefined) return NONE
  if (value instanceof Uint8Array) {
    if (value.length > limitBytes) throw tooLarge(what, value.length, limitBytes)
    return { kind: 'bytes', bytes: value }
  }
  let text: string | undefined
  try {
    text = JSON.stringify(value)
  } catch (cause) {
    // A BigInt, a circle, what is nested too deep for the printer, or a `toJSON` that throws.
    const why = cause instanceof Error ? cause.message.split('\n', 1)[0] : 'it cannot be written as JSON'
    throw new CaucusError(code, `${what} cannot be sent: ${why}; give JSON or a Uint8Array`, { cause })
  }
  if (text === undefined) throw new CaucusError(code, `${what} is a ${typeof value}; give JSON or a Uint8Array`)
  // Every character takes at least one byte, so what is far too long is refused without being encoded.
  if (text.length > limitBytes) throw tooLarge(what, text.length, limitBytes)
  if (isTooDeep(text)) {
    throw new CaucusError(code, `${what} is nested deeper than ${MAX_PAYLOAD_DEPTH} levels; send it as bytes`)
  }
  const bytes = Buffer.from(text)
  if (bytes.length > limitBytes) throw tooLarge(what, bytes.length, limitBytes)
  return { kind: 'json', bytes }
}

/** What was sent, as a value of its own: nothing of the frame is kept. Throws `CAUCUS_PROTOCOL` for what is no JSON. */
export const fromPayload = (payload: Payload): unknown => {
  if (payload.kind === 'none') return undefined
  const { bytes } = payload
  if (payload.kind === 'bytes') return new Uint8Array(bytes)
  const text = Buffer.isBuffer(bytes) ? bytes : Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength)
  try {
    return JSON.parse(text.toString())
  } catch {
    // The parser's own words quote the text, which is somebody else's.
    throw new CaucusError('CAUCUS_PROTOCOL', 'what came is no JSON; is everybody on this topic a caucus client?')
  }
}

const tooLarge = (what: string, bytes: number, limit: number): CaucusError =>
  new CaucusError(
    'CAUCUS_TOO_LARGE',
    `${what} has ${bytes} bytes, and at most ${limit} are sent in one piece; ${
      what === 'the reply' ? 'give an async iterable of Uint8Array, which is streamed' : 'send less, or where it is'
    }`,
    { details: { bytes, limit } },
  )

const QUOTE = 0x22
const BACKSLASH = 0x5c

/** Of sound JSON. What is short cannot be deep, and is not looked through. */
const isTooDeep = (text: string): boolean => {
  if (text.length < 2 * MAX_PAYLOAD_DEPTH) return false
  let depth = 0
  let inText = false
  for (let i = 0; i < text.length; i++) {
    const code = text.charCodeAt(i)
    if (code === QUOTE) inText = !inText
    else if (inText) {
      if (code === BACKSLASH) i++
    }
    // Braces and brackets differ in one bit.
    else if ((code | 0x20) === 0x7b) {
      if (++depth > MAX_PAYLOAD_DEPTH) return true
    } else if ((code | 0x20) === 0x7d) depth--
  }
  return false
}
