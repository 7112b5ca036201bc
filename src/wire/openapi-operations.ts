import * as answers from './answers.ts'
import { LINK_PATH } from './frames.ts'
import { LeaveQuery, MemberId, RenewAnswer, RenewBody, Revision } from './http.ts'
import { LEADERSHIP_OPERATIONS } from './openapi-leadership.ts'
import { json, type Operation, ofGroup, ofMember } from './openapi-operation.ts'
import { ORDER_OPERATIONS } from './openapi-orders.ts'
import { SERVICE_OPERATIONS } from './openapi-services.ts'
import { TOPIC_OPERATIONS } from './openapi-topics.ts'
import { HistoryQuery } from './operator.ts'
import * as Type from './type.ts'
import { LINK_SUBPROTOCOLS, PROTOCOLS } from './versions.ts'

export type { Answer, Operation } from './openapi-operation.ts'

const ofSession = Type.Object({ 'Bloc-Session-ID': MemberId })

const STREAM = Type.Unsafe<string>({
  type: 'string',
  contentMediaType: 'text/event-stream',
  contentSchema: Type.Array(Type.Union([answers.Recorded, answers.Gap])),
  description:
    'Server-sent events without an end. The data of each is one of the items of `contentSchema`, as JSON in one line.',
})

/** By method and path, as they are registered. */
export const OPERATIONS: Readonly<Record<string, Operation>> = {
  'GET /v1/groups': {
    id: 'listGroups',
    tag: 'groups',
    summary: 'All groups that the caller may read',
    answers: { 200: json('All of them.', answers.Groups) },
    errors: [],
  },
  'GET /v1/groups/:group': {
    id: 'getGroup',
    tag: 'groups',
    summary: 'One group with its members',
    params: ofGroup,
    answers: { 200: json('The group as it is now.', answers.GroupView) },
    errors: ['CAUCUS_NOT_FOUND'],
  },
  'GET /v1/groups/:group/members/:member': {
    id: 'getMember',
    tag: 'groups',
    summary: 'One member with its share',
    params: ofMember,
    answers: { 200: json('The member as it is now.', answers.MemberView) },
    errors: ['CAUCUS_NOT_FOUND'],
  },
  'PUT /v1/groups/:group/members/:member': {
    id: 'renewMember',
    tag: 'groups',
    summary: 'Joins, renews, acknowledges, and answers the share',
    description:
      'Without `generation` it is a join. What the answer lists may be acted on until `leaseMs` after this request was *sent* (docs/http.md). A body with an unknown field is refused.',
    params: ofMember,
    body: RenewBody,
    answers: { 200: json('The whole share of the member.', RenewAnswer) },
    errors: ['CAUCUS_CONFLICT', 'CAUCUS_FENCED'],
  },
  'DELETE /v1/groups/:group/members/:member': {
    id: 'removeMember',
    tag: 'groups',
    summary: "The holder's own leave, or an eviction by somebody else",
    description:
      "With all three of the query it is the holder's own leave, sent after it dropped everything: the others need not wait. With none of them it is an eviction: the member is fenced, and its leases run out. Anything else is refused.",
    params: ofMember,
    query: Type.Partial(LeaveQuery),
    answers: { 200: json('It is done.', Type.Union([answers.Evicted, answers.HasLeft])) },
    errors: ['CAUCUS_CONFLICT', 'CAUCUS_NOT_FOUND'],
  },
  'GET /v1/groups/:group/events': {
    id: 'streamEvents',
    tag: 'groups',
    summary: 'The events of a group as they happen',
    description: 'From now on, or after a revision. Something that is forgotten already is told as a `gap`.',
    params: ofGroup,
    query: Type.Object({ after: Type.Optional(Revision) }),
    headers: Type.Object({ 'Last-Event-ID': Type.Optional(Revision) }),
    answers: { 200: { description: 'The stream.', type: 'text/event-stream', schema: STREAM } },
    errors: [],
  },
  'GET /v1/groups/:group/history': {
    id: 'getHistory',
    tag: 'groups',
    summary: 'What is still known of what happened in a group',
    description:
      'The newest events, oldest first: all, or those that name a partition, a member, or both. Bounded in time by what the server keeps and in length by `limit`.',
    params: ofGroup,
    query: HistoryQuery,
    answers: { 200: json('The past.', answers.History) },
    errors: ['CAUCUS_NOT_FOUND'],
  },
  ...ORDER_OPERATIONS,
  ...SERVICE_OPERATIONS,
  ...TOPIC_OPERATIONS,
  ...LEADERSHIP_OPERATIONS,
  'GET /healthz': {
    id: 'getHealth',
    tag: 'operations',
    summary: 'Whether the server is there, and what it promises',
    answers: { 200: json('It is there.', answers.Health) },
    errors: [],
    isOpen: true,
  },
  'GET /readyz': {
    id: 'getReadiness',
    tag: 'operations',
    summary: 'Whether the server takes requests; of a peer, whether it takes part',
    description:
      'A peer is ready also while nobody leads: the others wait for it. 503 while it starts and while it stops.',
    answers: { 200: json('It is ready.', answers.Readiness) },
    errors: [],
    isOpen: true,
  },
  'GET /v1/status': {
    id: 'getStatus',
    tag: 'operations',
    summary: 'The server and every group that the caller may read',
    answers: { 200: json('As it is now.', answers.Status) },
    errors: [],
  },
  'GET /v1/overview': {
    id: 'getOverview',
    tag: 'operations',
    summary: 'The server, and every group that the caller may read, at a glance',
    description: 'As long for a thousand members as for twenty-four.',
    answers: { 200: json('As it is now.', answers.Overview) },
    errors: [],
  },
  'GET /metrics': {
    id: 'getMetrics',
    tag: 'operations',
    summary: 'Numbers for Prometheus',
    answers: {
      200: { description: 'All of them.', type: 'text/plain; version=0.0.4; charset=utf-8', schema: Type.String() },
    },
    errors: [],
  },
  'GET /openapi.json': {
    id: 'getOpenApi',
    tag: 'operations',
    summary: 'This document',
    answers: { 200: json('OpenAPI 3.1.', Type.Object({ openapi: Type.String(), paths: Type.Object({}) })) },
    errors: [],
  },
  [`GET ${LINK_PATH}`]: {
    id: 'openLink',
    tag: 'link',
    summary: "The SDK's connection: a WebSocket",
    description: `An upgrade to WebSocket. The client offers the versions that it speaks as subprotocols (${LINK_SUBPROTOCOLS.join(', ')}) or names one as \`?protocol=\`; the server takes the newest that both speak. Every frame is a JSON array of messages: \`LinkFrameOfMember\` up, \`LinkFrameOfServer\` down, which begins with a hello. A plain GET is refused.`,
    query: Type.Object({ protocol: Type.Optional(Type.Union(PROTOCOLS.map((each) => Type.Literal(each)))) }),
    headers: Type.Object({ 'Sec-WebSocket-Protocol': Type.Optional(Type.String()) }),
    answers: {
      101: {
        description: 'The link is open. `Sec-WebSocket-Protocol` has the version that is spoken.',
        headers: Type.Object({ 'Sec-WebSocket-Protocol': Type.String() }),
      },
    },
    errors: [],
  },
  'GET /index': {
    id: 'pollIndex',
    tag: 'bloc',
    summary: "bloc's wire: renews the session and answers its place",
    headers: ofSession,
    answers: {
      200: {
        description: 'Its place, once the group is settled.',
        schema: Type.Union([answers.Settling, answers.Settled]),
        headers: Type.Object({
          'Caucus-Lease-Ms': Type.Optional(
            Type.Number({
              description: 'For how long a settled answer may be believed, from the send of the request.',
            }),
          ),
        }),
      },
    },
    errors: [],
  },
  'DELETE /session': {
    id: 'endSession',
    tag: 'bloc',
    summary: "bloc's wire: ends the session",
    headers: ofSession,
    answers: { 200: json('It is ended.', answers.Nothing) },
    errors: ['CAUCUS_NOT_FOUND'],
  },
}
