import { isUtf8 } from 'node:buffer'
import type { Socket } from 'node:net'
import { type FastifyError, type FastifyInstance, type FastifyReply, type FastifyRequest, fastify } from 'fastify'
import { CaucusError } from '../errors.ts'
import {
  bodyOf,
  headersOf,
  invalid,
  JSON_TYPE,
  notFound,
  parserFault,
  refuseSocket,
  requestFault,
  retryAfterOf,
  statusOf,
} from './answers.ts'
import type { Guard } from './guard.ts'
import type { ListenOptions, ServerLimits } from './options.ts'
import type { ServerContext } from './routes/context.ts'

/** The HTTP side without any route: its limits, and an answer in JSON to whatever goes wrong, wherever it does. */
export const newApp = (tls: ListenOptions['tls'], guard: Guard, context: ServerContext): FastifyInstance => {
  const { limits, counts, logger, desk } = context
  const refuse = (error: CaucusError, reply: FastifyReply): void => {
    counts.error(error.code)
    desk.refused(reply.request.raw, error)
    reply.headers(headersOf(error))
    // The rest of a body that is too long is read and thrown away, so that the answer is not lost in a reset connection.
    if (error.code === 'CAUCUS_TOO_LARGE') reply.removeHeader('connection')
    // A connection over the limit; whoever only asks too often may keep its own.
    if ((error.code === 'CAUCUS_OVERLOADED' && retryAfterOf(error) === undefined) || guard.closing)
      reply.header('connection', 'close')
    reply.code(statusOf(error)).header('content-type', JSON_TYPE).send(bodyOf(error))
  }
  const failed = (error: FastifyError, request: FastifyRequest, reply: FastifyReply): void => {
    const fault = requestFault(error, limits.bodyBytes)
    if (fault === undefined)
      logger.error({ err: error, path: request.url.split('?')[0]?.slice(0, 200) }, 'a request failed')
    refuse(fault ?? new CaucusError('CAUCUS_BACKEND', 'the server failed; its log says why'), reply)
  }
  const options = {
    bodyLimit: limits.bodyBytes,
    requestTimeout: limits.requestTimeoutMs,
    keepAliveTimeout: limits.keepAliveMs,
    return503OnClosing: false,
    forceCloseConnections: 'idle' as const,
    // Routes that have a query read it themselves.
    routerOptions: { maxParamLength: limits.headerBytes, querystringParser: () => ({}) },
    frameworkErrors: failed,
    clientErrorHandler: (error: { code?: string }, socket: Socket) => {
      if (error.code === 'ECONNRESET') socket.destroy()
      else refuseSocket(socket, parserFault(error.code, limits.headerBytes))
    },
  }
  const app = fastify({ ...options, ...serverOptions(tls, limits) })
  const routes = new RouteTable(app)
  app.addHook('onRequest', (request, _reply, done) => done(guard.check(request.raw)))
  app.setErrorHandler(failed)
  app.setNotFoundHandler((request, reply) => {
    const allowed = routes.allowed(request.url)
    if (allowed === undefined) return refuse(notFound('such path'), reply)
    reply.header('allow', allowed)
    refuse(new CaucusError('CAUCUS_METHOD_NOT_ALLOWED', `this path takes ${allowed}`), reply)
  })
  // Whatever it is called, a body is JSON: `curl -d` names another type.
  app.removeAllContentTypeParsers()
  app.addContentTypeParser('*', { parseAs: 'buffer' }, (_request, body: Buffer, done) => {
    if (isUtf8(body)) done(null, body.toString('utf8'))
    else done(invalid('the body is not UTF-8'))
  })
  return app
}

const serverOptions = (tls: ListenOptions['tls'], limits: ServerLimits): object => {
  const http = {
    maxHeaderSize: limits.headerBytes,
    headersTimeout: limits.headersTimeoutMs,
    connectionsCheckingInterval: Math.min(1_000, limits.headersTimeoutMs),
    // The guard's own check answers in JSON.
    requireHostHeader: false,
  }
  if (tls === undefined) return { http }
  return { https: { ...http, ...tls, requestCert: tls.ca !== undefined, minVersion: 'TLSv1.2' } }
}

/** Which methods each path takes, for the answer to all others. */
class RouteTable {
  readonly #methods = new Map<string, { readonly pattern: RegExp; readonly methods: Set<string> }>()

  constructor(app: FastifyInstance) {
    app.addHook('onRoute', ({ url, method }) => {
      const route = this.#methods.get(url) ?? {
        pattern: new RegExp(`^${url.replaceAll(/:\w+/g, '[^/]+')}$`),
        methods: new Set<string>(),
      }
      this.#methods.set(url, route)
      for (const each of [method].flat()) route.methods.add(each)
    })
  }

  allowed(url: string): string | undefined {
    const [path = ''] = url.split('?')
    for (const { pattern, methods } of this.#methods.values()) {
      if (pattern.test(path)) return [...methods].sort().join(', ')
    }
    return undefined
  }
}
