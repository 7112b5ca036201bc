import { type Static, Type } from '@sinclair/typebox'
import type { Leave, Renew, ShareMessage } from '../core/group/messages.ts'
import { bootIdFault, groupFault, memberFault } from './faults.ts'
import { renewFault } from './frames.ts'
import { Holdings, type Message, RenewFields } from './schemas.ts'
import { compile, parseJson } from './validate.ts'

/** The body of `PUT /v1/groups/{g}/members/{id}`: a renewal, or without `generation` a join. */
export const RenewBody = Type.Object(
  {
    ...RenewFields,
    order: Type.Optional(Type.Integer({ minimum: 0, maximum: Number.MAX_SAFE_INTEGER })),
    weight: Type.Optional(Type.Number()),
    holding: Type.Optional(Holdings),
    draining: Type.Optional(Holdings),
    acknowledged: Type.Optional(Holdings),
  },
  { additionalProperties: false },
)

const Whole = Type.Integer({ minimum: 0 })

/** The answer to it: the member's whole share. `index` and `total` or `partitions`, by the kind of the group. */
export const RenewAnswer = Type.Object({
  generation: Whole,
  incarnation: Whole,
  sequence: Whole,
  order: Whole,
  state: Type.Union([Type.Literal('settling'), Type.Literal('settled')]),
  epoch: Whole,
  index: Type.Optional(Whole),
  total: Type.Optional(Whole),
  partitions: Type.Optional(Type.Array(Type.Object({ id: Whole, epoch: Whole }))),
  revoked: Type.Optional(Holdings),
  leaseMs: Type.Number(),
})
export type RenewAnswer = Message<typeof RenewAnswer>

const checkBody = compile(RenewBody)

/** The renewal that a PUT means, or, as a string, what is wrong with it. */
export const decodeRenewBody = (group: string, member: string, text: string): Renew | string => {
  const json = parseJson(text)
  if (typeof json === 'string') return `the body ${json}`
  const fault = checkBody(json.value)
  if (fault !== undefined) return `the body${fault.startsWith('must') ? '' : ':'} ${fault}`
  const { weight = 1, order = 0, holding = [], draining = [], acknowledged = [], ...rest } = json.value as Body
  if (weight !== 1) return 'weight other than 1 is not supported yet; leave it out, or split the work over more members'
  const renew: Renew = { type: 'renew', group, member, order, holding, draining, acknowledged, ...rest }
  return renewFault(renew) ?? renew
}

type Body = Static<typeof RenewBody>

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
  const fault = bootIdFault(bootId)
  return fault ?? { type: 'leave', group, member, bootId, incarnation, sequence }
}

const wholeNumber = (text: string | null): number | undefined => {
  const value = text !== null && /^\d{1,16}$/.test(text) ? Number(text) : undefined
  return Number.isSafeInteger(value) ? value : undefined
}

/** Says what is wrong with the group or the member of a path. */
export const pathFault = (group: string, member?: string): string | undefined =>
  groupFault(group) ?? (member === undefined ? undefined : memberFault(member))

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
    ...(share !== 'index' && { partitions: holding.map(({ item, epoch }) => ({ id: item, epoch })) }),
    ...(revoked.length > 0 && { revoked }),
    leaseMs,
  }
}
