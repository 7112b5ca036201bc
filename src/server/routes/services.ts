import type { FastifyInstance } from 'fastify'
import { matches } from '../../core/registry/filter.ts'
import { groupOfService } from '../../core/registry/services.ts'
import { decodeLeaveQuery } from '../../wire/http.ts'
import { decodeInstanceBody, decodeServiceQuery, servicePathFault } from '../../wire/services.ts'
import { invalid, notFound } from '../answers.ts'
import type { ServerContext } from './context.ts'
import { streamEvents } from './events.ts'
import { overtaken, queryOf, shareOf } from './groups.ts'

interface OfService {
  Params: { service: string }
}
interface OfInstance {
  Params: { service: string; instance: string }
}

/** Who serves what, and the registration of a process that speaks plain HTTP. */
export const serviceRoutes = (app: FastifyInstance, context: ServerContext): void => {
  const { hosting, counts, desk } = context

  app.get('/v1/services', ({ raw }) => {
    const { principal } = desk.callerOf(raw)
    return { services: hosting.services().filter(({ name }) => principal.in(groupOfService(name)).reads) }
  })

  app.get<OfService>('/v1/services/:service', (request) => {
    const { service } = request.params
    const group = sound(service)
    const filter = decodeServiceQuery(queryOf(request))
    if (typeof filter === 'string') throw invalid(filter)
    desk.callerOf(request.raw).principal.requireRead(group)
    const view = hosting.service(service)
    return { ...view, instances: view.instances.filter((instance) => matches(instance, filter)) }
  })

  app.put<OfInstance>('/v1/services/:service/instances/:instance', async ({ params, body, raw }) => {
    const { service: name, instance: id } = params
    const group = sound(name, id)
    if (typeof body !== 'string') throw invalid(`a registration has a body of JSON; the least is ${LEAST}`)
    const { generation = 1 } = hosting.counters()
    const renew = decodeInstanceBody({ name, id, generation }, body)
    if (typeof renew === 'string') throw invalid(renew)
    const fault = desk.ownership.use(desk.callerOf(raw), group, id)
    if (fault !== undefined) throw fault
    counts.renewals++
    const { incarnation, sequence, leaseMs } = shareOf(await hosting.call(renew), renew)
    return { incarnation, sequence, leaseMs }
  })

  app.delete<OfInstance>('/v1/services/:service/instances/:instance', async (request) => {
    const { service, instance } = request.params
    const group = sound(service, instance)
    const leave = decodeLeaveQuery(group, instance, queryOf(request))
    if (typeof leave === 'string') throw invalid(leave)
    const caller = desk.callerOf(request.raw)
    if (leave === undefined) {
      caller.principal.requireOver(group, instance, 'evict')
      const found = hosting.evict(group, instance)
      desk.audit.did('evict', caller, group, instance, found ? 'done' : 'not found')
      if (!found) throw notFound('such instance')
      return { evicted: true }
    }
    const fault = desk.ownership.leave(caller, group, instance)
    if (fault !== undefined) throw fault
    const answer = await hosting.call(leave)
    if (answer === undefined) throw overtaken(leave.sequence)
    return { left: true }
  })

  app.get<OfService>('/v1/services/:service/events', { exposeHeadRoute: false }, (request, reply) => {
    streamEvents({ request, reply, group: sound(request.params.service) }, context)
  })
}

const LEAST = '{"bootId":"…","sequence":1,"host":"10.0.0.7","port":8080}'

/** The group that the service of a path is. */
const sound = (service: string, instance?: string): string => {
  const fault = servicePathFault(service, instance)
  if (fault !== undefined) throw invalid(fault)
  return groupOfService(service)
}
