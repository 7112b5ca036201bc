import * as answers from './answers.ts'
import { TransferBody } from './leadership.ts'
import { json, type Operation } from './openapi-operation.ts'
import { PEER_PATH, PEER_SUBPROTOCOLS } from './peers/frames.ts'
import * as Type from './type.ts'

/** Who leads a cluster of peers, by method and path. Only peers serve them: to any other server they are no such path. */
export const LEADERSHIP_OPERATIONS: Readonly<Record<string, Operation>> = {
  'GET /v1/leader': {
    id: 'getLeader',
    tag: 'leadership',
    summary: 'Who leads, as this peer knows it',
    answers: { 200: json('It leads.', answers.Leader) },
    errors: ['CAUCUS_NO_QUORUM', 'CAUCUS_NOT_FOUND'],
  },
  'POST /v1/leader/transfer': {
    id: 'transferLeadership',
    tag: 'leadership',
    summary: 'Has another peer lead',
    description:
      'Answered once it does. Any peer takes it, and passes it on to the one that leads. It takes the role admin that covers the group `cluster/voters` and, where the entry lists members, the voter that leads.',
    body: TransferBody,
    isBodyOptional: true,
    answers: { 200: json('It leads now.', answers.Leader) },
    errors: ['CAUCUS_NOT_FOUND', 'CAUCUS_NOT_LEADER', 'CAUCUS_NO_QUORUM', 'CAUCUS_CONNECTION_LOST'],
  },
  'GET /v1/peers': {
    id: 'getPeers',
    tag: 'leadership',
    summary: 'All voters, and the observers, as this peer sees them',
    answers: { 200: json('The election.', answers.Peers) },
    errors: ['CAUCUS_NOT_FOUND'],
  },
  'GET /v1/peers/history': {
    id: 'getPeersHistory',
    tag: 'leadership',
    summary: 'Who led before, as this peer saw it: the last 256 events',
    answers: { 200: json('What is still known of it.', answers.PeersPast) },
    errors: ['CAUCUS_NOT_FOUND'],
  },
  [`GET ${PEER_PATH}`]: {
    id: 'openPeer',
    tag: 'leadership',
    summary: 'The connection of another peer: a WebSocket',
    description: `For voters and observers alone. The subprotocol is ${PEER_SUBPROTOCOLS.join(' or ')}. A plain GET is refused.`,
    headers: Type.Object({ 'Sec-WebSocket-Protocol': Type.Optional(Type.String()) }),
    answers: {
      101: {
        description: 'The connection is open.',
        headers: Type.Object({ 'Sec-WebSocket-Protocol': Type.String() }),
      },
    },
    errors: ['CAUCUS_NOT_FOUND'],
  },
}
