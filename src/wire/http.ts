import type { Leave, Renew, ShareMessage } from '../core/group/messages.ts'
import { MAX_GROUP_NAME_BYTES, MAX_ID_BYTES } from '../core/ids.ts'
import { bootIdFault, groupFault, memberFault } from './faults.ts'
import { renewFault } from './frames.ts'
import { MAX_LIST_ITEMS, MAX_METADATA_BYTES, MAX_METADATA_DEPTH, MAX_WEIGHT } from './limits.ts'
import { GroupState, Holding, Holdings, idSchema, type Message, RenewFields, ShareKind } from './schemas.ts'
import type { Static } from './type.ts'
import * as Type from './type.ts'
import { compile, parseJson } from './validate.ts'

const bytes = (name: string, most: number): string =>
  `${name}: 1 to ${most} bytes of UTF-8 without control characters, and neither "." nor ".."`

export const GroupName = idSchema(MAX_GROUP_NAME_BYTES, bytes('The name of a group', MAX_GROUP_NAME_BYTES))
export const MemberId = idSchema(MAX_ID_BYTES, bytes('The id of a member', MAX_ID_BYTES))
const BootId = idSchema(MAX_ID_BYTES, bytes('Random, one per run of the process', MAX_ID_BYTES))
const Counter = Type.Integer({ minimum: 0, maximum: Number.MAX_SAFE_INTEGER })

const listOf = (what: string) =>
  Type.Optional(Type.Array(Holding, { maxItems: MAX_LIST_ITEMS, description: `${what} No item twice.` }))

/** A run of `once()` is waited for and reported over a link. */
const HttpShare = Type.Exclude(ShareKind, Type.Literal('once'))

/** The body of `PUT /v1/groups/{g}/members/{id}`: a renewal, or without `generation` a join. */
export const RenewBody = Type.Object(
  {
    ...RenewFields,
    bootId: BootId,
    share: Type.Optional(HttpShare),
    metadata: Type.Optional(
      Type.Unknown({
        description: `For the others to read: up to ${MAX_METADATA_BYTES} bytes of JSON, ${MAX_METADATA_DEPTH} levels deep.`,
      }),
    ),
    order: Type.Optional(Counter),
    weight: Type.Optional(
      Type.Integer({
        minimum: 0,
        maximum: MAX_WEIGHT,
        description:
          'Of partitions, how many times the part of a member of weight 1; a group of indexes takes only 1. Unsaid, it stays as it is; at first 1.',
      }),
    ),
    static: Type.Optional(
      Type.Boolean({
        description: 'Its place is kept for a grace when it stops. Unsaid, it stays as it is; at first false.',
      }),
    ),
    holding: listOf('What is still held. Of an index, `item` is from 1 to `of`.'),
    draining: listOf('What was revoked and is being finished.'),
    acknowledged: listOf('What was revoked and is finished.'),
  },
  { additionalProperties: false },
)

/** The query of a `DELETE` by the holder itself: all of it, or for an eviction none. */
export const LeaveQuery = Type.Object(
  { incarnation: Counter, bootId: BootId, sequence: Counter },
  { additionalProperties: false },
)

/** Where a reader of events goes on: the id of the last event that it has. */
export const Revision = Type.String({ pattern: '^[0-9]{1,10}-[0-9]{1,15}$', description: '`generation-number`' })

const Whole = Type.Integer({ minimum: 0 })

/** The answer to it: the member's whole share. `index` and `total`, `partitions` or `token`, by the kind of the group. */
export const RenewAnswer = Type.Object({
  generation: Whole,
  incarnation: Whole,
  sequence: Whole,
  order: Whole,
  state: GroupState,
  epoch: Whole,
  index: Type.Optional(Whole),
  total: Type.Optional(Whole),
  partitions: Type.Optional(Type.Array(Type.Object({ id: Whole, epoch: Whole }))),
  token: Type.Optional(Type.Integer({ minimum: 0, description: 'Of an election, while this candidate leads.' })),
  revoked: Type.Optional(Holdings),
  leaseMs: Type.Number(),
})
export type RenewAnswer = Message<typeof RenewAnswer>

