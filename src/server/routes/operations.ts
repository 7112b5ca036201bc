import type { FastifyInstance } from 'fastify'
import { CaucusError } from '../../errors.ts'
import { LINK_PATH } from '../../wire/frames.ts'
import { invalid } from '../answers.ts'
import { metricsText } from '../metrics.ts'
import type { ServerContext } from './context.ts'
import { readable } from './groups.ts'

/** What an operator and the machines of an operator ask. */
export const operationRoutes = (app: FastifyInstance, context: ServerContext): void => {
  const { hosting, peers, version, desk } = context

  app.get('/healthz', () => ({ ok: true, version, guarantees: hosting.guarantees }))

  // The guard refuses it from the moment in which the server begins to stop.
  app.get('/readyz', () => {
    if (peers === undefined) return { ok: true }
    if (peers.view().role !== 'idle') return { ok: true, leader: peers.leader()?.identifier ?? null }
    throw new CaucusError('CAUCUS_UNAVAILABLE', 'this voter does not take part yet, or not any more')
  })

  app.get('/v1/status', ({ raw }) => {
    const { clusterId, instanceId, generation, groups: all } = hosting.view()
    const groups = readable(desk.callerOf(raw), all)
    const leader = peers?.leader()
    const about = { version, guarantees: hosting.guarantees, ...(leader !== undefined && { leader }) }
    return { ...about, clusterId, instanceId, generation, groups }
  })

  app.get('/v1/overview', ({ raw }) => {
    const { principal } = desk.callerOf(raw)
    const { groups, ...about } = hosting.brief()
    const readable = groups.filter(({ name }) => principal.in(name).reads)
    return { version, guarantees: hosting.guarantees, ...about, groups: readable }
  })

  app.get(LINK_PATH, { exposeHeadRoute: false }, () => {
    throw invalid('this path is for WebSocket alone: the SDK opens it')
  })

  app.get('/metrics', async ({ raw }, reply) => {
    reply.type('text/plain; version=0.0.4; charset=utf-8')
    const { principal } = desk.callerOf(raw)
    return metricsText(context, (group) => principal.in(group).reads)
  })
}
