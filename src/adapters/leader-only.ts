import { request as ask, type IncomingMessage, type ServerResponse } from 'node:http'
import { request as askSecurely } from 'node:https'
import { CaucusError } from '../errors.ts'

/** Who leads, as far as a web server needs to know it. */
export interface LeaderInfo {
  readonly host: string
  readonly port: number
  readonly identifier: string
  readonly metadata: unknown
}

/** A `Cluster`, or a `QCluster`. */
export type LeaderSource =
  | { readonly isLeader: boolean; readonly leader: LeaderInfo | undefined }
  | { isLeader(): boolean; getLeaderInfo(): LeaderInfo | null }

export interface LeaderOnlyOptions {
  /**
   * What becomes of a request that arrives elsewhere: `redirect` (default) answers 307 with the leader's address, `forward` passes it on and
   * its answer back, `refuse` answers 503. While nobody leads it is 503 in any case.
   */
  readonly otherwise?: 'redirect' | 'forward' | 'refuse'
  /** Where the leader's own web server is. Default: `http://HOST:` and the `server_port` of its metadata. */
  readonly urlOf?: (leader: LeaderInfo) => string | undefined
}

/** Node's own two, those of Express, or those of Fastify, which have Node's under `raw`. */
export type LeaderOnlyRequest = (IncomingMessage & { originalUrl?: string }) | { readonly raw: IncomingMessage }
export type LeaderOnlyResponse = ServerResponse | { readonly raw: ServerResponse; hijack(): unknown }

export type LeaderOnly = (request: LeaderOnlyRequest, response: LeaderOnlyResponse, next: () => void) => void

const WAYS = ['redirect', 'forward', 'refuse']
/** Whoever passes a request on says so: two that each take the other for the leader must not pass it to and fro. */
const FORWARDED = 'x-caucus-forwarded'
/** They are about one connection, and not about what it carries. */
const OF_A_CONNECTION = ['connection', 'keep-alive', 'te', 'transfer-encoding', 'upgrade', 'proxy-connection']

/**
 * Lets requests through on the leader only, compared with the clock at each: `app.use(leaderOnly(cluster))` in Express, and
 * `app.addHook('onRequest', leaderOnly(cluster))` in Fastify. To forward, it has to come before whatever reads bodies.
 */
export const leaderOnly = (source: LeaderSource, options: LeaderOnlyOptions = {}): LeaderOnly => {
  const { otherwise = 'redirect', urlOf = webServerOf } = options
  if (!WAYS.includes(otherwise)) {
    throw new CaucusError('CAUCUS_INVALID_ARGUMENT', `leaderOnly({ otherwise }) takes one of ${WAYS.join(', ')}`)
  }
  return (request, response, next) => {
    if (leads(source)) return next()
    const incoming = 'raw' in request ? request.raw : request
    if ('hijack' in response) response.hijack()
    const outgoing = 'raw' in response ? response.raw : response
    const leader = leaderOf(source)
    const url = leader && urlOf(leader)
    if (leader === undefined) refuse(outgoing, new CaucusError('CAUCUS_NO_QUORUM', 'nobody leads now; try again'))
    else if (url === undefined || otherwise === 'refuse') refuse(outgoing, notHere(leader))
    else {
      const path = ('originalUrl' in request ? request.originalUrl : undefined) ?? incoming.url ?? '/'
      // What stands there may be a whole URL of somebody's choice.
      const target = `${url.replace(/\/+$/, '')}${path.startsWith('/') ? path : '/'}`
      if (otherwise === 'redirect') outgoing.writeHead(307, { location: target, 'cache-control': 'no-store' }).end()
      else forward(incoming, outgoing, target, leader)
    }
  }
}

const leads = (source: LeaderSource): boolean =>
  typeof source.isLeader === 'function' ? source.isLeader() : source.isLeader

const leaderOf = (source: LeaderSource): LeaderInfo | undefined =>
  'getLeaderInfo' in source ? (source.getLeaderInfo() ?? undefined) : source.leader

const webServerOf = ({ host, metadata }: LeaderInfo): string | undefined => {
  const { server_port: port } = (metadata ?? {}) as { readonly server_port?: unknown }
  return typeof port === 'number' ? `http://${host.includes(':') ? `[${host}]` : host}:${port}` : undefined
}

const notHere = ({ identifier, host, port }: LeaderInfo): CaucusError =>
  new CaucusError('CAUCUS_NOT_LEADER', `only the leader takes this, and that is ${identifier}`, {
    details: { identifier, host, port },
  })

const refuse = (response: ServerResponse, error: CaucusError): void => {
  if (response.headersSent) return void response.destroy()
  response.writeHead(503, { 'content-type': 'application/json', 'retry-after': '1' }).end(JSON.stringify({ error }))
}

const forward = (incoming: IncomingMessage, outgoing: ServerResponse, target: string, leader: LeaderInfo): void => {
  if (incoming.headers[FORWARDED] !== undefined) return refuse(outgoing, notHere(leader))
  const headers = { ...carried(incoming.headers), [FORWARDED]: '1' }
  const send = target.startsWith('https:') ? askSecurely : ask
  const onward = send(target, { method: incoming.method, headers }, (answer) => {
    outgoing.writeHead(answer.statusCode ?? 502, carried(answer.headers))
    answer.pipe(outgoing)
    answer.on('error', () => outgoing.destroy())
  })
  onward.on('error', (cause) => {
    const message = `${leader.identifier}, who leads, could not be reached: ${cause.message}`
    // It may have been done there: whoever asked has to know that.
    refuse(outgoing, new CaucusError('CAUCUS_CONNECTION_LOST', message, { cause }))
  })
  // Nobody waits for the answer any more.
  outgoing.on('close', () => onward.destroy())
  incoming.pipe(onward)
}

const carried = (headers: IncomingMessage['headers']): IncomingMessage['headers'] =>
  Object.fromEntries(Object.entries(headers).filter(([name]) => !OF_A_CONNECTION.includes(name)))
