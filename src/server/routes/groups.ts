import type { FastifyInstance, FastifyRequest } from 'fastify'
import type { GroupView } from '../../core/group/view.ts'
import { CaucusError } from '../../errors.ts'
import { decodeRenewBody, pathFault, renewAnswer } from '../../wire/http.ts'
import { decodeHistoryQuery } from '../../wire/operator.ts'
import type { Caller } from '../access/caller.ts'
import { invalid } from '../answers.ts'
import type { ServerContext } from './context.ts'
import { queryOf, removed, renewed } from './membership.ts'
import { registerOrders } from './orders.ts'

interface OfGroup {
  Params: { group: string }
}
interface OfMember {
  Params: { group: string; member: string }
}

/** The groups, and the membership of a process that speaks plain HTTP. */
export const groupRoutes = (app: FastifyInstance, context: ServerContext): void => {
  const { hosting, desk } = context
  registerOrders(app, context)
  const viewOf = ({ raw }: FastifyRequest, group: string): GroupView => {
    sound(group)
    desk.callerOf(raw).principal.requireRead(group)
    const view = hosting.viewOf(group)
    if (view === undefined) throw new CaucusError('CAUCUS_NOT_FOUND', NO_GROUP)
    return view
  }

  app.get('/v1/groups', ({ raw }) => ({ groups: readable(desk.callerOf(raw), hosting.view().groups) }))

  app.get<OfGroup>('/v1/groups/:group', (request) => viewOf(request, request.params.group))

  app.get<OfGroup>('/v1/groups/:group/history', (request) => {
    const { group } = request.params
    sound(group)
    const asked = decodeHistoryQuery(group, queryOf(request))
    if (typeof asked === 'string') throw invalid(asked)
    desk.callerOf(request.raw).principal.requireRead(group)
    const view = hosting.viewOf(group)
    const past = hosting.history(asked.past)
    // A group that nobody is in any more is forgotten before its past is.
    if (view === undefined && past.events.length === 0 && !isRemembered(group))
      throw new CaucusError('CAUCUS_NOT_FOUND', NO_GROUP)
    return { group, ...past, ...(asked.view && { view }) }
  })

  const isRemembered = (group: string): boolean => hosting.history({ group, limit: 1 }).events.length > 0

  app.get<OfMember>('/v1/groups/:group/members/:member', (request) => {
    const { group, member } = request.params
    sound(group, member)
    const found = viewOf(request, group).members.find(({ id }) => id === member)
    if (found === undefined) throw new CaucusError('CAUCUS_NOT_FOUND', 'there is no such member of this group')
    return found
  })

  app.put<OfMember>('/v1/groups/:group/members/:member', async ({ params: { group, member }, body, raw }) => {
    sound(group, member)
    if (typeof body !== 'string')
      throw invalid('a renewal has a body of JSON; the least is {"bootId":"…","sequence":1}')
    const renew = decodeRenewBody(group, member, body)
    if (typeof renew === 'string') throw invalid(renew)
    return renewAnswer(await renewed(context, raw, renew))
  })

  app.delete<OfMember>('/v1/groups/:group/members/:member', (request) => {
    const { group, member } = request.params
    sound(group, member)
    return removed(context, request, { group, member, what: 'member' })
  })
}

const NO_GROUP = 'there is no such group: nobody is in it; what is ordered for it shows once somebody is'

/** Those that the caller may read. */
export const readable = ({ principal }: Caller, groups: readonly GroupView[]): readonly GroupView[] =>
  groups.filter(({ name }) => principal.in(name).reads)

const sound = (group: string, member?: string): string => {
  const fault = pathFault(group, member)
  if (fault !== undefined) throw invalid(fault)
  return group
}
