import type { AddressInfo, Socket } from 'node:net'
import { Server as TlsServer } from 'node:tls'
import type { FastifyInstance } from 'fastify'
import { CaucusError } from '../errors.ts'
import type { PeersHosting } from '../ports/peers.ts'
import type { TopicsHosting } from '../ports/topics-hosting.ts'
import { TopicsHost } from '../runtime/dispatch/topics-host.ts'
import { systemClocks } from '../runtime/system-clock.ts'
import { STREAM_WINDOW_BYTES } from '../wire/limits.ts'
import { Desk } from './access/desk.ts'
import { addressOf, inUrl, isLoopback, listenFault } from './address.ts'
import { newApp, TLS } from './app.ts'
import { CertificateFiles, type CertificatePaths, type Certificates } from './certificate-files.ts'
import { Connections } from './connections.ts'
import { dashboardRoutes, pageOfDemo } from './dashboard.ts'
import { type DemoControls, demoRoutes } from './demo-routes.ts'
import { roomFor } from './descriptors.ts'
import { Forwarder } from './forwarding/forwarder.ts'
import { Guard } from './guard.ts'
import { Intake } from './intake.ts'
import { Links } from './links.ts'
import { type ServerLogger, silentLogger } from './logger.ts'
import { ServerCounts } from './metrics.ts'
import { accessOf, assertPort, type ListenOptions, limitsOf, type ServerLimits } from './options.ts'
import { PeerEnds } from './peer-ends.ts'
import { rationed } from './rationed-logger.ts'
import { blocRoutes } from './routes/bloc.ts'
import type { ServerContext } from './routes/context.ts'
import { eventRoutes } from './routes/events.ts'
import { groupRoutes } from './routes/groups.ts'
import { leadershipRoutes } from './routes/leadership.ts'
import { openApiRoutes } from './routes/openapi.ts'
import { operationRoutes } from './routes/operations.ts'
import { serviceRoutes } from './routes/services.ts'
import { topicAskRoutes } from './routes/topic-asks.ts'
import { topicRoutes } from './routes/topics.ts'
import { Tenure } from './tenure.ts'
import { Upgrades } from './web-socket.ts'

/** A server that takes requests. */
export interface Listening {
  /** As clients write it, without a slash at the end. */
  readonly url: string
  readonly port: number
  /**
   * Resolves once no connection is left. With `drain` (the default) what is under way is answered first, for `drainMs` at most; called
   * again without it, everything is cut at once. The coordinator runs on: it is its owner's to close.
   */
  close(options?: { readonly drain?: boolean }): Promise<void>
}

/**
 * Serves a coordinator over HTTP and WebSocket. Resolves once it listens.
 *
 * Rejects with `CAUCUS_INVALID_CONFIG` when it would be open to everybody or cannot listen there, and with `CAUCUS_CONFLICT` when somebody
 * else already does.
 */
export const listen = (options: ListenOptions): Promise<Listening> => listenFor(options)

/** The same; with `demo`, a server of a demo, whose page has buttons for it. Such a one is only for its own machine. */
export const listenFor = async (options: ListenOptions, demo?: DemoControls): Promise<Listening> => {
  const { host = '127.0.0.1', port } = options
  assertPort(port)
  const access = accessOf(options)
  const withCertificates = options.tls?.ca !== undefined
  const closed = !access.open || withCertificates
  const address = await addressOf(host)
  const loopback = isLoopback(address)
  if (!loopback && !closed && options.insecure !== true) throw openToAll(host)
  if (!loopback && demo !== undefined) {
    throw new CaucusError('CAUCUS_INVALID_CONFIG', `a server of the demo listens on loopback alone, not on ${host}`)
  }
  const secure = options.tls !== undefined
  const clock = systemClocks.grantor
  const {
    hosting,
    peers,
    logger: given = silentLogger,
    audit = (entry) => given.info({ event: 'audit.recorded', ...entry }, 'audit'),
  } = options
  const logger = rationed(given, () => clock.now())
  const asked = limitsOf(options.limits).connections
  // What a voter passes on has another connection at its other end.
  const { connections, told } = roomFor(asked, { ends: options.peers === undefined ? 1 : 2 })
  const limits = limitsOf({ ...options.limits, connections })
  // A few less than there may be are nothing to worry about.
  if (connections < asked / 2) {
    const advice =
      'this process may not have more files open, and takes fewer connections; raise that limit (ulimit -n)'
    logger.warn({ event: 'connections.limited', connections, asked }, advice)
  }
  if (access.namesCertificates && !withCertificates) {
    logger.warn(
      { event: 'identities.ignored' },
      'entries with "identity" let nobody in: without --tls-ca no certificates are asked for',
    )
  }
  const desk = new Desk({
    access,
    hosting,
    limits,
    withCertificates,
    ...(peers !== undefined && { voters: () => othersOf(peers) }),
    write: audit,
    now: () => clock.now(),
    wallMs: () => Date.now(),
  })
  const guard = new Guard({ loopback, host, closed, desk, secure, urlBytes: limits.urlBytes, headers: limits.headers })
  const server = new HttpServer(options, { limits, told, guard, desk, logger, demo })
  const bound = await server.listen(address, port, host)
  return {
    url: `${secure ? 'https' : 'http'}://${inUrl(host)}:${bound}`,
    port: bound,
    close: ({ drain = true } = {}) => server.close(drain),
  }
}

