import type { TopicView as CoreTopicView } from '../core/dispatch/messages.ts'
import type { GroupEvent } from '../core/group/reasons.ts'
import type * as view from '../core/group/view.ts'
import { ERROR_CODES, type ErrorCode } from '../errors.ts'
import { Revision } from './http.ts'
import { MAX_WEIGHT } from './limits.ts'
import { GroupState, type Same, ShareKind } from './schemas.ts'
import { InstanceRecord } from './services.ts'
import { TopicRates } from './topic-asks.ts'
import type { TSchema } from './type.ts'
import * as Type from './type.ts'

/*
 * What the HTTP routes answer, as the OpenAPI document says it. Open on purpose: an answer may gain fields, and whoever reads it
 * leaves out those that it does not know (docs/stability.md).
 */

const Whole = Type.Integer({ minimum: 0, maximum: Number.MAX_SAFE_INTEGER })
const Name = Type.String()
const ofWeight = { minimum: 0, maximum: MAX_WEIGHT }

export const MemberView = Type.Object(
  {
    id: Name,
    incarnation: Whole,
    index: Type.Optional(Type.Integer({ minimum: 1 })),
    partitions: Type.Optional(Type.Array(Whole)),
    leads: Type.Optional(
      Type.Literal(true, { description: 'Of an election: it has the tenure, and `epoch` is its token.' }),
    ),
    runs: Type.Optional(
      Type.Literal(true, { description: 'Of what runs only once: it runs it, and `epoch` is its token.' }),
    ),
    epoch: Whole,
    metadata: Type.Optional(Type.Unknown()),
    weight: Type.Optional(Type.Integer({ ...ofWeight, description: 'Unless it is 1; a group of indexes has none.' })),
    static: Type.Optional(Type.Literal(true, { description: 'Its place is kept for a grace when it stops.' })),
    drained: Type.Optional(Type.Literal(true, { description: 'An operator has it drained: it is given nothing.' })),
    revoked: Type.Optional(Type.Array(Whole, { description: 'What it was asked to let go of, and has not yet.' })),
  },
  { description: 'A member as others see it. `epoch` is that of its latest grant, 0 before the first.' },
)

export const KeptPlace = Type.Object(
  {
    id: Name,
    index: Type.Optional(Type.Integer({ minimum: 1 })),
    partitions: Type.Optional(Type.Array(Whole)),
    weight: Type.Optional(Type.Integer({ ...ofWeight, description: 'Unless it is 1.' })),
  },
  { description: 'A place of somebody who has stopped and may come back.' },
)

export const GroupView = Type.Object(
  {
    name: Name,
    state: GroupState,
    epoch: Whole,
    total: Whole,
    share: ShareKind,
    members: Type.Array(MemberView),
    kept: Type.Optional(
      Type.Array(KeptPlace, { description: 'Places of static members who have stopped. They count in `total`.' }),
    ),
    frozen: Type.Optional(
      Type.Literal(true, { description: 'An operator froze it: no partition is taken from a member that lives.' }),
    ),
    pins: Type.Optional(
      Type.Array(Type.Object({ partition: Whole, member: Name }), {
        description: 'Where operators pinned partitions to, by partition.',
      }),
    ),
  },
  { description: 'A group as others see it.' },
)

export const Groups = Type.Object({ groups: Type.Array(GroupView) })

export const TopicView = Type.Object(
  {
    topic: Name,
    producers: Type.Array(
      Type.Object({
        id: Name,
        concurrency: Whole,
        queued: Type.Integer({ minimum: 0, maximum: Number.MAX_SAFE_INTEGER, description: 'Requests that wait.' }),
        metadata: Type.Optional(Type.Unknown()),
        queue: Type.Optional(Name),
      }),
    ),
    listeners: Whole,
    late: Type.Integer({
      minimum: 0,
      maximum: Number.MAX_SAFE_INTEGER,
      description: 'Answers that came when their ask was over, since the topic is there.',
    }),
    rates: Type.Optional(TopicRates),
  },
  { description: 'A topic as it is now. It is there as long as somebody produces or listens.' },
)

