import type { FastifyRequest } from 'fastify'
import type { CoordinatorMessage, Renew } from '../../core/group/messages.ts'
import { CaucusError } from '../../errors.ts'
import { decodeLeaveQuery } from '../../wire/http.ts'
import { invalid, notFound } from '../answers.ts'
import type { ServerContext } from './context.ts'

export const queryOf = ({ url }: FastifyRequest): URLSearchParams => {
  const at = url.indexOf('?')
  return new URLSearchParams(at < 0 ? '' : url.slice(at + 1))
}

/** The share that a member without a link has now, by its renewal; throws why it has none, or why it may not ask. */
export const renewed = async ({ hosting, counts, desk }: ServerContext, raw: FastifyRequest['raw'], renew: Renew) => {
  const fault = desk.ownership.use(desk.callerOf(raw), renew.group, renew.member)
  if (fault !== undefined) throw fault
  counts.renewals++
  return shareOf(await hosting.call(renew), renew)
}

/** A member's own leave, when the query says whose; an eviction by somebody else, when there is none. `what` names it in the answer. */
export const removed = async (
  { hosting, desk }: ServerContext,
  request: FastifyRequest,
  { group, member, what }: { readonly group: string; readonly member: string; readonly what: string },
) => {
  const leave = decodeLeaveQuery(group, member, queryOf(request))
  if (typeof leave === 'string') throw invalid(leave)
  const caller = desk.callerOf(request.raw)
  if (leave === undefined) {
    caller.principal.requireOver(group, member, 'evict')
    const found = hosting.evict(group, member)
    desk.audit.did('evict', caller, group, member, found ? 'done' : 'not found')
    if (!found) throw notFound(`such ${what}`)
    return { evicted: true }
  }
  const fault = desk.ownership.leave(caller, group, member)
  if (fault !== undefined) throw fault
  const answer = await hosting.call(leave)
  if (answer === undefined) throw overtaken(leave.sequence)
  return { left: true }
}

/** What a renewal was answered, if it is a share; throws anything else. */
const shareOf = (answer: CoordinatorMessage | undefined, { sequence }: Renew) => {
  if (answer === undefined) throw overtaken(sequence)
  switch (answer.type) {
    case 'share':
      return answer
    case 'refused':
      throw new CaucusError(answer.code, answer.message)
    case 'hello': {
      const { generation, clusterId, instanceId } = answer
      throw new CaucusError(
        'CAUCUS_CONFLICT',
        `the coordinator's generation is ${generation} now; send the renewal again with it, listing what is still held`,
        { details: { generation, clusterId, instanceId } },
      )
    }
    case 'concluded':
      throw new CaucusError(
        'CAUCUS_CONFLICT',
        'this is a run of once(), which is over; it is for clients with a link, and not for HTTP',
      )
    case 'left':
      throw new CaucusError('CAUCUS_BACKEND', 'the coordinator answered a renewal as if it were a leave')
  }
}

/** Why an older message of a member does nothing. */
const overtaken = (sequence: number): CaucusError =>
  new CaucusError(
    'CAUCUS_CONFLICT',
    `the sequence ${sequence} is not newer than the last one of this membership, or the membership has ended; count on from the highest that was sent`,
    { details: { sequence } },
  )
