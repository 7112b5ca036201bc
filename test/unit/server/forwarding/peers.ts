import { once } from 'node:events'
import { type ClientRequest, type IncomingHttpHeaders, type IncomingMessage, request } from 'node:http'
import { request as securely } from 'node:https'
import { connect, type Socket } from 'node:net'
import type { LeadershipPast } from '../../../../src/core/election/past.ts'
import { CaucusError, type ErrorBody } from '../../../../src/errors.ts'
import type { CoordinatorHosting } from '../../../../src/ports/hosting.ts'
import type {
  LeadingPeer,
  PeerAddressed,
  PeerCredentials,
  PeersHosting,
  PeersView,
  Seat,
} from '../../../../src/ports/peers.ts'
import type { TlsOptions } from '../../../../src/ports/socket.ts'
import type { TopicsHosting } from '../../../../src/ports/topics-hosting.ts'
import { hostCoordinator } from '../../../../src/runtime/coordinator-host.ts'
import { TopicsHost } from '../../../../src/runtime/dispatch/topics-host.ts'
import { systemClocks } from '../../../../src/runtime/system-clock.ts'
import { listen } from '../../../../src/server/listen.ts'
import type { ListenOptions } from '../../../../src/server/options.ts'
import { memoryStore } from '../../../../src/stores/memory-store.ts'
import { SimulatedClock } from '../../../../src/testing/simulated-clock.ts'
import { STREAM_WINDOW_BYTES } from '../../../../src/wire/limits.ts'
import { SETTINGS } from '../harness.ts'

const fail = (error: unknown): void => {
  throw error
}

/** Groups under a clock of the test. */
export const testCoordinator = (clock: SimulatedClock): Promise<CoordinatorHosting> =>
  hostCoordinator({
    clock,
    wallMs: () => 1_700_000_000_000,
    store: memoryStore({ instanceId: 'cluster-1' }),
    defaults: SETTINGS,
    fresh: true,
    poll: { group: 'default', timeoutMs: 4_000, settleMs: 1_000, settleCapMs: 5_000, pollIntervalMs: 500 },
    limits: { groups: 10, membersPerGroup: 20_000 },
    onFault: fail,
  })

/** A voter whose seat is wherever the test says. */
export class FakePeers implements PeersHosting {
  readonly guarantees = { exclusion: 'leased', survivesRestart: false, survivesPartition: true } as const
  readonly hosting: CoordinatorHosting
  readonly topics: TopicsHosting
  credentials: PeerCredentials = { token: undefined, tls: undefined }
  patienceMs = 60_000
  transferred: (string | undefined)[] = []
  role: PeersView['role'] = 'follower'
  readonly #identifier: string
  readonly #voters: readonly string[]
  readonly #watchers = new Set<() => void>()
  #seat: Seat = { type: 'nobody' }

  constructor(identifier: string, voters: readonly string[], hosting: CoordinatorHosting) {
    this.#identifier = identifier
    this.#voters = voters
    this.hosting = hosting
    this.topics = new TopicsHost({
      clock: systemClocks.grantor,
      limits: { streamWindowBytes: STREAM_WINDOW_BYTES },
      onFault: fail,
    })
  }

  move(seat: Seat): void {
    this.#seat = seat
    for (const changed of [...this.#watchers]) changed()
  }

  seat(): Seat {
    return this.#seat
  }

  onSeat(changed: () => void): () => void {
    this.#watchers.add(changed)
    return () => void this.#watchers.delete(changed)
  }

  async transfer(to?: string): Promise<unknown> {
    if (to !== undefined && !this.#voters.includes(to)) throw new CaucusError('CAUCUS_NOT_FOUND', 'no such voter')
    this.transferred.push(to)
    return { ...addressed(to ?? 'b', 1), term: 2, token: 2 }
  }

  leader(): LeadingPeer | undefined {
    const at = this.#seat
    if (at.type === 'nobody') return undefined
    const peer = at.type === 'there' ? at.peer : addressed(this.#identifier, 1)
    return { ...peer, term: 1, token: 1, leaseMsLeft: 100 }
  }

  view(): PeersView {
    const peers = this.#voters.map((identifier) => ({
      ...addressed(identifier, 1),
      self: identifier === this.#identifier,
      connected: true,
    }))
    return {
      cluster: 'c',
      identifier: this.#identifier,
      role: this.role,
      term: 1,
      quorum: 2,
      peers,
      observers: [],
      waitingFor: [],
    }
  }

  past(): LeadershipPast {
    return { events: [], forgotten: false, sinceMs: 0, nowMs: 0 }
  }

  accept: PeersHosting['accept'] = () => fail(new Error('no voter connects here')) as never
}

export const addressed = (identifier: string, port: number, host = '127.0.0.1'): PeerAddressed => ({
  identifier,
  host,
  port,
  metadata: {},
})

export interface Answer {
  readonly status: number
  readonly headers: IncomingHttpHeaders
  readonly text: string
  // biome-ignore lint/suspicious/noExplicitAny: each test knows what it has asked for.
  readonly json: any
  readonly error: ErrorBody | undefined
}

export interface Ask {
  readonly headers?: Readonly<Record<string, string | readonly string[]>>
  readonly body?: string | Buffer
  readonly token?: string
  readonly tls?: TlsOptions
  readonly localAddress?: string
}

/** One of several peers, on a real port. Its coordinator's clock is the test's. */
export class TestPeer {
  readonly identifier: string
  readonly peers: FakePeers
  readonly clock: SimulatedClock
  readonly port: number
  readonly url: string
  readonly audited: object[] = []
  readonly close: (options?: { drain?: boolean }) => Promise<void>