export const Topics = Type.Object({ topics: Type.Array(TopicView) })

export const Guarantees = Type.Object(
  {
    exclusion: Type.Union([Type.Literal('fenced'), Type.Literal('leased'), Type.Literal('none')]),
    survivesRestart: Type.Boolean(),
    survivesPartition: Type.Boolean(),
  },
  { description: 'What this server really promises (docs/guarantees.md).' },
)

export const Health = Type.Object({ ok: Type.Literal(true), version: Type.String(), guarantees: Guarantees })

const ofVoter = { identifier: Name, host: Name, port: Whole, metadata: Type.Unknown() }

export const Readiness = Type.Object({
  ok: Type.Literal(true),
  leader: Type.Optional(
    Type.Union([Name, Type.Null()], { description: 'Of a peer: who leads, as far as it knows; `null`: nobody.' }),
  ),
})

export const Leader = Type.Object(
  {
    ...ofVoter,
    term: Whole,
    token: Whole,
    leaseMsLeft: Type.Optional(
      Type.Integer({
        description:
          'For how long this counts without another word from it. Missing where it has only just been elected.',
      }),
    ),
  },
  { description: 'The peer that leads. `token` rises with every leader, where peers have a data directory.' },
)

export const Peers = Type.Object(
  {
    cluster: Name,
    identifier: Name,
    role: Type.Union(
      ['idle', 'new', 'rejoining', 'sittingOut', 'follower', 'preCandidate', 'candidate', 'leader', 'observer'].map(
        (role) => Type.Literal(role),
      ),
    ),
    term: Whole,
    quorum: Whole,
    peers: Type.Array(
      Type.Object({
        ...ofVoter,
        self: Type.Boolean(),
        connected: Type.Boolean(),
        refuses: Type.Optional(Type.String({ description: 'Why it refuses what this one says.' })),
        problem: Type.Optional(Type.String({ description: 'Why there is no connection to it.' })),
      }),
    ),
    observers: Type.Array(Type.Object({ ...ofVoter, connected: Type.Boolean() }), {
      description: 'Peers without a vote that have told this one that they are there.',
    }),
    waitingFor: Type.Array(Name, { description: 'Whom a first start, or a lost disk, waits for.' }),
    leader: Type.Optional(Leader),
  },
  { description: 'The election, as one peer sees it.' },
)

const PastLeader = Type.Object({ id: Name, term: Whole, token: Whole })

export const PeersPast = Type.Object(
  {
    events: Type.Array(
      Type.Object({
        atMs: Type.Number({ description: 'Wall clock of the peer that answers.' }),
        event: Type.Union([
          Type.Object({ type: Type.Literal('election.started'), term: Whole, because: Type.String() }),
          Type.Object({ type: Type.Literal('leader.elected'), leader: PastLeader }),
          Type.Object({ type: Type.Literal('leader.lost'), leader: PastLeader, because: Type.String() }),
          Type.Object({ type: Type.Literal('transfer.refused'), because: Type.String() }),
          Type.Object({ type: Type.Literal('cluster.founded'), base: Whole }),
        ]),
      }),
    ),
    forgotten: Type.Boolean({ description: 'Something before the first of them was dropped for lack of room.' }),
    sinceMs: Type.Number({ description: 'Since when this peer records.' }),
    nowMs: Type.Number({ description: 'The same clock, when this was asked.' }),
  },
  { description: 'Who led before, as one peer saw it, oldest first.' },
)

export const Status = Type.Object({
  version: Type.String(),
  guarantees: Guarantees,
  leader: Type.Optional(Leader),
  clusterId: Name,
  instanceId: Name,
  generation: Whole,
  groups: Type.Array(GroupView),
})

