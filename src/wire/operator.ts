import type { PastQuery } from '../core/group/past.ts'
import { memberFault } from './faults.ts'
import { MemberId } from './http.ts'
import { MAX_PARTITIONS } from './limits.ts'
import * as Type from './type.ts'
import { compile, parseJson } from './validate.ts'

/*
 * What operators ask and order over HTTP. The schemas are for the OpenAPI document and for bodies; a query and a path are texts, which
 * are read here with words that help more.
 */

/** The most events that one answer has. */
export const MAX_HISTORY = 10_000
const DEFAULT_HISTORY = 1_000

export const PartitionNumber = Type.Integer({ minimum: 0, maximum: MAX_PARTITIONS - 1 })

/** The query of `GET /v1/groups/{g}/history`. */
export const HistoryQuery = Type.Object(
  {
    partition: Type.Optional(PartitionNumber),
    member: Type.Optional(MemberId),
    limit: Type.Optional(
      Type.Integer({
        minimum: 1,
        maximum: MAX_HISTORY,
        description: `The newest so many; default ${DEFAULT_HISTORY}.`,
      }),
    ),
    view: Type.Optional(Type.Boolean({ description: 'The group as it is now in the same answer.' })),
  },
  { additionalProperties: false },
)

/** The body of `PUT /v1/groups/{g}/pins/{partition}`. */
export const PinBody = Type.Object({ member: MemberId }, { additionalProperties: false })

const checkMember = compile(MemberId)
const checkPin = compile(PinBody)

/** The partition that a path means; `undefined` when it is none. */
export const partitionOf = (text: string): number | undefined => wholeNumber(text, 0, MAX_PARTITIONS - 1)

export const PARTITION_FAULT = `a partition is a whole number from 0 to ${MAX_PARTITIONS - 1}`

/** The member that the body of a pin names, or what is wrong with it. */
export const decodePinBody = (text: string): { readonly member: string } | string => {
  const json = parseJson(text)
  if (typeof json === 'string') return `the body ${json}; it is {"member":"ID"}`
  const fault = checkPin(json.value)
  if (fault === undefined) {
    const { member } = json.value as { readonly member: string }
    return memberFault(member) ?? { member }
  }
  const named = (json.value as { member?: unknown } | null)?.member
  return (
    (typeof named === 'string' ? memberFault(named) : undefined) ?? `the body is {"member":"ID"}, and this ${fault}`
  )
}

/** What is asked of the past of a group, or, as a string, what is wrong with that. */
export const decodeHistoryQuery = (
  group: string,
  query: URLSearchParams,
): { readonly past: PastQuery; readonly view: boolean } | string => {
  for (const name of query.keys()) {
    if (!Object.hasOwn(HistoryQuery.properties, name))
      return 'the query may have partition, member, limit and view, and nothing else'
    if (query.getAll(name).length > 1) return `${name} is given twice`
  }
  const partition = numberIn(query, 'partition', 0, MAX_PARTITIONS - 1)
  const limit = numberIn(query, 'limit', 1, MAX_HISTORY)
  const member = query.get('member') ?? undefined
  const view = query.get('view') ?? 'false'
  if (typeof partition === 'string') return partition
  if (typeof limit === 'string') return limit
  if (view !== 'true' && view !== 'false') return 'view is true or false'
  const fault = member === undefined ? undefined : (memberFault(member) ?? checkMember(member))
  if (fault !== undefined) return fault
  return { past: { group, partition, member, limit: limit ?? DEFAULT_HISTORY }, view: view === 'true' }
}

const numberIn = (query: URLSearchParams, name: string, min: number, max: number): number | string | undefined => {
  const text = query.get(name)
  if (text === null) return undefined
  return wholeNumber(text, min, max) ?? `${name} is a whole number from ${min} to ${max}`
}

const wholeNumber = (text: string, min: number, max: number): number | undefined => {
  const value = /^\d{1,9}$/.test(text) ? Number(text) : Number.NaN
  return value >= min && value <= max ? value : undefined
}