  private constructor(
    identifier: string,
    peers: FakePeers,
    clock: SimulatedClock,
    listening: Awaited<ReturnType<typeof listen>>,
    audited: object[],
  ) {
    this.identifier = identifier
    this.peers = peers
    this.clock = clock
    this.port = listening.port
    this.url = listening.url
    this.close = listening.close
    this.audited = audited
  }

  static async start(
    identifier: string,
    voters: readonly string[],
    options: Partial<ListenOptions> & { readonly credentials?: PeerCredentials },
  ): Promise<TestPeer> {
    const { credentials, ...rest } = options
    const clock = new SimulatedClock(1_000)
    const hosting = await testCoordinator(clock)
    const peers = new FakePeers(identifier, voters, hosting)
    if (credentials !== undefined) peers.credentials = credentials
    const audited: object[] = []
    const listening = await listen({
      hosting,
      peers,
      port: 0,
      pollGroup: 'default',
      version: '1.2.3',
      audit: (entry) => void audited.push(entry),
      ...rest,
    })
    return new TestPeer(identifier, peers, clock, listening, audited)
  }

  get address(): PeerAddressed {
    return addressed(this.identifier, this.port)
  }

  /** Sends a request and gives it back, for tests that go away from it or write it bit by bit. */
  begin(method: string, path: string, { headers = {}, token, tls, localAddress }: Ask = {}): ClientRequest {
    const options = {
      host: '127.0.0.1',
      port: this.port,
      method,
      path,
      agent: false as const,
      ...(localAddress !== undefined && { localAddress }),
      headers: { ...headers, ...(token !== undefined && { authorization: `Bearer ${token}` }) } as Record<
        string,
        string
      >,
    }
    return tls === undefined ? request(options) : securely({ ...options, ...tls })
  }

  async ask(method: string, path: string, ask: Ask = {}): Promise<Answer> {
    const { body, headers = {} } = ask
    const isFramed = body === undefined || 'transfer-encoding' in headers
    const framed = isFramed ? headers : { 'content-length': String(Buffer.byteLength(body)), ...headers }
    const sent = this.begin(method, path, { ...ask, headers: framed })
    sent.end(body)
    const [response] = (await once(sent, 'response')) as [IncomingMessage]
    return answerOf(response)
  }

  put(path: string, body: unknown, ask: Ask = {}): Promise<Answer> {
    return this.ask('PUT', path, { ...ask, body: JSON.stringify(body) })
  }

  async number(name: string, token?: string): Promise<number> {
    const { text } = await this.ask('GET', '/metrics', token === undefined ? {} : { token })
    const line = text.split('\n').find((each) => each.startsWith(`${name} `) || each.startsWith(`${name}{`))
    return Number(line?.split(' ').at(-1) ?? Number.NaN)
  }

  async connect(): Promise<Socket> {
    const socket = connect(this.port, '127.0.0.1')
    socket.on('error', () => undefined)
    await once(socket, 'connect')
    return socket
  }
}

export const answerOf = async (response: IncomingMessage): Promise<Answer> => {
  const parts: Buffer[] = []
  for await (const part of response) parts.push(part as Buffer)
  const text = Buffer.concat(parts).toString()
  const isJson = response.headers['content-type']?.startsWith('application/json') === true && text !== ''
  const json = isJson ? JSON.parse(text) : undefined
  return { status: response.statusCode ?? 0, headers: response.headers, text, json, error: json?.error }
}

/** Several peers of one cluster, of which the first one serves. */
export class TestCluster implements AsyncDisposable {
  readonly all: readonly TestPeer[]

  private constructor(all: readonly TestPeer[]) {
    this.all = all
  }

  static async start(
    options: (identifier: string) => Parameters<typeof TestPeer.start>[2] = () => ({}),
    voters: readonly string[] = ['a', 'b'],
  ): Promise<TestCluster> {
    const cluster = new TestCluster(await Promise.all(voters.map((id) => TestPeer.start(id, voters, options(id)))))
    cluster.seat('a')
    return cluster
  }

  of(identifier: string): TestPeer {
    const peer = this.all.find((each) => each.identifier === identifier)
    if (peer === undefined) throw new Error(identifier)
    return peer
  }

  get leader(): TestPeer {
    return this.of('a')
  }

  get follower(): TestPeer {
    return this.of('b')
  }

  /** From now on that one serves, and all know it; `undefined`: nobody does. */
  seat(identifier?: string): void {
    for (const each of this.all) each.peers.move(this.seatFor(each, identifier))
  }

  seatFor(peer: TestPeer, identifier?: string): Seat {
    if (identifier === undefined) return { type: 'nobody' }
    return identifier === peer.identifier ? { type: 'here' } : { type: 'there', peer: this.of(identifier).address }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await Promise.all(this.all.map((each) => each.close({ drain: false })))
    for (const { peers } of this.all) peers.topics.close()
    await Promise.all(this.all.map(({ peers }) => peers.hosting.close()))
  }
}
