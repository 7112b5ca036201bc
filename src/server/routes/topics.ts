import { isUtf8 } from 'node:buffer'
import type { IncomingMessage } from 'node:http'
import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify'
import type { Payload, TraceContext } from '../../core/dispatch/link-messages.ts'
import { CaucusError, isCaucusError } from '../../errors.ts'
import { decodeAskQuery, topicFault } from '../../wire/asks.ts'
import { MAX_PAYLOAD_BYTES } from '../../wire/limits.ts'
import { parseJson } from '../../wire/validate.ts'
import type { Caller } from '../access/caller.ts'
import { invalid } from '../answers.ts'
import { reasonOf } from '../tenure.ts'
import { AskStream } from './ask-stream.ts'
import type { ServerContext } from './context.ts'
import { queryOf } from './membership.ts'

interface OfTopic {
  Params: { topic: string }
}

const NOBODY = 'nobody produces or listens on this topic; look at its spelling, or start a producer'

/** Who is on which topic, and asks of those who speak plain HTTP. */
export const topicRoutes = (app: FastifyInstance, context: ServerContext): void => {
  const { topics, desk } = context

  const charge = (request: IncomingMessage, cost: number): void => {
    const tooMuch = desk.charge(request, cost)
    if (tooMuch !== undefined) throw tooMuch
  }

  app.get('/v1/topics', ({ raw }) => {
    const { principal } = desk.callerOf(raw)
    charge(raw, topics.sizes().producers)
    return { topics: topics.topics().filter(({ topic }) => principal.on(topic).reads) }
  })

  app.get<OfTopic>('/v1/topics/:topic', ({ params: { topic }, raw }) => {
    sound(topic)
    desk.callerOf(raw).principal.requireReadOn(topic)
    const view = topics.topic(topic)
    if (view === undefined) throw new CaucusError('CAUCUS_NOT_FOUND', NOBODY)
    charge(raw, view.producers.length)
    return view
  })

  const options = {
    config: { takesBytes: true },
    // Its answers go on for as long as the ask does.
    onRequest: ({ raw }: FastifyRequest, reply: FastifyReply, done: (fault?: Error) => void) => {
      const held = desk.hold('streams', raw)
      if (isCaucusError(held)) return done(held)
      reply.raw.once('close', held)
      done()
    },
  }
  app.post<OfTopic>('/v1/topics/:topic/requests', options, (request, reply) => {
    const { topic } = request.params
    sound(topic)
    const asked = decodeAskQuery(queryOf(request))
    if (typeof asked === 'string') throw invalid(asked)
    const payload = payloadOf(request)
    const caller = desk.callerOf(request.raw)
    caller.principal.requireAskOn(topic)
    const { counts, limits } = context
    if (counts.streams >= limits.streams) {
      throw new CaucusError('CAUCUS_OVERLOADED', `this server has its limit of ${limits.streams} streams`)
    }
    charge(request.raw, topics.cost({ topic, ...asked }))
    const stream = new AskStream(reply.raw, limits.linkBufferBytes)
    const accept = (value: unknown) => stream.accept(value)
    const port = topics.ask(
      caller.principal.name,
      { topic, payload, ...asked, accept, trace: traceOf(request) },
      stream,
    )
    if (stream.refusal !== undefined) throw stream.refusal
    reply.hijack()
    counts.streams++
    const unwatch = watch(context, caller, topic, stream)
    stream.open(port, () => {
      counts.streams--
      unwatch()
    })
  })
}

/** Ends it with the server, or once another peer leads, and when the caller may not ask there any more. Gives the function that ends the watch. */
const watch = ({ desk, stopping }: ServerContext, caller: Caller, topic: string, stream: AskStream): (() => void) => {
  const stop = () => stream.breakOff(reasonOf(stopping))
  stopping.addEventListener('abort', stop, { once: true })
  const unwatch = desk.access.onChange(() => {
    if (desk.principalNow(caller)?.on(topic).asks === true) return
    desk.counts.streamsRevoked++
    stream.breakOff(new CaucusError('CAUCUS_FORBIDDEN', 'whoever asked may not ask on this topic any more'))
  })
  return () => {
    stopping.removeEventListener('abort', stop)
    unwatch()
  }
}

const sound = (topic: string): void => {
  const fault = topicFault(topic)
  if (fault !== undefined) throw invalid(fault)
}

/** Where the ask belongs in the caller's trace, by W3C Trace Context. What is none goes no further than the link. */
const traceOf = ({ headers: { traceparent, tracestate } }: FastifyRequest): TraceContext | undefined => {
  if (typeof traceparent !== 'string') return undefined
  return typeof tracestate === 'string' ? { traceparent, tracestate } : { traceparent }
}

const BYTES = /^application\/octet-stream(?:;|$)/i

/** The request that a body is: bytes where its type says so, and JSON in any other case. */
const payloadOf = ({ body, headers }: FastifyRequest): Payload => {
  const bytes = Buffer.isBuffer(body) ? body : undefined
  if (bytes !== undefined && bytes.length > MAX_PAYLOAD_BYTES) {
    throw new CaucusError('CAUCUS_TOO_LARGE', `a request on a topic has at most ${MAX_PAYLOAD_BYTES} bytes`)
  }
  if (BYTES.test(headers['content-type']?.trim() ?? '')) return { kind: 'bytes', bytes: bytes ?? Buffer.alloc(0) }
  if (bytes === undefined || bytes.length === 0) {
    throw invalid('the body is the request, as JSON, at least null; or bytes as application/octet-stream')
  }
  const json = isUtf8(bytes) ? parseJson(bytes.toString('utf8')) : 'is not UTF-8'
  if (typeof json === 'string') throw invalid(`the body ${json}; for bytes, send it as application/octet-stream`)
  return { kind: 'json', bytes }
}
