import { isUtf8 } from 'node:buffer'
import { CaucusError } from '../../errors.ts'
import { MAX_PAYLOAD_BYTES } from '../../wire/limits.ts'
import { parseJson } from '../../wire/validate.ts'
import { UsageError } from '../errors.ts'

interface Input extends AsyncIterable<Buffer | string> {
  readonly isTTY?: boolean
}

/** The request: the argument, or without one (or with `-`) what stands on standard input. Throws where it is no JSON. */
export const requestOf = async (argument: string | undefined, input: Input): Promise<unknown> => {
  if (argument !== undefined && argument !== '-') return jsonOf(argument, 'the request')
  if (argument === undefined && input.isTTY === true) {
    throw new UsageError(`name the request: JSON as an argument, such as '{"sku":7}', or on standard input`)
  }
  const bytes = await read(input)
  if (!isUtf8(bytes)) throw new UsageError('standard input is not UTF-8, so it is no JSON')
  const text = bytes.toString('utf8')
  if (text.trim() === '')
    throw new UsageError('standard input is empty; write the request there as JSON, at least null')
  return jsonOf(text, 'standard input')
}

const jsonOf = (text: string, what: string): unknown => {
  const json = parseJson(text)
  if (typeof json !== 'string') return json.value
  throw new UsageError(`${what} ${json}; a text stands in double quotes, and those in single ones: '"milk"'`)
}

const read = async (input: Input): Promise<Buffer> => {
  const parts: Buffer[] = []
  let length = 0
  for await (const part of input) {
    const bytes = Buffer.from(part)
    length += bytes.length
    if (length > MAX_PAYLOAD_BYTES) {
      throw new CaucusError(
        'CAUCUS_TOO_LARGE',
        `the request on standard input has more than ${MAX_PAYLOAD_BYTES} bytes`,
      )
    }
    parts.push(bytes)
  }
  return Buffer.concat(parts)
}
