import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify'
import type { RecordedEvent } from '../../ports/hosting.ts'
import { pathFault, revisionFault } from '../../wire/http.ts'
import { invalid } from '../answers.ts'
import type { ServerContext } from './context.ts'
import { streamSse } from './sse.ts'

interface OfGroup {
  Params: { group: string }
}

type Told = RecordedEvent | { readonly type: 'gap'; readonly dropped: number | undefined }

/** The events of a group as server-sent events. */
export const eventRoutes = (app: FastifyInstance, context: ServerContext): void => {
  app.get<OfGroup>('/v1/groups/:group/events', { exposeHeadRoute: false }, (request, reply) => {
    const { group } = request.params
    const fault = pathFault(group)
    if (fault !== undefined) throw invalid(fault)
    streamEvents({ request, reply, group }, context)
  })
}

/** Answers with the events of `group`, without an end. A reader that stops reading is cut; what it missed it is told when it resumes. */
export const streamEvents = (
  { request, reply, group }: { readonly request: FastifyRequest; readonly reply: FastifyReply; readonly group: string },
  context: ServerContext,
): void => {
  const { hosting, desk } = context
  desk.callerOf(request.raw).principal.requireRead(group)
  const after = afterOf(request.url, request.headers['last-event-id'])
  streamSse(
    {
      request,
      reply,
      mayRead: (principal) => principal.in(group).reads,
      read: (signal) => hosting.events({ group, signal, ...(after !== undefined && { after }) }),
      textOf,
    },
    context,
  )
}

const afterOf = (url: string, header: string | string[] | undefined): string | undefined => {
  const at = url.indexOf('?')
  const asked = at < 0 ? [] : new URLSearchParams(url.slice(at + 1)).getAll('after')
  const after = asked[0] ?? (typeof header === 'string' ? header : undefined)
  if (after === undefined) return undefined
  const fault = asked.length > 1 ? 'after is given twice' : revisionFault(after)
  if (fault !== undefined) throw invalid(fault)
  return after
}

const textOf = (told: Told): string => {
  if (!('revision' in told))
    return `event: gap\ndata: ${JSON.stringify({ type: 'gap', dropped: told.dropped ?? null })}\n\n`
  return `id: ${told.revision}\nevent: ${told.event.type}\ndata: ${JSON.stringify(told)}\n\n`
}
