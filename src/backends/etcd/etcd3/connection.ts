import { ConnectionPool } from 'etcd3/lib/connection-pool.js'
import type { Instant, Millis } from '../../../core/time.ts'
import type { Clock, Timer } from '../../../ports/clock.ts'
import { cutOff, isSaidByEtcd, unanswered, unreached } from './failure.ts'
import type { Address, CheckedEngine } from './options.ts'
import { probe } from './probe.ts'

const SERVICES = ['KV', 'Lease', 'Watch', 'Auth'] as const
export type ServiceName = (typeof SERVICES)[number]

const openService = (pool: ConnectionPool, service: ServiceName) => pool.withConnection(service, (opened) => opened)

/** What etcd3 gives for one service at one endpoint: the bare gRPC client, without its retries, its breakers and its login. */
type Opened = Awaited<ReturnType<typeof openService>>

/** The methods that gRPC makes of a service's description, which has no types. */
type Unary = (
  request: object,
  metadata: Opened['metadata'],
  options: object,
  done: (error: unknown, answer: unknown) => void,
) => { cancel(): void }
type Duplex = (metadata: Opened['metadata']) => {
  write(message: object): boolean
  cancel(): void
  on(event: 'data' | 'error' | 'end', hear: (what: unknown) => void): unknown
}

/** What a stream tells; nothing after `ended`, and nothing at all once it is cancelled. */
export interface StreamSink<Message> {
  heard(message: Message): void
  ended(error: unknown): void
}

export interface OpenStream<Request> {
  write(request: Request): void
  cancel(): void
}

export interface Asking {
  /** For error messages. */
  readonly what: string
  /** By when to give up. */
  readonly until: Instant
  /** How long to wait for this answer before somebody else is asked. A connection without any word since is given up then. */
  readonly tryMs: Millis
  /**
   * After that: `silence` waits on where anything else was heard from there, since there is nobody else to ask. `never` waits until the
   * end, since asking for it twice would be wrong.
   */
  readonly givesUp: 'early' | 'silence' | 'never'
  readonly token: string | undefined
}

/** gRPC's connectivity states. */
const READY = 2
const SHUTDOWN = 4

/** Connections with equal options share a socket in gRPC: each of ours has a name of its own, so that closing it closes it. */
let opened = 0

/**
 * One HTTP/2 connection to one member of etcd, for all services. It is used while it stands and never mended: whoever needs it after that
 * makes another one.
 */
export class Connection {
  readonly address: Address
  readonly #clock: Clock
  readonly #clients: ReadonlyMap<ServiceName, Opened>
  readonly #streams = new Set<(error: unknown) => void>()
  readonly #calls = new Set<{ cancel(): void }>()
  #heardAt: Instant
  #isOver = false

  private constructor(address: Address, clock: Clock, clients: ReadonlyMap<ServiceName, Opened>) {
    this.address = address
    this.#clock = clock
    this.#clients = clients
    this.#heardAt = clock.now()
  }

  /** Resolves once it stands; rejects with `CAUCUS_UNAVAILABLE` and why. */
  static async open(address: Address, options: CheckedEngine, withinMs: Millis, signal: AbortSignal) {
    const { tls, secure, clock } = options
    const until = clock.now() + withinMs
    const why = await probe(address.url, secure ? (tls ?? {}) : undefined, clock, withinMs, signal)
    if (why !== undefined) throw unreached(why)
    opened += 1
    const pool = new ConnectionPool({
      hosts: address.url,
      ...(secure && tls !== undefined && { credentials: credentialsOf(tls) }),
      grpcOptions: {
        'grpc.primary_user_agent': `caucus/${opened}`,
        'grpc.enable_http_proxy': 0,
        'grpc.service_config_disable_resolution': 1,
        'grpc.max_receive_message_length': -1,
      },
    })
    const clients = new Map<ServiceName, Opened>()
    for (const service of SERVICES) {
      const client = await openService(pool, service)
      // A member that has lost the others says so at once then, instead of waiting for them.
      client.metadata.set('hasleader', 'true')
      clients.set(service, client)
    }
    const connection = new Connection(address, clock, clients)
    try {
      await connection.#standing(until, signal)
    } catch (error) {
      connection.close('it never stood')
      throw error
    }
    return connection
  }

  get isOver(): boolean {
    return this.#isOver
  }

  /** Whether nothing at all has come from there since. */
  isSilentSince(instant: Instant): boolean {
    return this.#heardAt <= instant
  }