const GroupBrief = Type.Object(
  {
    name: Name,
    state: GroupState,
    epoch: Whole,
    total: Whole,
    share: ShareKind,
    members: Whole,
    frozen: Type.Optional(Type.Literal(true)),
    holders: Type.Array(Type.Object({ id: Name, items: Whole }), {
      description: 'Who has how much of it, in order of seniority: the first 24.',
    }),
    others: Type.Optional(Type.Integer({ minimum: 1, description: 'How much all others have.' })),
  },
  { description: 'A group at a glance.' },
)

export const Overview = Type.Object({
  version: Type.String(),
  guarantees: Guarantees,
  clusterId: Name,
  instanceId: Name,
  generation: Whole,
  groups: Type.Array(GroupBrief),
})

export const Evicted = Type.Object({ evicted: Type.Literal(true) })
export const Frozen = Type.Object({ frozen: Type.Boolean() })
export const Pinned = Type.Object({ pinned: Type.Boolean() })
export const Drained = Type.Object({ drained: Type.Boolean() })
export const HasLeft = Type.Object({ left: Type.Literal(true) })

export const Settling = Type.Object({ status: Type.Literal('SETTLING') })
export const Settled = Type.Object({
  status: Type.Literal('SETTLED'),
  index: Type.Integer({ minimum: 1 }),
  total: Type.Integer({ minimum: 1 }),
})
export const Nothing = Type.Object({})

const Because = Type.Union([
  Type.Literal('joined'),
  Type.Literal('left'),
  Type.Literal('expired'),
  Type.Literal('fenced'),
  Type.Literal('evicted'),
  Type.Literal('rebalance'),
  Type.Literal('released'),
  Type.Literal('adopted'),
  Type.Literal('unclaimed'),
  Type.Literal('drain-overrun'),
  Type.Literal('settled'),
  Type.Literal('weighed'),
  Type.Literal('returned'),
  Type.Literal('graced'),
  Type.Literal('drained'),
  Type.Literal('undrained'),
  Type.Literal('thawed'),
  Type.Literal('pinned'),
  Type.Literal('unpinned'),
  Type.Literal('renumbered'),
])
const ofPlace = { member: Name, because: Because }
const ofMember = { member: Name, incarnation: Whole, because: Because }
const ofPartition = { partition: Whole, member: Name, epoch: Whole, because: Because }
const ofTenure = { member: Name, epoch: Whole, because: Because }
const ofSlot = { index: Whole, total: Whole, member: Name, epoch: Whole, because: Because }

export const GroupEvents = Type.Union(
  [
    Type.Object({ type: Type.Literal('member.joined'), ...ofMember }),
    Type.Object({ type: Type.Literal('member.left'), ...ofMember }),
    Type.Object({ type: Type.Literal('member.expired'), ...ofMember }),
    Type.Object({ type: Type.Literal('group.settling'), because: Because, member: Type.Optional(Name) }),
    Type.Object({ type: Type.Literal('group.frozen') }),
    Type.Object({ type: Type.Literal('group.thawed') }),
    Type.Object({ type: Type.Literal('member.drained'), member: Name }),
    Type.Object({ type: Type.Literal('member.undrained'), member: Name }),
    Type.Object({ type: Type.Literal('member.weighed'), member: Name, weight: Whole }),
    Type.Object({ type: Type.Literal('partition.pinned'), partition: Whole, member: Name }),
    Type.Object({ type: Type.Literal('partition.unpinned'), partition: Whole }),
    Type.Object({ type: Type.Literal('place.kept'), ...ofPlace }),
    Type.Object({ type: Type.Literal('place.freed'), ...ofPlace }),
    Type.Object({ type: Type.Literal('group.settled'), epoch: Whole, members: Whole }),
    Type.Object({ type: Type.Literal('partition.revoked'), ...ofPartition }),
    Type.Object({ type: Type.Literal('partition.granted'), ...ofPartition }),
    Type.Object({ type: Type.Literal('slot.revoked'), ...ofSlot }),
    Type.Object({ type: Type.Literal('slot.granted'), ...ofSlot }),
    Type.Object({ type: Type.Literal('tenure.revoked'), ...ofTenure }),
    Type.Object({ type: Type.Literal('tenure.granted'), ...ofTenure }),
    Type.Object({ type: Type.Literal('once.granted'), member: Name, epoch: Whole }),
    Type.Object({
      type: Type.Literal('once.finished'),
      member: Type.Optional(Name),
      epoch: Whole,
      outcome: Type.Union([Type.Literal('done'), Type.Literal('failed')]),
    }),
    Type.Object({ type: Type.Literal('once.lost'), member: Name, epoch: Whole }),
    Type.Object({ type: Type.Literal('service.registered'), ...ofMember, instance: InstanceRecord }),
    Type.Object({ type: Type.Literal('service.updated'), member: Name, incarnation: Whole, instance: InstanceRecord }),
    Type.Object({ type: Type.Literal('service.withdrawn'), ...ofMember }),
  ],
  { description: 'What happened in a group (docs/events.md).' },
)

