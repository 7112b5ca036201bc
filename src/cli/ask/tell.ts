import type { Answer, Failure, Summary } from '../../core/dispatch/messages.ts'
import { CaucusError, isCaucusError } from '../../errors.ts'
import { errorLine, summaryLine, valueLine } from '../../wire/ask-lines.ts'
import { clean } from '../logging.ts'
import { forShell } from '../shell.ts'

/** The longest stream that is put together to one reply. */
const MAX_STREAM_BYTES = 64 * 2 ** 20
/** So many ids are named; of more, how many there are. */
const IDS_NAMED = 20

/** The answer as something that can be printed: a reply that comes as a stream is read to its end. */
export const printable = async (answer: Answer): Promise<Answer> => {
  if (answer.type !== 'reply' || !isStream(answer.value)) return answer
  try {
    return { ...answer, value: await collected(answer.value) }
  } catch (thrown) {
    const error = isCaucusError(thrown)
      ? thrown
      : new CaucusError('CAUCUS_CONNECTION_LOST', `the stream of the reply broke: ${String(thrown)}`)
    return { type: 'error', outcome: 'error', from: answer.from, error }
  }
}

const isStream = (value: unknown): value is AsyncIterable<Uint8Array> =>
  typeof value === 'object' && value !== null && Symbol.asyncIterator in value

const collected = async (stream: AsyncIterable<Uint8Array>): Promise<Uint8Array> => {
  const chunks: Uint8Array[] = []
  let length = 0
  for await (const chunk of stream) {
    length += chunk.length
    if (length > MAX_STREAM_BYTES) {
      throw new CaucusError(
        'CAUCUS_TOO_LARGE',
        `the reply is a stream of more than ${MAX_STREAM_BYTES} bytes; use the SDK`,
      )
    }
    chunks.push(chunk)
  }
  return Buffer.concat(chunks)
}

/** As a line of JSON. */
export const answerAsJson = (answer: Answer): string =>
  answer.type === 'error' ? errorLine(answer) : valueLine(answer.from, answer.value)

/** As a line for people: values as JSON, so that no text can pass for an error, and none breaks the line. */
export const answerAsText = (answer: Answer, colors: boolean): string => {
  if (answer.type === 'error') return failureText(answer, colors)
  const { from, value } = answer
  const text = value instanceof Uint8Array ? bytesText(value) : (JSON.stringify(value) ?? 'nothing')
  return clean(`${from}: ${text}`)
}

const bytesText = (bytes: Uint8Array): string => `${bytes.length} bytes: ${Buffer.from(bytes).toString('base64')}`

const failureText = ({ from, outcome, error }: Failure, colors: boolean): string => {
  const what = outcome === 'refused' ? 'refused' : 'error'
  const word = colors ? `\x1b[31m${what}\x1b[0m` : what
  return `${clean(from)}: ${word}: ${clean(error.message)} (${error.code})`
}

export const summaryAsJson = (summary: Summary & { readonly late: number }): string =>
  summaryLine(summary, summary.late)

/** What became of everybody, in a line for people; of an ask that found nobody, what to do. */
export const summaryAsText = (summary: Summary, topic: string, isForSome: boolean): string => {
  const { expected, replied, errors, missing, left, released, ending, code } = summary
  if (ending === 'nobody') {
    const there = isForSome ? 'none of those that --to names answers' : 'nobody answers'
    const how = `start somebody with: caucus answer ${forShell(topic)} -- COMMAND`
    return clean(`${there} on ${JSON.stringify(topic)}; look at its spelling, or ${how} (${code})`)
  }
  const late = missing.filter((id) => !left.includes(id))
  const parts = [
    `${replied} of ${expected} replied`,
    ...(errors > 0 ? [`${errors} failed`] : []),
    ...(late.length > 0 ? [`nothing in time from ${named(late)}`] : []),
    ...(left.length > 0 ? [`${named(left)} went away`] : []),
    ...(released.length > 0 ? [`${released.length} not needed any more`] : []),
  ]
  return clean(`${parts.join('; ')}${code === undefined ? '' : ` (${code})`}`)
}

const named = (ids: readonly string[]): string => {
  const more = ids.length - IDS_NAMED
  return `${ids.slice(0, IDS_NAMED).join(', ')}${more > 0 ? ` and ${more} more` : ''}`
}
