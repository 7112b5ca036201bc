import type * as core from '../../core/election/messages.ts'
import { MAX_BASE, MAX_TERM } from '../../core/election/messages.ts'
import { MAX_GENERATION } from '../../core/lease.ts'
import { MAX_TEXT_LENGTH } from '../limits.ts'
import { type Same, whole } from '../schemas.ts'
import type { TSchema } from '../type.ts'
import * as Type from '../type.ts'

const strict = { additionalProperties: false }
/** More pairs than a cluster has voters, with those that it has lost. */
const MAX_PAIRS = 64
/** The longest interval that a timer of Node takes; longer than any promise that a timing asks for. */
const MAX_PROMISE_MS = 2 ** 31 - 1

export const Text = Type.String({ maxLength: MAX_TEXT_LENGTH })
export const Term = whole(0, MAX_TERM)
export const Round = whole(0)
const Promised = Type.Number({ exclusiveMinimum: 0, maximum: MAX_PROMISE_MS })

export const Pair = Type.Object({ id: Text, storeId: Text }, strict)
const Pairs = Type.Array(Pair, { maxItems: MAX_PAIRS })
export const Founding = Type.Object(
  { base: whole(0, MAX_BASE), original: Pairs, stores: Pairs, retired: Pairs },
  strict,
)
export const Boot = Type.Object({ id: Text, bootId: Text }, strict)
/** A process as the leader of one term. */
const Leader = Type.Object({ id: Text, bootId: Text, term: Term }, strict)

export const Sender = Type.Object(
  { id: Text, bootId: Text, cluster: Text, voters: Text, storeId: Text, founding: Type.Optional(Text) },
  strict,
)

/** Whether a vote is given: `true` or `false`, and nothing that only looks like it. */
export const Flag = Type.Boolean()
const answer = { term: Term, round: Round, granted: Flag, ownTerm: Term }
const Because = Type.Union([
  Type.Literal('anotherCluster'),
  Type.Literal('otherVoters'),
  Type.Literal('anotherStore'),
  Type.Literal('anotherFounding'),
  Type.Literal('notAVoter'),
  Type.Literal('ownId'),
  Type.Literal('malformed'),
  Type.Literal('termTooFarAhead'),
  Type.Literal('placeTaken'),
  Type.Literal('anotherLeader'),
])

export const said = <Name extends string, Fields extends Record<string, TSchema>>(type: Name, fields: Fields) =>
  Type.Object({ type: Type.Literal(type), ...fields, sender: Sender }, strict)

/** What every message of an election looks like on the wire. */
export const PEER_MESSAGES = {
  new: said('new', { base: whole(0, MAX_BASE) }),
  founding: said('founding', { founding: Founding, complete: Flag }),
  rejoin: said('rejoin', { nonce: Text, commit: Flag }),
  admissible: said('admissible', { nonce: Text }),
  rejoined: said('rejoined', {
    nonce: Text,
    founding: Founding,
    term: Term,
    promiseMs: Type.Number({ minimum: 0, maximum: MAX_PROMISE_MS }),
  }),
  preVote: said('preVote', { term: Term, round: Round }),
  preVoted: said('preVoted', answer),
  vote: said('vote', { term: Term, round: Round, overriding: Type.Optional(Leader) }),
  voted: said('voted', answer),
  beat: said('beat', {
    term: Term,
    round: Round,
    promiseMs: Promised,
    leads: Flag,
    generation: whole(0, MAX_GENERATION),
    tether: Type.Optional(Text),
  }),
  acked: said('acked', {
    term: Term,
    round: Round,
    promiseMs: Promised,
    eligible: Flag,
    tether: Type.Optional(Text),
  }),
  outranked: said('outranked', { term: Term, round: Round, ownTerm: Term }),
  timeoutNow: said('timeoutNow', { term: Term }),
  observe: said('observe', {}),
  refused: said('refused', { because: Because }),
} as const satisfies Record<core.PeerMessage['type'], TSchema>

/** A name or an address, as it stands in a URL; one of IPv6 without brackets. */
export const Host = Type.String({ minLength: 1, maxLength: 253, pattern: '^([A-Za-z0-9._-]+|[0-9A-Fa-f:.]+)$' })
export const Port = whole(1, 65_535)

/** The first word of each side of a connection: who is there. Nothing is taken from it before. */
export const PeerHello = Type.Object(
  {
    type: Type.Literal('hello'),
    cluster: Text,
    id: Text,
    bootId: Text,
    metadata: Type.Optional(Type.Unknown()),
    observer: Type.Optional(Type.Object({ host: Host, port: Port }, strict)),
    tether: Type.Optional(Text),
  },
  strict,
)

/** Who is at the other end of a connection between peers. */
export interface PeerGreeting {
  readonly cluster: string
  readonly id: string
  readonly bootId: string
  /** What this peer says about itself, as far as it was configured to. */
  readonly metadata?: unknown
  /** It has no vote, and this is where it listens. */
  readonly observer?: { readonly host: string; readonly port: number }
  /** What a connection for a tether between the same two processes has to know. */
  readonly tether?: string
}

type Core<Name extends core.PeerMessage['type']> = Extract<core.PeerMessage, { type: Name }>
type Agreeing = { [Name in core.PeerMessage['type']]: Same<(typeof PEER_MESSAGES)[Name], Flat<Core<Name>>> }
/** The same as one object in which what is optional is there or is not, which is what a schema makes of it. */
export type Flat<T> = T extends readonly (infer Item)[]
  ? readonly Flat<Item>[]
  : T extends object
    ? { [Key in keyof T]: Flat<Exclude<T[Key], undefined>> }
    : T

// Does not compile once a schema and the core's type of the same message have come apart.
const agrees: Agreeing = {
  new: true,
  founding: true,
  rejoin: true,
  admissible: true,
  rejoined: true,
  preVote: true,
  preVoted: true,
  vote: true,
  voted: true,
  beat: true,
  acked: true,
  outranked: true,
  timeoutNow: true,
  observe: true,
  refused: true,
}
void agrees
