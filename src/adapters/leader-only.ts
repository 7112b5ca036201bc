import { CaucusError } from '../errors.ts'
import { forward } from './forward.ts'
import {
  baseOf,
  FORWARDED,
  incomingOf,
  locationOf,
  outgoingOf,
  pathOf,
  refuse,
  type WebRequest,
  type WebResponse,
} from './web.ts'

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

/** What becomes of requests that arrive at somebody who does not lead. */
export interface LeaderOnlyOptions {
  /**
   * What becomes of a request that arrives elsewhere: `redirect` (default) answers 307 with the leader's address, `forward` passes it on and
   * its answer back, `refuse` answers 503. While nobody leads it is 503 in any case.
   */
  readonly otherwise?: 'redirect' | 'forward' | 'refuse'
  /** Where the leader's own web server is. Default: `http://HOST:` and the `server_port` of its metadata. */
  readonly urlOf?: (leader: LeaderInfo) => string | undefined
}

/** A middleware of Express, Connect or `node:http`, and an `onRequest` hook of Fastify. */
export type LeaderOnly = (request: WebRequest, response: WebResponse, next: () => void) => void

const WAYS = ['redirect', 'forward', 'refuse']
/** How long a leader may be silent before its answer begins. */
const SILENCE_MS = 60_000

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
    const incoming = incomingOf(request)
    const outgoing = outgoingOf(response)
    const leader = leaderOf(source)
    const base = leader && baseOf(urlOf(leader))
    if (leader === undefined) refuse(outgoing, new CaucusError('CAUCUS_NO_QUORUM', 'nobody leads now; try again'))
    else if (base === undefined || otherwise === 'refuse') refuse(outgoing, notHere(leader))
    else if (otherwise === 'redirect') {
      const location = locationOf(base, pathOf(request))
      outgoing.writeHead(307, { location, 'cache-control': 'no-store' }).end()
    } else if (incoming.headers[FORWARDED] !== undefined) refuse(outgoing, notHere(leader))
    else {
      const { identifier } = leader
      const who = `${identifier}, who leads,`
      const onward = { path: pathOf(request), who, silenceMs: SILENCE_MS, maxBodyBytes: Number.POSITIVE_INFINITY }
      void forward(incoming, outgoing, { ...onward, base, headers: { [FORWARDED]: '1' } }).then((came) => {
        if (came === 'unreachable') refuse(outgoing, unreachable(who))
      })
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

const unreachable = (who: string): CaucusError =>
  new CaucusError('CAUCUS_UNAVAILABLE', `${who} could not be reached; nothing was done`)
