import { isUtf8 } from 'node:buffer'
import { CaucusError } from '../../errors.ts'
import { MAX_PAYLOAD_BYTES } from '../../wire/limits.ts'
import type { Ended } from './run.ts'

/** What a program gets as its standard input: JSON as one line, bytes as they are, of nothing nothing. */
export const inputOf = (request: unknown): string | Uint8Array => {
  if (request instanceof Uint8Array) return request
  return request === undefined ? '' : `${JSON.stringify(request)}\n`
}

/**
 * The reply that a program has given: JSON if it is that, else text without its last line break, else bytes. Throws what its asker is
 * told instead.
 */
export const replyOf = ({ code, signal, output, isTooLong, errorTail }: Ended): unknown => {
  if (isTooLong) {
    throw new CaucusError(
      'CAUCUS_TOO_LARGE',
      `the program wrote more than ${MAX_PAYLOAD_BYTES} bytes, which a reply may have`,
    )
  }
  if (code !== 0) {
    const how = code !== null ? `exited with ${code}` : signal !== null ? `was ended by ${signal}` : 'cannot be killed'
    const said = errorTail === '' ? '' : `: ${errorTail}`
    throw new CaucusError('CAUCUS_HANDLER_FAILED', `the program ${how}${said}`, { details: { exitCode: code, signal } })
  }
  if (!isUtf8(output)) return new Uint8Array(output)
  const text = output.toString('utf8')
  try {
    return JSON.parse(text)
  } catch {
    // Not JSON, so text.
    return text.replace(/\r?\n$/, '')
  }
}
