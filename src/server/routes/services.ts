import type { FastifyInstance } from 'fastify'
import { matches } from '../../core/registry/filter.ts'
import { groupOfService } from '../../core/registry/services.ts'
import { decodeInstanceBody, decodeServiceQuery, servicePathFault } from '../../wire/services.ts'
import { invalid } from '../answers.ts'
import type { ServerContext } from './context.ts'
import { streamEvents } from './events.ts'
import { queryOf, removed, renewed } from './membership.ts'

interface OfService {
  Params: { service: string }
}
interface OfInstance {
  Params: { service: string; instance: string }
}

/** Who serves what, and the registration of a process that speaks plain HTTP. */
export const serviceRoutes = (app: FastifyInstance, context: ServerContext): void => {
  const { hosting, desk } = context

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
    sound(name, id)
    if (typeof body !== 'string') throw invalid(`a registration has a body of JSON; the least is ${LEAST}`)
    const { generation = 1 } = hosting.counters()
    const renew = decodeInstanceBody({ name, id, generation }, body)
    if (typeof renew === 'string') throw invalid(renew)
    const { incarnation, sequence, leaseMs } = await renewed(context, raw, renew)
    return { incarnation, sequence, leaseMs }
  })

  app.delete<OfInstance>('/v1/services/:service/instances/:instance', (request) => {
    const { service, instance } = request.params
    return removed(context, request, { group: sound(service, instance), member: instance, what: 'instance' })
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
