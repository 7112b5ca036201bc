import { DEFAULT_RATES, type QuotaLimits, type RateLimits, type SharedLimits } from '../config/rates.ts'
import { CaucusError } from '../errors.ts'
import type { CoordinatorHosting } from '../ports/hosting.ts'
import type { PeersHosting } from '../ports/peers.ts'
import type { TopicsHosting } from '../ports/topics-hosting.ts'
import type { TopicsLimits } from '../runtime/dispatch/topics-host-limits.ts'
import { MAX_FRAME_BYTES } from '../wire/limits.ts'
import { Access } from './access/access.ts'
import type { AuditSink } from './access/audit.ts'
import type { CertificatePaths, Certificates } from './certificate-files.ts'
import type { ServerLogger } from './logger.ts'
import type { Meter } from './meter.ts'

/** What a server takes from one peer and from all of them (docs/limits.md). Beyond it the peer is told so, and others are undisturbed. */
export interface ServerLimits extends RateLimits, QuotaLimits, SharedLimits {
  readonly bodyBytes: number
  /** Of the request line and all headers together. */
  readonly headerBytes: number
  /** How many lines of headers. */
  readonly headers: number
  readonly urlBytes: number
  /** Requests of one connection that wait for the answers to those before them. */
  readonly pipelined: number
  readonly frameBytes: number
  /** In how many pieces a frame may come. */
  readonly frameFragments: number
  /** Pings and pongs of one link. */
  readonly controlsPerSecond: number
  readonly controlsBurst: number
  /** Of all bodies and frames that have begun to arrive and are not whole yet: in all, and from one address. */
  readonly arrivingBytes: number
  readonly arrivingBytesPerAddress: number
  /** Of one of them: as much is taken in any case. */
  readonly arrivingBytesEach: number
  /** Of all that was written and that nobody has read yet. Beyond it those with the most are cut. */
  readonly waitingBytes: number
  /** How much may wait in a link that its client does not read. */
  readonly linkBufferBytes: number
  /** The same of a link that asks or answers on topics. */
  readonly topicsBufferBytes: number
  /** How long a request may take to arrive: its headers, and all of it. */
  readonly headersTimeoutMs: number
  readonly requestTimeoutMs: number
  /** For how long a client may read nothing of what waits for it. */
  readonly silenceMs: number
  /** How long a connection may be idle between two requests. Longer than any sensible poll interval. */
  readonly keepAliveMs: number
  /** How often a silent link is asked whether it is still there; after three such times it is cut. */
  readonly pingMs: number
  readonly streamHeartbeatMs: number
  /** How long `close` waits for what is under way. */
  readonly drainMs: number
}

/** What a server bears without settings of its own. Bytes and milliseconds are in the names; the others are counts (docs/limits.md). */
export const DEFAULT_LIMITS: ServerLimits = Object.freeze({
  bodyBytes: 2 ** 20,
  headerBytes: 16_384,
  headers: 256,
  urlBytes: 8_192,
  connections: 20_000,
  pipelined: 16,
  streams: 1_000,
  frameBytes: MAX_FRAME_BYTES,
  frameFragments: 1_024,
  controlsPerSecond: 1_000,
  controlsBurst: 5_000,
  arrivingBytes: 256 * 2 ** 20,
  arrivingBytesPerAddress: 192 * 2 ** 20,
  arrivingBytesEach: 16_384,
  waitingBytes: 256 * 2 ** 20,
  linkBufferBytes: 4 * 2 ** 20,
  topicsBufferBytes: 16 * 2 ** 20,
  headersTimeoutMs: 10_000,
  requestTimeoutMs: 30_000,
  silenceMs: 30_000,
  keepAliveMs: 72_000,
  pingMs: 10_000,
  streamHeartbeatMs: 15_000,
  drainMs: 5_000,
  // Three quarters of what there is: ten thousand members behind one address with one token have their links, and others find a place.
  connectionsPerAddress: 15_000,
  linksPerIdentity: 15_000,
  streamsPerIdentity: 750,
  streamsPerAddress: 750,
  ...DEFAULT_RATES,
})

