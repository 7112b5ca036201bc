import type { Payload } from '../core/dispatch/link-messages.ts'
import type * as core from '../core/dispatch/messages.ts'
import type { CaucusError } from '../errors.ts'
import { AnyError } from './answers.ts'
import type { Same } from './schemas.ts'
import * as Type from './type.ts'

/*
 * The answers to an ask as lines of JSON, in order of arrival: over HTTP and on the command line they are the same. Open, as all answers
 * are: they may gain fields.
 */

export const ASK_LINES_TYPE = 'application/x-ndjson'

const Name = Type.String()
const Count = Type.Integer({ minimum: 0, maximum: Number.MAX_SAFE_INTEGER })
const Outcome = Type.Union([Type.Literal('error'), Type.Literal('refused')])

const ReplyLine = Type.Object(
  {
    type: Type.Literal('reply'),
    from: Name,
    value: Type.Optional(Type.Unknown({ description: 'The reply, where it is JSON.' })),
    base64: Type.Optional(Type.String({ description: 'The reply, where it is bytes.' })),
  },
  { description: 'A producer replied. With neither `value` nor `base64` it gave nothing.' },
)

const ErrorLine = Type.Object(
  { type: Type.Literal('error'), from: Name, outcome: Outcome, error: AnyError },
  { description: 'A producer failed (`error`) or has too much waiting (`refused`).' },
)

const SummaryFields = {
  expected: Count,
  replied: Count,
  errors: Count,
  refused: Count,
  missing: Type.Array(Name, { description: 'Waited for in vain.' }),
  left: Type.Array(Name, { description: 'Of these, those who went away.' }),
  released: Type.Array(Name, { description: 'Still at work when they were needed no more.' }),
  ending: Type.Union([
    Type.Literal('met'),
    Type.Literal('exhausted'),
    Type.Literal('timeout'),
    Type.Literal('nobody'),
    Type.Literal('abandoned'),
  ]),
  code: Type.Optional(Type.Union([Type.Literal('CAUCUS_NO_RESPONDERS'), Type.Literal('CAUCUS_TIMEOUT')])),
}
const SummaryLine = Type.Object(
  { type: Type.Literal('summary'), ...SummaryFields, late: Count },
  { description: 'The last line: what became of everybody who was expected. `met`: it has what it wanted.' },
)

const FailedLine = Type.Object(
  { type: Type.Literal('failed'), error: AnyError },
  { description: 'The last line instead of a summary: the ask was broken off, for example because the server stops.' },
)

export const AskLine = Type.Union([ReplyLine, ErrorLine, SummaryLine, FailedLine], {
  description: 'One line of the answers to an ask.',
})

/** The reply of somebody on another machine. JSON is carried as it is: nothing in it is rounded or ordered anew. */
export const replyLine = (from: string, payload: Payload): string => {
  const head = `{"type":"reply","from":${JSON.stringify(from)}`
  if (payload.kind === 'none') return `${head}}`
  const bytes = Buffer.from(payload.bytes.buffer, payload.bytes.byteOffset, payload.bytes.byteLength)
  if (payload.kind === 'bytes') return `${head},"base64":"${bytes.toString('base64')}"}`
  // Within JSON a line ends only between its parts, where a blank is as good.
  return `${head},"value":${bytes.toString('utf8').replaceAll(/[\r\n]/g, ' ')}}`
}

/** The reply as a value of this process. */
export const valueLine = (from: string, value: unknown): string =>
  value instanceof Uint8Array
    ? replyLine(from, { kind: 'bytes', bytes: value })
    : JSON.stringify({ type: 'reply', from, value })

export const errorLine = ({ from, outcome, error }: core.Failure): string =>
  JSON.stringify({ type: 'error', from, outcome, error })

export const summaryLine = (summary: core.Summary, late: number): string => {
  const { expected, replied, errors, refused, missing, left, released, ending, code } = summary
  return JSON.stringify({
    type: 'summary',
    expected,
    replied,
    errors,
    missing,
    late,
    ending,
    ...(code !== undefined && { code }),
    refused,
    left,
    released,
  })
}

export const failedLine = (error: CaucusError): string => JSON.stringify({ type: 'failed', error })

const Summary = Type.Object(SummaryFields)
// Does not compile once a line and the core's type of it have come apart.
const agrees: [Same<typeof Summary, core.Summary>] = [true]
void agrees