  /** Rejects with gRPC's own error, or with `CAUCUS_UNAVAILABLE` when it was not sent, `CAUCUS_TIMEOUT` when nothing came. */
  ask<Answer>(service: ServiceName, method: string, request: object, asking: Asking): Promise<Answer> {
    const { what, until, tryMs, givesUp, token } = asking
    return new Promise((resolve, reject) => {
      if (this.#isOver) return reject(unreached(`the connection to ${this.address.url} is over`))
      const { client, metadata } = this.#with(service, token)
      const unary: Unary = Reflect.get(client, method)
      const sentAt = this.#clock.now()
      let timer: Timer | undefined
      const call = unary.call(client, request, metadata, {}, (error, answer) => {
        timer?.clear()
        this.#calls.delete(call)
        const failed = error !== null && error !== undefined
        if (!failed || isSaidByEtcd(error)) this.#heardAt = this.#clock.now()
        if (failed) reject(error)
        else resolve(answer as Answer)
      })
      this.#calls.add(call)
      const wait = (at: Instant) => {
        // Looked at after a poll: this process may be the one that stood still, and the answer lie in our socket.
        const look = () => {
          timer = this.#clock.turn(overdue)
        }
        timer = this.#clock.setTimer(at, look)
      }
      const overdue = () => {
        const now = this.#clock.now()
        const silent = this.isSilentSince(sentAt)
        if (now < until && (givesUp === 'never' || (givesUp === 'silence' && !silent))) {
          if (silent) this.close('it fell silent')
          return wait(until)
        }
        reject(unanswered(what, `${this.address.url} said nothing for ${Math.round(now - sentAt)} ms`))
        call.cancel()
        if (silent) this.close('it fell silent')
      }
      wait(Math.min(sentAt + tryMs, until))
    })
  }

  /** A stream in both directions, without an end of its own. */
  stream<Request extends object, Message>(
    service: 'Watch' | 'Lease',
    method: string,
    token: string | undefined,
    sink: StreamSink<Message>,
  ): OpenStream<Request> {
    if (this.#isOver) throw unreached(`the connection to ${this.address.url} is over`)
    const { client, metadata } = this.#with(service, token)
    const duplex: Duplex = Reflect.get(client, method)
    const stream = duplex.call(client, metadata)
    const end = (error: unknown) => {
      if (!this.#streams.delete(end)) return
      stream.cancel()
      sink.ended(error)
    }
    this.#streams.add(end)
    stream.on('data', (message) => {
      this.#heardAt = this.#clock.now()
      // Not what was under way when it was cancelled.
      if (this.#streams.has(end)) sink.heard(message as Message)
    })
    // It stays after the end as well: a cancelled stream says that it is.
    stream.on('error', end)
    stream.on('end', () => end(cutOff('what is streamed', `${this.address.url} ended it`)))
    return {
      write: (request) => {
        if (this.#streams.has(end)) stream.write(request)
      },
      cancel: () => {
        if (this.#streams.delete(end)) stream.cancel()
      },
    }
  }

  /** Streams end at once; calls that were sent still get what comes. */
  close(why: string): void {
    if (this.#isOver) return
    this.#isOver = true
    for (const end of [...this.#streams]) end(cutOff('what is streamed', `${this.address.url}: ${why}`))
    for (const { client } of this.#clients.values()) client.close()
  }

  /** As `close`, and nobody waits for anything any more. */
  abandon(): void {
    this.close('it was closed')
    for (const call of [...this.#calls]) call.cancel()
  }

  #with(service: ServiceName, token: string | undefined): Opened {
    const found = this.#clients.get(service)
    if (found === undefined) throw new Error(`there is no client for ${service}`)
    // gRPC takes a copy of it for each call.
    if (token === undefined) return found
    const metadata = found.metadata.clone()
    metadata.set('token', token)
    return { ...found, metadata }
  }

  #standing(until: Instant, signal: AbortSignal): Promise<void> {
    const channel = this.#with('KV', undefined).client.getChannel()
    return new Promise((resolve, reject) => {
      const end = (why?: string) => {
        timer.clear()
        signal.removeEventListener('abort', aborted)
        if (why === undefined) resolve()
        else reject(unreached(`${this.address.url} ${why}`))
      }
      const aborted = () => end('was closed')
      const timer = this.#clock.setTimer(until, () => this.#clock.turn(() => end('does not answer')))
      signal.addEventListener('abort', aborted)
      const look = () => {
        if (this.#isOver) return
        const state = channel.getConnectivityState(true)
        if (state === SHUTDOWN) return end('was closed')
        if (state !== READY) return channel.watchConnectivityState(state, Number.POSITIVE_INFINITY, look)
        end()
        channel.watchConnectivityState(READY, Number.POSITIVE_INFINITY, () => this.close('the connection was lost'))
      }
      look()
    })
  }
}

type Credentials = NonNullable<ConstructorParameters<typeof ConnectionPool>[0]['credentials']>

/** Without a `ca` it is whom Node trusts, which etcd3 allows and its types do not. */
const credentialsOf = ({ ca, cert, key }: NonNullable<CheckedEngine['tls']>): Credentials => {
  const given: Partial<Credentials> = {
    ...(ca !== undefined && { rootCertificate: Buffer.from(ca) }),
    ...(key !== undefined && { privateKey: Buffer.from(key) }),
    ...(cert !== undefined && { certChain: Buffer.from(cert) }),
  }
  return given as Credentials
}
