import { isUtf8 } from 'node:buffer'
import type { Socket } from 'node:net'
import { type FastifyError, type FastifyInstance, type FastifyReply, type FastifyRequest, fastify } from 'fastify'
import { CaucusError, isCaucusError } from '../errors.ts'
import { LINK_PATH } from '../wire/frames.ts'
import { PEER_PATH } from '../wire/peers/frames.ts'
import { MAX_FORWARDED_LENGTH } from './access/forwarded.ts'
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
import { ASSET_ROUTE, PAGE_PATH } from './dashboard.ts'
import { type PassesOn, passOn } from './forwarding/hook.ts'
import type { Guard } from './guard.ts'
import type { Intake } from './intake.ts'
import type { ListenOptions, ServerLimits } from './options.ts'
import { Pipelines } from './pipelines.ts'
import type { ServerContext } from './routes/context.ts'

/** What every secure context has, the first and those that follow it. */
export const TLS = { minVersion: 'TLSv1.2' } as const

const STREAM_PATHS = ['/v1/groups/:group/events', '/v1/services/:service/events', '/v1/topics/:topic/asks']

export interface AppOptions {
  readonly tls: ListenOptions['tls']
  readonly guard: Guard
  readonly context: ServerContext
  readonly intake: Intake
  /** Of a voter: where its requests about groups and topics are answered while another one leads. */
  readonly forwarder?: PassesOn | undefined
}

/** The HTTP side without any route: its limits, and an answer in JSON to whatever goes wrong, wherever it does. */
export const newApp = ({ tls, guard, context, intake, forwarder }: AppOptions): FastifyInstance => {
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
      logger.error(
        { event: 'request.failed', err: error, path: request.url.split('?')[0]?.slice(0, 200) },
        'a request failed',
      )
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
  const app = fastify({ ...options, ...serverOptions(tls, limits, forwarder !== undefined) })
  const routes = new RouteTable(app)
  // What a client that was cut off would never hear of is refused, not left out.
  app.server.maxHeadersCount = 0
  const pipelines = new Pipelines(limits.pipelined)
  app.addHook('onRequest', ({ raw }, reply, done) => {
    const fault = pipelines.check(raw, reply.raw)
    // One after the other: all answers to one packet at once would be kept where nobody counts them. It has the socket when its turn has come.
    if (fault !== undefined || reply.raw.socket !== null) done(fault ?? guard.check(raw))
    else reply.raw.once('socket', () => done(guard.check(raw)))
  })
  // Node would answer by itself, without a body and without asking who this is.
  app.server.on('checkExpectation', (request, response) => {
    const pipelined = pipelines.check(request, response)
    const error = pipelined ?? guard.check(request) ?? invalid('the header Expect takes 100-continue and nothing else')
    counts.error(error.code)
    desk.refused(request, error)
    const body = bodyOf(error)
    const headers = { ...headersOf(error), 'content-type': JSON_TYPE, 'content-length': Buffer.byteLength(body) }
    response.writeHead(statusOf(error), { ...headers, connection: 'close' }).end(body)
  })
  // For the routes whose answers do not end by themselves.
  app.addHook('onRoute', (route) => {
    if (!STREAM_PATHS.includes(route.url)) return
    route.onRequest = (request: FastifyRequest, reply: FastifyReply, done: (fault?: Error) => void) => {
      const held = desk.hold('streams', request.raw)
      if (isCaucusError(held)) return done(held)
      reply.raw.once('close', held)
      done()
    }
  })
  if (forwarder !== undefined) {
    // After the guard's, and before those of the route itself: whoever answers looks after its own streams.
    app.addHook('onRoute', (route) => {
      if (!OF_EACH_PEER.has(route.url) && route.config?.answersItself !== true)
        route.onRequest = [passOn(forwarder), ...[route.onRequest ?? []].flat()]
    })
  }
  app.setErrorHandler(failed)
  app.setNotFoundHandler((request, reply) => {
    const allowed = routes.allowed(request.url)
    if (allowed === undefined) return refuse(notFound('such path'), reply)
    reply.header('allow', allowed)
    refuse(new CaucusError('CAUCUS_METHOD_NOT_ALLOWED', `this path takes ${allowed}`), reply)
  })
  // Whatever it is called, a body is JSON: `curl -d` names another type.
  app.removeAllContentTypeParsers()
  app.addContentTypeParser('*', ({ raw, routeOptions }, _payload, done) => {
    intake.body(raw, desk.networkOf(raw), (fault, body = Buffer.alloc(0)) => {
      if (fault !== null) done(fault)
      else if (routeOptions.config.takesBytes === true) done(null, body)
      else if (isUtf8(body)) done(null, body.toString('utf8'))
      else done(invalid('the body is not UTF-8'))
    })
  })
  return app
}

/** What every voter answers by itself. */
const OF_EACH_PEER: ReadonlySet<string> = new Set([
  PAGE_PATH,
  ASSET_ROUTE,
  '/healthz',
  '/readyz',
  '/metrics',
  '/openapi.json',
  '/v1/leader',
  '/v1/leader/transfer',
  '/v1/peers',
  '/v1/peers/history',
  PEER_PATH,
  LINK_PATH,
])

const serverOptions = (tls: ListenOptions['tls'], limits: ServerLimits, withVoters: boolean): object => {
  const http = {
    // What a voter says about a client comes on top of what that has sent.
    maxHeaderSize: limits.headerBytes + (withVoters ? MAX_FORWARDED_LENGTH : 0),
    headersTimeout: limits.headersTimeoutMs,
    connectionsCheckingInterval: Math.min(1_000, limits.headersTimeoutMs),
    // The guard's own check answers in JSON.
    requireHostHeader: false,
  }
  if (tls === undefined) return { http }
  // Who does not get on with the handshake has no request yet whose headers could be late.
  const handshakeTimeout = limits.headersTimeoutMs
  const { files: _files, ...certificates } = tls
  return { https: { ...http, ...certificates, ...TLS, handshakeTimeout, requestCert: tls.ca !== undefined } }
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
