import { once } from 'node:events'
import type { ServerResponse } from 'node:http'
import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify'
import { CaucusError } from '../../errors.ts'
import type { RecordedEvent } from '../../ports/hosting.ts'
import { pathFault, revisionFault } from '../../wire/http.ts'
import { invalid } from '../answers.ts'
import type { ServerContext } from './context.ts'

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
  const { hosting, limits, counts, desk } = context
  const caller = desk.callerOf(request.raw)
  caller.principal.requireRead(group)
  const after = afterOf(request.url, request.headers['last-event-id'])
  if (counts.streams >= limits.streams) {
    throw new CaucusError('CAUCUS_OVERLOADED', `this server has its limit of ${limits.streams} readers of events`)
  }
  const ended = new AbortController()
  const events = hosting.events({ group, signal: ended.signal, ...(after !== undefined && { after }) })
  reply.hijack()
  const unwatch = desk.access.onChange(() => {
    if (ended.signal.aborted || desk.principalNow(caller)?.in(group).reads === true) return
    desk.counts.streamsRevoked++
    ended.abort(new CaucusError('CAUCUS_CLOSED', 'this reader may not read the group any more'))
  })
  // An answer that waits behind others (pipelining) never says that it is over; its connection does.
  const { socket } = request.raw
  const gone = () => ended.abort(new CaucusError('CAUCUS_CLOSED', 'the reader is gone'))
  socket.once('close', gone)
  void stream(reply.raw, events, ended, context).finally(() => {
    socket.off('close', gone)
    unwatch()
  })
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

/** Runs until either side ends it. Never rejects: there is nobody left who could be told. */
const stream = async (
  response: ServerResponse,
  events: AsyncIterable<Told>,
  ended: AbortController,
  { limits, counts, logger, stopping }: ServerContext,
): Promise<void> => {
  const end = () => ended.abort(new CaucusError('CAUCUS_CLOSED', 'the stream has ended'))
  counts.streams++
  response.once('close', end)
  // Written to a moment after its end: there is nobody left to miss it.
  response.on('error', end)
  stopping.addEventListener('abort', end, { once: true })
  // Silence is what a stream mostly consists of; its own heartbeat finds out who is gone.
  response.socket?.setTimeout(0)
  response.writeHead(200, HEADERS)
  response.write(COMMENT)
  const heartbeat = setInterval(() => response.write(COMMENT), limits.streamHeartbeatMs)
  try {
    for await (const event of events) {
      if (response.write(textOf(event)) || (await drained(response, limits.silenceMs, ended.signal))) continue
      counts.streamsCut++
      response.destroy()
    }
  } catch (error) {
    // Ended by its reader or by our stopping, the loop is rejected with our own reason.
    if (!ended.signal.aborted) logger.error({ err: error }, 'a stream of events failed')
  } finally {
    clearInterval(heartbeat)
    stopping.removeEventListener('abort', end)
    counts.streams--
    response.end()
  }
}

const COMMENT = ':\n\n'
const HEADERS = {
  'content-type': 'text/event-stream',
  'cache-control': 'no-store',
  'x-content-type-options': 'nosniff',
}

/** False when nothing was read for `limitMs`. */
const drained = async (response: ServerResponse, limitMs: number, signal: AbortSignal): Promise<boolean> => {
  const late = new AbortController()
  const timer = setTimeout(() => late.abort(), limitMs)
  const over = () => late.abort()
  signal.addEventListener('abort', over, { once: true })
  try {
    await once(response, 'drain', { signal: late.signal })
    return true
  } catch {
    // Either too late, or over anyhow.
    return signal.aborted
  } finally {
    clearTimeout(timer)
    signal.removeEventListener('abort', over)
  }
}

const textOf = (told: Told): string => {
  if (!('revision' in told))
    return `event: gap\ndata: ${JSON.stringify({ type: 'gap', dropped: told.dropped ?? null })}\n\n`
  return `id: ${told.revision}\nevent: ${told.event.type}\ndata: ${JSON.stringify(told)}\n\n`
}