export const Recorded = Type.Object(
  {
    revision: Revision,
    atMs: Type.Number({ description: 'Wall clock, for people; nothing is decided by it.' }),
    group: Name,
    event: GroupEvents,
  },
  { description: 'One event of a group, with the revision from which a reader goes on.' },
)

export const History = Type.Object(
  {
    group: Name,
    events: Type.Array(Recorded, { description: 'Oldest first.' }),
    forgotten: Type.Boolean({ description: 'Something before the first event was dropped for lack of room.' }),
    more: Type.Boolean({ description: 'There are older ones that a higher `limit` would show.' }),
    sinceMs: Type.Number({ description: 'Since when this server records; what was before, it never knew.' }),
    nowMs: Type.Number({ description: 'The same clock, as this was answered.' }),
    view: Type.Optional(GroupView),
  },
  {
    description:
      'What is still known of the past of a group. `view`: the group in the same moment, if it is asked for and there.',
  },
)

export const Gap = Type.Object(
  { type: Type.Literal('gap'), dropped: Type.Union([Whole, Type.Null()]) },
  { description: 'Something is forgotten; null: nobody knows how much.' },
)

const errorWith = (codes: readonly ErrorCode[]): TSchema =>
  Type.Object({
    code: Type.Union(codes.map((code) => Type.Literal(code))),
    message: Type.String({ description: 'Says what is wrong and what to do. For people: it may be reworded.' }),
    retriable: Type.Boolean({ description: 'Trying the same again later can succeed.' }),
    definite: Type.Boolean({ description: 'It certainly did not happen; false: it may have.' }),
    details: Type.Record(Type.String(), Type.Unknown()),
  })

const ALL_CODES = Object.keys(ERROR_CODES) as ErrorCode[]

/** Any error, as it stands in the body of a refusal and in a line of an ask. */
export const AnyError = errorWith(ALL_CODES)

/** The body of every refusal, with these codes or any. */
export const errorAnswer = (codes: readonly ErrorCode[] = ALL_CODES): TSchema =>
  Type.Object({ error: errorWith(codes) }, { description: 'Why a request was refused (docs/errors.md).' })

/** Metadata that nobody gave is no field in JSON. */
type MemberOnWire = Omit<view.MemberView, 'metadata'> & { metadata?: unknown }
type GroupOnWire = Omit<view.GroupView, 'members'> & { members: readonly MemberOnWire[] }

// Does not compile once an answer and the core's type of it have come apart.
const agrees: [
  Same<typeof MemberView, MemberOnWire>,
  Same<typeof GroupView, GroupOnWire>,
  Same<typeof GroupEvents, GroupEvent>,
  Same<typeof TopicView, CoreTopicView>,
] = [true, true, true, true]
void agrees