/** The other voters; of one alone itself, since observers pass on what they are asked there, too. */
const othersOf = (peers: PeersHosting): readonly string[] => {
  const voters = peers.view().peers
  return (voters.length > 1 ? voters.filter(({ self }) => !self) : voters).map(({ identifier }) => identifier)
}

const openToAll = (host: string): CaucusError =>
  new CaucusError(
    'CAUCUS_INVALID_CONFIG',
    `${host} can be reached from other machines: give a token (--token-file), ask for certificates (--tls-ca), or say that everybody may do everything (--insecure)`,
    { details: { host } },
  )

/** The topics of a server that was given none. */
const ownTopics = ({ topicsLimits, onTopicsFault }: ListenOptions, logger: ServerLogger): TopicsHosting =>
  new TopicsHost({
    clock: systemClocks.grantor,
    limits: { streamWindowBytes: STREAM_WINDOW_BYTES, ...topicsLimits },
    onFault: (error) => {
      logger.error({ event: 'topics.failed', err: error }, 'the topics failed, and nothing is dispatched any more')
      if (onTopicsFault !== undefined) return onTopicsFault(error)
      queueMicrotask(() => {
        throw error
      })
    },
  })

interface Parts {
  readonly limits: ServerLimits
  readonly told: number
  readonly guard: Guard
  readonly desk: Desk
  readonly logger: ServerLogger
  readonly demo: DemoControls | undefined
}

class HttpServer {
  readonly #app: FastifyInstance
  readonly #links: Links
  readonly #peers: PeerEnds | undefined
  readonly #guard: Guard
  readonly #limits: ServerLimits
  readonly #tenure = new Tenure()
  readonly #connections: Connections
  readonly #forwarder: Forwarder | undefined
  readonly #unwatch: () => void
  readonly #unobserve: () => void
  readonly #closeTopics: () => void
  readonly #certificates: CertificateFiles | undefined
  #closed: Promise<void> | undefined

