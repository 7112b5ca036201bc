import { once } from 'node:events'
import type { ServerResponse } from 'node:http'
import type { FastifyReply, FastifyRequest } from 'fastify'
import { CaucusError } from '../../errors.ts'
import type { Principal } from '../access/principal.ts'
import type { ServerContext } from './context.ts'

export interface SseOptions<Told> {
  readonly request: FastifyRequest
  readonly reply: FastifyReply
  /** Asked again whenever the entries change. */
  mayRead(principal: Principal): boolean
  read(signal: AbortSignal): AsyncIterable<Told>
  /** A whole event, with the empty line behind it. */
  textOf(told: Told): string
}

/** Answers with server-sent events, without an end. A reader that stops reading is cut; one that may not read any more is ended. */
export const streamSse = <Told>(
  { request, reply, mayRead, read, textOf }: SseOptions<Told>,
  context: ServerContext,
): void => {
  const { limits, counts, desk } = context
  const caller = desk.callerOf(request.raw)
  if (counts.streams >= limits.streams) {
    throw new CaucusError('CAUCUS_OVERLOADED', `this server has its limit of ${limits.streams} readers of events`)
  }
  const ended = new AbortController()
  const events = read(ended.signal)
  reply.hijack()
  const unwatch = desk.access.onChange(() => {
    const principal = desk.principalNow(caller)
    if (ended.signal.aborted || (principal !== undefined && mayRead(principal))) return
    desk.counts.streamsRevoked++
    ended.abort(new CaucusError('CAUCUS_CLOSED', 'this reader may not read this any more'))
  })
  // An answer that waits behind others (pipelining) never says that it is over; its connection does.
  const { socket } = request.raw
  const gone = () => ended.abort(new CaucusError('CAUCUS_CLOSED', 'the reader is gone'))
  socket.once('close', gone)
  void stream(reply.raw, { events, textOf, ended }, context).finally(() => {
    socket.off('close', gone)
    unwatch()
  })
}

interface Stream<Told> extends Pick<SseOptions<Told>, 'textOf'> {
  readonly events: AsyncIterable<Told>
  readonly ended: AbortController
}

/** Runs until either side ends it. Never rejects: there is nobody left who could be told. */
const stream = async <Told>(
  response: ServerResponse,
  { events, textOf, ended }: Stream<Told>,
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
    if (!ended.signal.aborted) logger.error({ event: 'stream.failed', err: error }, 'a stream of events failed')
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
