import type { CoordinatorMessage, MemberMessage, Refused as Refusal } from '../core/group/messages.ts'
import { ERROR_CODES } from '../errors.ts'
import { fieldsOf, onlyFields } from './fields.ts'
import { MAX_PARTITIONS, MAX_TEXT_LENGTH } from './limits.ts'
import { Hello, Leave, Left, Refused, Renew, ShareMessage, whole } from './schemas.ts'
import * as Type from './type.ts'

/*
 * Version 1, spoken before the first release: its peers end a link at a field that they do not know, so nothing could ever be added for them. What
 * they say is taken as it stands, since every message of version 1 is one of version 2. What they are told has their fields alone.
 */

const strict = { additionalProperties: false }
const holdings = ['holding', 'draining', 'acknowledged'] as const
const named = ['type', 'group', 'member', 'bootId'] as const

const V1_CODES = [
  'CAUCUS_FENCED',
  'CAUCUS_CONFLICT',
  'CAUCUS_OVERLOADED',
  'CAUCUS_PROTOCOL',
  'CAUCUS_INVALID_ARGUMENT',
  'CAUCUS_UNAVAILABLE',
] as const
const V1Code = Type.Union(V1_CODES.map((code) => Type.Literal(code)))

/** It has neither elections nor services, and runs nothing once. */
const V1Share = Type.Union([Type.Literal('index'), Type.Object({ partitions: whole(1, MAX_PARTITIONS) }, strict)])

/** Every message of version 1. `test/contract/rolling.test.ts` holds them against what that version itself checks with. */
export const V1 = {
  renew: Type.Composite(
    [
      Type.Pick(Renew, [...named, 'sequence', 'incarnation', 'generation']),
      Type.Object({ share: Type.Optional(V1Share) }),
      Type.Pick(Renew, ['metadata', 'leaving', 'order', ...holdings]),
    ],
    strict,
  ),
  leave: Type.Pick(Leave, [...named, 'incarnation', 'sequence'], strict),
  hello: Type.Pick(Hello, ['type', 'protocol', 'clusterId', 'instanceId', 'generation'], strict),
  share: Type.Composite(
    [
      Type.Pick(ShareMessage, [
        ...named,
        ...(['generation', 'incarnation', 'sequence', 'order', 'state', 'epoch', 'leaseMs', 'members'] as const),
      ]),
      Type.Object({ share: V1Share }),
      Type.Pick(ShareMessage, ['holding', 'revoked']),
    ],
    strict,
  ),
  refused: Type.Composite(
    [Type.Pick(Refused, named), Type.Object({ code: V1Code }), Type.Pick(Refused, ['message'])],
    strict,
  ),
  left: Type.Pick(Left, named, strict),
}

/** A refusal that version 1 does not know is told as the nearest that it does, with its own code in front of what a person reads. */
const refusedIn1 = (refused: Refusal): Refusal => {
  const { code, message } = refused
  if (V1_CODES.some((known) => known === code)) return refused
  const nearest = ERROR_CODES[code].retriable ? 'CAUCUS_UNAVAILABLE' : 'CAUCUS_CONFLICT'
  return { ...refused, code: nearest, message: `${code}: ${message}`.slice(0, MAX_TEXT_LENGTH) }
}

const V1_FIELDS = {
  renew: fieldsOf(V1.renew),
  leave: fieldsOf(V1.leave),
  hello: fieldsOf(V1.hello),
  share: fieldsOf(V1.share),
  refused: fieldsOf(V1.refused),
  left: fieldsOf(V1.left),
}

const UNKNOWN_TO_1 = { tenure: 'elections', once: 'once()', none: 'services' }

/** What a server of version 1 would end the link for, as the refusal that it cannot say. */
export const refusedFor1 = (message: MemberMessage): Refusal | undefined => {
  if (message.type !== 'renew' || typeof message.share !== 'string' || message.share === 'index') return undefined
  const { group, member, bootId } = message
  const what = UNKNOWN_TO_1[message.share]
  const text = `the server speaks protocol 1, which knows no ${what}; upgrade caucus on the server`
  return { type: 'refused', group, member, bootId, code: 'CAUCUS_CONFLICT', message: text }
}

/** What a peer of version 1 is told. Nobody of that version can be told how a run ended: it could not ask. */
export const toV1 = <Told extends MemberMessage | CoordinatorMessage>(message: Told): Told => {
  if (message.type === 'hello') return { ...message, protocol: 1 }
  if (message.type === 'concluded') return message
  const told = onlyFields(message, V1_FIELDS[message.type])
  return told.type === 'refused' ? { ...told, ...refusedIn1(told) } : told
}