/** The certificate that a server shows, its key, and, with `ca`, whose certificates clients must show. */
export interface TlsSettings extends Certificates {
  /** Where these stand: read again when they change. Without it they stay as they are. */
  readonly files?: CertificatePaths | undefined
}

/** Of a server: what it serves, where, to whom, and how much of it. */
export interface ListenOptions {
  readonly hosting: CoordinatorHosting
  /** Default `127.0.0.1`. Beyond loopback only with `token`, `access`, `tls.ca` or `insecure`. */
  readonly host?: string
  /** 0 takes any free port. */
  readonly port: number
  /** The group of bloc's two routes; without it they are not served. It is the one that `hosting` polls. */
  readonly pollGroup?: string | undefined
  /** Required as a bearer token on every route but `/healthz`. Of several each is accepted, and each may do everything. */
  readonly token?: string | readonly string[] | undefined
  /** Instead of `token`: who may do what. It may be replaced while the server runs. */
  readonly access?: Access | undefined
  /** PEM texts. With `ca`, clients must show a certificate that it signed; its name says who they are. */
  readonly tls?: TlsSettings | undefined
  /** The operator's word that everybody who can reach the address may do everything. */
  readonly insecure?: boolean | undefined
  readonly limits?: Partial<ServerLimits> | undefined
  /**
   * The voter that runs here, whose groups are `hosting`. With one, this server serves them while that voter leads, and passes on to whoever
   * does at any other time.
   */
  readonly peers?: PeersHosting | undefined
  /** What processes ask and answer through this server. Default: those of `peers`, or the server's own, within `topicsLimits`. */
  readonly topics?: TopicsHosting | undefined
  readonly topicsLimits?: Partial<TopicsLimits> | undefined
  /** A fault of the server's own topics: nothing is dispatched any more. Default: it is thrown where nobody can miss it. */
  onTopicsFault?(error: unknown): void
  /** Of the package, as `/healthz` says it. */
  readonly version: string
  readonly logger?: ServerLogger | undefined
  /** Where lines of the audit log go. Default: the logger. */
  readonly audit?: AuditSink | undefined
  /** Whose numbers `/metrics` shows besides the server's own: the one that the coordinator tells. */
  readonly meter?: Meter | undefined
}

/** Who may do what; without a token, everybody everything. */
export const accessOf = ({ token, access }: ListenOptions): Access => {
  if (access !== undefined && token !== undefined) {
    throw new CaucusError('CAUCUS_INVALID_CONFIG', 'token and access say the same thing twice; give one of them')
  }
  if (access !== undefined) return access
  if (token === undefined) return new Access()
  const tokens = typeof token === 'string' ? [token] : token
  if (tokens.length > 0) return Access.ofTokens(tokens)
  throw new CaucusError(
    'CAUCUS_INVALID_CONFIG',
    'an empty list of tokens would open the server; leave token out for that',
  )
}

export const assertPort = (port: number): void => {
  if (Number.isInteger(port) && port >= 0 && port <= 65_535) return
  throw new CaucusError('CAUCUS_INVALID_CONFIG', `the port is ${port}; give one from 0 (any free port) to 65535`)
}

/** Whoever has more, or less, of something for all, and does not say how much of it is for each, has the same part of it for each. */
export const limitsOf = (given: Partial<ServerLimits> = {}): ServerLimits => {
  const limits = { ...DEFAULT_LIMITS, ...given }
  const { connections, streams, arrivingBytes } = limits
  return {
    ...limits,
    arrivingBytesPerAddress: given.arrivingBytesPerAddress ?? partOf(arrivingBytes),
    connectionsPerAddress: given.connectionsPerAddress ?? partOf(connections),
    linksPerIdentity: given.linksPerIdentity ?? partOf(connections),
    streamsPerIdentity: given.streamsPerIdentity ?? partOf(streams),
    streamsPerAddress: given.streamsPerAddress ?? partOf(streams),
  }
}

const partOf = (all: number): number => Math.max(1, Math.ceil((all * 3) / 4))
