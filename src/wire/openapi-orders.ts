import * as answers from './answers.ts'
import { GroupName } from './http.ts'
import { json, type Operation, ofGroup, ofMember } from './openapi-operation.ts'
import { PartitionNumber, PinBody } from './operator.ts'
import * as Type from './type.ts'

const ofPartition = Type.Object({ group: GroupName, partition: PartitionNumber })
const ORDER_ERRORS = ['CAUCUS_NOT_FOUND', 'CAUCUS_CONFLICT'] as const

/** What operators order, by method and path. */
export const ORDER_OPERATIONS: Readonly<Record<string, Operation>> = {
  'PUT /v1/groups/:group/freeze': {
    id: 'freezeGroup',
    tag: 'operations',
    summary: 'Freezes a group: no partition is taken from a member that lives',
    params: ofGroup,
    answers: { 200: json('It is in force.', answers.Frozen) },
    errors: ORDER_ERRORS,
  },
  'DELETE /v1/groups/:group/freeze': {
    id: 'thawGroup',
    tag: 'operations',
    summary: 'Thaws a group: partitions move again',
    params: ofGroup,
    answers: { 200: json('It is in force.', answers.Frozen) },
    errors: ORDER_ERRORS,
  },
  'PUT /v1/groups/:group/pins/:partition': {
    id: 'pinPartition',
    tag: 'operations',
    summary: 'Pins a partition: it goes to this member whenever it is there',
    params: ofPartition,
    body: PinBody,
    answers: { 200: json('It is in force; what moves because of it moves as always.', answers.Pinned) },
    errors: ORDER_ERRORS,
  },
  'DELETE /v1/groups/:group/pins/:partition': {
    id: 'unpinPartition',
    tag: 'operations',
    summary: 'Takes a pin away',
    params: ofPartition,
    answers: { 200: json('It is in force.', answers.Pinned) },
    errors: ORDER_ERRORS,
  },
  'PUT /v1/groups/:group/members/:member/drain': {
    id: 'drainMember',
    tag: 'operations',
    summary: 'Has a member drained: the process that is it now is given nothing any more',
    description:
      'It keeps what it has until the group has settled anew, and hands that over as in every move. Done when the member holds nothing. Whoever comes under its id later is another process.',
    params: ofMember,
    answers: { 200: json('It is in force; the member may still hold something.', answers.Drained) },
    errors: ORDER_ERRORS,
  },
  'DELETE /v1/groups/:group/members/:member/drain': {
    id: 'undrainMember',
    tag: 'operations',
    summary: 'Gives a drained member work again',
    params: ofMember,
    answers: { 200: json('It is in force.', answers.Drained) },
    errors: ORDER_ERRORS,
  },
}
