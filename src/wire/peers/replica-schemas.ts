import { MAX_TERM } from '../../core/election/messages.ts'
import { MAX_GENERATION } from '../../core/lease.ts'
import type * as core from '../../core/replication/messages.ts'
import { type Same, whole } from '../schemas.ts'
import type { TSchema } from '../type.ts'
import * as Type from '../type.ts'
import { compile } from '../validate.ts'
import { Flag, type Flat, Round, said, Term, Text } from './schemas.ts'

const strict = { additionalProperties: false }

const Ms = Type.Number({ minimum: 0, maximum: Number.MAX_SAFE_INTEGER })
const Texts = Type.Array(Text)

const GroupOrders = Type.Object(
  {
    frozen: Type.Optional(Type.Literal(true)),
    pins: Type.Optional(Type.Record(Type.String({ pattern: '^[0-9]+$' }), Text, strict)),
    drained: Type.Optional(Texts),
  },
  strict,
)

const Foundation = Type.Object(
  {
    generation: whole(1, MAX_GENERATION),
    defaultCeilingMs: Ms,
    ceilingsMs: Type.Record(Type.String(), Ms),
    orders: Type.Optional(Type.Record(Type.String(), GroupOrders)),
    onceUntilMs: Type.Optional(Ms),
    roll: Type.Optional(Type.Record(Type.String(), Texts)),
  },
  strict,
)

const Charter = Type.Object(
  { instanceId: Type.String({ minLength: 1, maxLength: 256 }), foundation: Foundation },
  strict,
)
const Entry = Type.Object({ term: Term, version: whole(0), charter: Charter }, strict)

/** What every message about the charter looks like on the wire. */
export const REPLICA_MESSAGES = {
  collect: said('collect', { term: Term, round: Round }),
  collected: said('collected', { term: Term, round: Round, entry: Type.Optional(Entry) }),
  store: said('store', { round: Round, entry: Entry }),
  stored: said('stored', { round: Round, term: Term, version: whole(0) }),
  superseded: said('superseded', { term: Term, round: Round, promised: Term }),
  recover: said('recover', { nonce: Text }),
  recovered: said('recovered', { nonce: Text, blank: Flag, promised: Term, entry: Type.Optional(Entry) }),
} as const satisfies Record<core.ReplicaMessage['type'], TSchema>

/** What a voter's file of the charter holds. Whatever else is in it was not written by this version, and could be something that counts. */
const ReplicaRecord = Type.Object(
  { storeId: Type.String({ minLength: 1 }), promised: whole(0, MAX_TERM), entry: Type.Optional(Entry) },
  strict,
)

const recordFault = compile(ReplicaRecord)

/** The record, or, as a string, what keeps this from being one. */
export const replicaRecordOf = (value: unknown): core.ReplicaRecord | string =>
  recordFault(value) ?? (value as core.ReplicaRecord)

type Core<Name extends core.ReplicaMessage['type']> = Extract<core.ReplicaMessage, { type: Name }>
type Agreeing = { [Name in core.ReplicaMessage['type']]: Same<(typeof REPLICA_MESSAGES)[Name], Flat<Core<Name>>> }

// Does not compile once a schema and the core's type of the same message have come apart.
const agrees: Agreeing = {
  collect: true,
  collected: true,
  store: true,
  stored: true,
  superseded: true,
  recover: true,
  recovered: true,
}
void agrees
