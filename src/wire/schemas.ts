import type * as core from '../core/group/messages.ts'
import { MAX_GENERATION } from '../core/lease.ts'
import { MAX_ITEM, MAX_LEASE_MS, MAX_LIST_ITEMS, MAX_PARTITIONS, MAX_TEXT_LENGTH, MAX_WEIGHT } from './limits.ts'
import type { Static, TSchema } from './type.ts'
import * as Type from './type.ts'

const strict = { additionalProperties: false }
export const whole = (minimum: number, maximum: number = Number.MAX_SAFE_INTEGER) => Type.Integer({ minimum, maximum })

/** Only its type: what an id may be made of is checked by `core/ids.ts`, which says what is wrong with it. */
const Id = Type.String()
/** The same for the keepers of a JSON Schema, who cannot count bytes. */
export const idSchema = (maxBytes: number, description: string) =>
  Type.String({ minLength: 1, maxLength: maxBytes, pattern: ID_PATTERN, description })
/** No control characters, no lone surrogates, and neither `.` nor `..`. */
const ID_PATTERN = '^(?!\\.{1,2}$)[^\\u0000-\\u001f\\u007f-\\u009f\\ud800-\\udfff]+$'

const Text = Type.String({ maxLength: MAX_TEXT_LENGTH })
const Counter = whole(0)
const Generation = whole(1, MAX_GENERATION)

export const Holding = Type.Object(
  { item: whole(0, MAX_ITEM), epoch: Counter, of: Type.Optional(whole(1, MAX_ITEM)) },
  strict,
)
export const Holdings = Type.Array(Holding, { maxItems: MAX_LIST_ITEMS })
export const ShareKind = Type.Union([
  Type.Literal('index'),
  Type.Literal('tenure'),
  Type.Literal('once'),
  Type.Literal('none'),
  Type.Object({ partitions: whole(1, MAX_PARTITIONS) }, strict),
])
export const GroupState = Type.Union([Type.Literal('settling'), Type.Literal('settled')])

/** What a member says of itself in a renewal, over a link or over HTTP. */
export const RenewFields = {
  bootId: Id,
  sequence: Counter,
  incarnation: Type.Optional(Counter),
  generation: Type.Optional(Generation),
  share: Type.Optional(ShareKind),
  metadata: Type.Optional(Type.Unknown()),
  weight: Type.Optional(whole(0, MAX_WEIGHT)),
  static: Type.Optional(Type.Boolean()),
  leaving: Type.Optional(Type.Boolean()),
}

export const Renew = Type.Object(
  {
    type: Type.Literal('renew'),
    group: Id,
    member: Id,
    ...RenewFields,
    order: Counter,
    holding: Holdings,
    draining: Holdings,
    acknowledged: Holdings,
  },
  strict,
)

export const Ran = Type.Object(
  { token: Counter, outcome: Type.Union([Type.Literal('done'), Type.Literal('failed')]) },
  strict,
)

export const Leave = Type.Object(
  {
    type: Type.Literal('leave'),
    group: Id,
    member: Id,
    bootId: Id,
    incarnation: Counter,
    sequence: Counter,
    ran: Type.Optional(Ran),
  },
  strict,
)

export const Hello = Type.Object(
  {
    type: Type.Literal('hello'),
    protocol: Type.Integer({ minimum: 0, maximum: MAX_ITEM }),
    clusterId: Id,
    instanceId: Id,
    generation: Generation,
  },
  strict,
)

export const ShareMessage = Type.Object(
  {
    type: Type.Literal('share'),
    group: Id,
    member: Id,
    bootId: Id,
    generation: Generation,
    incarnation: Counter,
    sequence: Counter,
    order: Counter,
    state: GroupState,
    epoch: Counter,
    leaseMs: Type.Number({ exclusiveMinimum: 0, maximum: MAX_LEASE_MS }),
    members: whole(0, MAX_ITEM),
    share: ShareKind,
    holding: Holdings,
    revoked: Holdings,
  },
  strict,
)

export const Refused = Type.Object(
  {
    type: Type.Literal('refused'),
    group: Id,
    member: Id,
    bootId: Id,
    code: Type.Union([
      Type.Literal('CAUCUS_FENCED'),
      Type.Literal('CAUCUS_FORBIDDEN'),
      Type.Literal('CAUCUS_CONFLICT'),
      Type.Literal('CAUCUS_OVERLOADED'),
      Type.Literal('CAUCUS_PROTOCOL'),
      Type.Literal('CAUCUS_INVALID_ARGUMENT'),
      Type.Literal('CAUCUS_UNAVAILABLE'),
    ]),
    message: Text,
  },
  strict,
)

export const Left = Type.Object({ type: Type.Literal('left'), group: Id, member: Id, bootId: Id }, strict)

export const Concluded = Type.Object(
  {
    type: Type.Literal('concluded'),
    group: Id,
    member: Id,
    bootId: Id,
    conclusion: Type.Union([
      Type.Literal('done'),
      Type.Literal('failed'),
      Type.Literal('lost'),
      Type.Literal('unknown'),
    ]),
  },
  strict,
)

/** The static type of a schema, read-only all the way down, as the core writes its messages. */
export type Message<Schema extends TSchema> = Frozen<Static<Schema>>

type Frozen<T> = T extends readonly (infer Item)[]
  ? readonly Frozen<Item>[]
  : T extends object
    ? { readonly [Key in keyof T]: Frozen<T[Key]> }
    : T

type Identical<A, B> = (<T>() => T extends A ? 1 : 2) extends <T>() => T extends B ? 1 : 2 ? true : false
export type Same<Schema extends TSchema, Core> = Identical<Message<Schema>, Frozen<Core>>

// Does not compile once a schema and the core's type of the same message have come apart.
const agrees: [
  Same<typeof Holding, core.Holding>,
  Same<typeof ShareKind, core.ShareKind>,
  Same<typeof Renew, core.Renew>,
  Same<typeof Leave, core.Leave>,
  Same<typeof Hello, core.Hello>,
  // On a link every renewal says everything: what was heard is what was renewed.
  Same<typeof ShareMessage, Omit<core.ShareMessage, 'heard'>>,
  Same<typeof Refused, core.Refused>,
  Same<typeof Left, core.Left>,
  Same<typeof Ran, core.Ran>,
  Same<typeof Concluded, core.Concluded>,
] = [true, true, true, true, true, true, true, true, true, true]
void agrees