const checkBody = compile(RenewBody)
const checkLeave = compile(LeaveQuery)
const checkRevision = compile(Revision)
const checkGroup = compile(GroupName)
const checkMember = compile(MemberId)

/** The renewal that a PUT means, or, as a string, what is wrong with it. */
export const decodeRenewBody = (group: string, member: string, text: string): Renew | string => {
  const json = parseJson(text)
  if (typeof json === 'string') return `the body ${json}`
  const fault = checkBody(json.value)
  if (fault !== undefined) return bodyFault(json.value, fault)
  const { order = 0, holding = [], draining = [], acknowledged = [], ...rest } = json.value as Body
  const renew: Renew = { type: 'renew', group, member, order, holding, draining, acknowledged, ...rest }
  return renewFault(renew) ?? renew
}

type Body = Static<typeof RenewBody>

/** What the schema has against it, in the words that help most. */
const bodyFault = (body: unknown, fault: string): string => {
  const { bootId, share, weight } = (typeof body === 'object' ? (body ?? {}) : {}) as Readonly<Record<string, unknown>>
  if (share === 'once') return 'share "once" is not for HTTP: call once() of the client, or use an election'
  const ofBoot = typeof bootId === 'string' ? bootIdFault(bootId) : undefined
  if (ofBoot !== undefined) return ofBoot
  if (weight !== undefined && !(Number.isSafeInteger(weight) && Number(weight) >= 0 && Number(weight) <= MAX_WEIGHT))
    return `weight is a whole number from 0 to ${MAX_WEIGHT}; leave it out for 1`
  return `the body${fault.startsWith('must') ? '' : ':'} ${fault}`
}

/** The query of a `DELETE` by the holder itself, or, as a string, what is wrong with it. `undefined`: it is an eviction. */
export const decodeLeaveQuery = (group: string, member: string, query: URLSearchParams): Leave | string | undefined => {
  const known = ['incarnation', 'bootId', 'sequence']
  for (const name of query.keys()) {
    if (!known.includes(name)) return 'the query may have incarnation, bootId and sequence, and nothing else'
    if (query.getAll(name).length > 1) return `${name} is given twice`
  }
  if (query.size === 0) return undefined
  const incarnation = wholeNumber(query.get('incarnation'))
  const sequence = wholeNumber(query.get('sequence'))
  const bootId = query.get('bootId')
  if (incarnation === undefined || sequence === undefined || bootId === null) {
    return 'a leave names incarnation, bootId and sequence, the numbers as whole numbers; without all three it is an eviction'
  }
  const named = { bootId, incarnation, sequence }
  return bootIdFault(bootId) ?? checkLeave(named) ?? { type: 'leave', group, member, ...named }
}

const wholeNumber = (text: string | null): number | undefined => {
  const value = text !== null && /^\d{1,16}$/.test(text) ? Number(text) : undefined
  return Number.isSafeInteger(value) ? value : undefined
}

/** Says what is wrong with the group or the member of a path. */
export const pathFault = (group: string, member?: string): string | undefined =>
  groupFault(group) ??
  checkGroup(group) ??
  (member === undefined ? undefined : (memberFault(member) ?? checkMember(member)))

/** Says what is wrong with the place from which a reader of events wants to go on. */
export const revisionFault = (after: string): string | undefined =>
  checkRevision(after) === undefined
    ? undefined
    : 'after (or Last-Event-ID) is the id of an event, "generation-number"; leave it out to begin now'

export const renewAnswer = (message: ShareMessage): RenewAnswer => {
  const { generation, incarnation, sequence, order, state, epoch, share, holding, revoked, leaseMs } = message
  const [place] = holding
  return {
    generation,
    incarnation,
    sequence,
    order,
    state,
    epoch,
    ...(share === 'index' && place !== undefined && { index: place.item, total: place.of ?? message.members }),
    ...(share === 'tenure' && place !== undefined && { token: place.epoch }),
    ...(typeof share !== 'string' && { partitions: holding.map(({ item, epoch }) => ({ id: item, epoch })) }),
    ...(revoked.length > 0 && { revoked }),
    leaseMs,
  }
}
