import type * as core from '../core/dispatch/messages.ts'
import { MAX_REPLIES, MAX_WITHIN_MS, untilFault } from '../core/dispatch/until.ts'
import { groupNameFault, idFault, MAX_GROUP_NAME_BYTES, MAX_ID_BYTES } from '../core/ids.ts'
import { metadataFault } from './faults.ts'
import { idSchema } from './schemas.ts'
import * as Type from './type.ts'
import { compile, parseJson } from './validate.ts'

/*
 * What is asked of a topic over HTTP. The schemas are for the OpenAPI document; a path and a query are texts, which are read here with
 * words that help more.
 */

const DEFAULT_WITHIN_MS = 5_000

const bytes = (name: string, most: number): string =>
  `${name}: 1 to ${most} bytes of UTF-8 without control characters, and neither "." nor ".."`

export const TopicName = idSchema(MAX_GROUP_NAME_BYTES, bytes('The name of a topic', MAX_GROUP_NAME_BYTES))
const ProducerId = idSchema(MAX_ID_BYTES, bytes('The id of a producer', MAX_ID_BYTES))

/** The query of `POST /v1/topics/{t}/requests`. */
export const AskQuery = Type.Object(
  {
    within: Type.Optional(
      Type.Integer({
        minimum: 1,
        maximum: MAX_WITHIN_MS,
        description: `The limit in milliseconds; default ${DEFAULT_WITHIN_MS}.`,
      }),
    ),
    until: Type.Optional(
      Type.String({
        pattern: '^(all|first|[1-9][0-9]{0,5}|1000000|quiet:[1-9][0-9]{0,8})$',
        description: `When it has what it wants: \`all\` (the default), \`first\`, a number of replies up to ${MAX_REPLIES}, or \`quiet:MS\`: once there is a reply and no other came for so many milliseconds.`,
      }),
    ),
    id: Type.Optional(
      Type.Array(ProducerId, {
        description: 'Only these producers, as far as they are there; may be given many times.',
      }),
    ),
    pick: Type.Optional(
      Type.Integer({
        minimum: 1,
        maximum: MAX_REPLIES,
        description: 'So many of them at most: the least busy, in turn.',
      }),
    ),
    metadata: Type.Optional(
      Type.String({
        description: 'Only producers whose metadata has these members with these values: an object as JSON.',
      }),
    ),
  },
  { additionalProperties: false },
)

/** What is asked, besides the request itself. */
export interface AskedOver {
  readonly until: core.Until
  readonly withinMs: number
  readonly to: core.Target | undefined
}

const checkTopic = compile(TopicName)
const KNOWN = Object.keys(AskQuery.properties)

/** Says what is wrong with the topic of a path. */
export const topicFault = (topic: string): string | undefined =>
  groupNameFault(topic, 'topic name') ?? checkTopic(topic)

/** What a query asks for, with the defaults, or, as a string, what is wrong with it. */
export const decodeAskQuery = (query: URLSearchParams): AskedOver | string => {
  for (const name of query.keys()) {
    if (!KNOWN.includes(name)) return 'the query may have within, until, id, pick and metadata, and nothing else'
    if (name !== 'id' && query.getAll(name).length > 1) return `${name} is given twice`
  }
  const withinMs = wholeNumber(query.get('within') ?? `${DEFAULT_WITHIN_MS}`, MAX_WITHIN_MS)
  if (withinMs === undefined) return `within is milliseconds as a whole number from 1 to ${MAX_WITHIN_MS}`
  const until = untilOf(query.get('until') ?? 'all')
  if (until === undefined) return UNTIL_FAULT
  const to = targetOf(query)
  return typeof to === 'string' ? to : { until, withinMs, to }
}

/** Whom it is for; `undefined`: everybody. */
const targetOf = (query: URLSearchParams): core.Target | string | undefined => {
  const ids = query.getAll('id')
  for (const id of ids) {
    const fault = idFault(id, 'id')
    if (fault !== undefined) return fault
  }
  const given = query.get('pick')
  const pick = given === null ? undefined : wholeNumber(given, MAX_REPLIES)
  if (given !== null && pick === undefined) return `pick is a whole number from 1 to ${MAX_REPLIES}`
  const metadata = wantedOf(query.get('metadata'))
  if (typeof metadata === 'string') return metadata
  if (ids.length === 0 && pick === undefined && metadata === undefined) return undefined
  return {
    ...(ids.length > 0 && { id: ids }),
    ...(pick !== undefined && { pick }),
    ...(metadata !== undefined && { metadata }),
  }
}

const wantedOf = (text: string | null): Readonly<Record<string, unknown>> | string | undefined => {
  if (text === null) return undefined
  const json = parseJson(text)
  const value = typeof json === 'string' ? undefined : json.value
  if (typeof value !== 'object' || value === null || Array.isArray(value)) {
    return 'metadata is an object as JSON, encoded for a URL: what the metadata of a producer must have'
  }
  return metadataFault(value) ?? (value as Readonly<Record<string, unknown>>)
}

const UNTIL_FAULT = `until is all, first, a whole number from 1 to ${MAX_REPLIES}, or quiet:MS with whole milliseconds above 0`

/** The policy that a word means, as in a query or on the command line; `undefined`: none. */
export const untilOf = (text: string): core.Until | undefined => {
  if (text === 'all' || text === 'first') return text
  const quiet = /^quiet:(.*)$/s.exec(text)?.[1]
  const until = quiet === undefined ? wholeNumber(text, MAX_REPLIES) : { quiet: wholeNumber(quiet, MAX_WITHIN_MS) }
  return until === undefined || untilFault(until) !== undefined ? undefined : (until as core.Until)
}

const wholeNumber = (text: string, max: number): number | undefined => {
  const value = /^\d{1,10}$/.test(text) ? Number(text) : 0
  return value >= 1 && value <= max ? value : undefined
}