  constructor(options: ListenOptions, parts: Parts) {
    const { hosting, version, meter, pollGroup, tls, peers } = options
    const { limits, told, guard, desk, logger } = parts
    const clock = systemClocks.grantor
    const counts = new ServerCounts()
    const topics = options.topics ?? peers?.topics ?? ownTopics(options, logger)
    // Those of somebody else are somebody else's to close.
    const areOwn = options.topics === undefined && peers === undefined
    this.#closeTopics = areOwn ? () => topics.close() : () => undefined
    this.#unobserve = topics.observe(counts.asked)
    this.#limits = limits
    this.#guard = guard
    const tenure = this.#tenure
    const context: ServerContext = {
      hosting,
      topics,
      peers,
      desk,
      limits,
      counts,
      logger,
      version,
      meter,
      get stopping() {
        return tenure.signal
      },
      connections: () => this.#connections.size,
    }
    this.#links = new Links({ hosting, topics, limits, counts, logger, clock })
    this.#forwarder =
      peers && new Forwarder({ peers, desk, limits, counts, clock, lostSeat: () => this.#lostSeat(desk) })
    const forwarder = this.#forwarder
    const intake = new Intake({ limits, counts })
    this.#app = newApp({ tls, guard, context, intake, forwarder })
    const withVoters = peers !== undefined
    const { quotas } = desk
    this.#connections = new Connections({ server: this.#app.server, limits, told, guard, quotas, withVoters, counts })
    this.#peers = peers && new PeerEnds(peers, clock, limits.pingMs)
    const voter = this.#peers &&
      forwarder && {
        ends: this.#peers,
        forwarder,
        countAs: (network: string, socket: Socket) => this.#connections.countAs(network, socket),
      }
    const upgrades = new Upgrades({ links: this.#links, voter, guard, desk, limits, counts, intake })
    this.#unwatch = desk.watch(() => this.#review())
    this.#certificates = tls?.files && this.#follow(tls.files, tls, parts)
    this.#app.server.on('upgrade', (request, socket, head) => upgrades.take(request, socket, head))
    // Before those that are described: neither what a browser shows nor what a demo can do is a part of the interface.
    if (parts.demo === undefined) dashboardRoutes(this.#app)
    else {
      dashboardRoutes(this.#app, pageOfDemo)
      demoRoutes(this.#app, parts.demo, context)
    }
    this.#serve(context, pollGroup, forwarder)
  }

  #serve(context: ServerContext, pollGroup: string | undefined, forwarder: Forwarder | undefined): void {
    openApiRoutes(this.#app, context)
    if (pollGroup !== undefined) blocRoutes(this.#app, { ...context, pollGroup })
    groupRoutes(this.#app, context)
    eventRoutes(this.#app, context)
    serviceRoutes(this.#app, context)
    topicRoutes(this.#app, context)
    topicAskRoutes(this.#app, context)
    operationRoutes(this.#app, context)
    if (forwarder !== undefined) leadershipRoutes(this.#app, { ...context, forwarder })
  }

  /** What was begun under this peer ends: what it hosts is another one's, or nobody's. */
  #lostSeat(desk: Desk): void {
    const error = new CaucusError(
      'CAUCUS_NOT_LEADER',
      'this peer does not lead any more; ask again, it passes on to whoever does',
    )
    this.#links.sendAway('CAUCUS_NOT_LEADER: this peer does not lead any more')
    this.#tenure.end(error)
    desk.ownership.forget()
  }

  #review(): number {
    return this.#links.review() + (this.#peers?.review() ?? 0) + (this.#forwarder?.review() ?? 0)
  }

  #follow(paths: CertificatePaths, inForce: Certificates, { desk, logger }: Parts): CertificateFiles {
    const server: object = this.#app.server
    const changed = (certificates: Certificates) => {
      if (server instanceof TlsServer) server.setSecureContext({ ...certificates, ...TLS })
      const message = 'a new certificate, key or authority is in force'
      desk.audit.record({ action: 'reload', outcome: 'done', message })
      logger.info({ event: 'certificate.replaced', ...paths }, message)
    }
    const failed = (problem: string) => {
      const message = `the certificate stays as it was, because its files cannot be taken: ${problem}`
      desk.access.failed(message)
      logger.error({ event: 'certificate.rejected', ...paths }, message)
    }
    return new CertificateFiles({ paths, inForce, clock: systemClocks.grantor, changed, failed })
  }

  async listen(address: string, port: number, host: string): Promise<number> {
    try {
      // Exclusive: in a worker of Node's cluster it would be shared out among all workers, and each answer be another coordinator's.
      await this.#app.listen({ host: address, port, backlog: 1_024, exclusive: true })
    } catch (error) {
      await this.close(false)
      throw listenFault(error, host, port)
    }
    return (this.#app.server.address() as AddressInfo).port
  }

  close(drain: boolean): Promise<void> {
    this.#closed ??= this.#close()
    if (!drain) this.#cutAll()
    return this.#closed
  }

  async #close(): Promise<void> {
    this.#guard.closing = true
    this.#tenure.close(new CaucusError('CAUCUS_CLOSED', 'this server is stopping; ask again later'))
    this.#links.close()
    this.#forwarder?.close()
    this.#peers?.close()
    const limit = setTimeout(() => this.#cutAll(), this.#limits.drainMs)
    // A connection that was busy when closing began is kept alive once it has its answer, though nobody may use it any more.
    const idle = setInterval(() => this.#app.server.closeIdleConnections(), 20)
    try {
      await this.#app.close()
    } finally {
      clearTimeout(limit)
      clearInterval(idle)
      this.#connections.close()
      this.#forwarder?.terminate()
      this.#closeTopics()
      this.#unobserve()
      this.#unwatch()
      this.#certificates?.close()
    }
  }

  #cutAll(): void {
    this.#links.terminate()
    this.#forwarder?.terminate()
    this.#peers?.terminate()
    this.#connections.cutAll()
  }
}
