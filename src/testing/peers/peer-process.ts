import { RunningCluster } from '../../backends/peer/cluster.ts'
import type { SoundPeer } from '../../backends/peer/options.ts'
import { CaucusError } from '../../errors.ts'
import type { PeersHosting } from '../../ports/peers.ts'
import type { Telemetry } from '../../ports/telemetry.ts'
import type { TopicsHosting } from '../../ports/topics-hosting.ts'
import { Links } from '../../server/links.ts'
import { silentLogger } from '../../server/logger.ts'
import { PeerEnds } from '../../server/peer-ends.ts'
import type { VoterDirectory } from '../../stores/voter-store.ts'
import { PEER_PATH } from '../../wire/peers/frames.ts'
import { negotiated, offerFault, versionsIn } from '../../wire/versions.ts'
import type { EventLoop } from '../cluster/event-loop.ts'
import type { WebServer } from '../cluster/web.ts'
import type { Door, FarEnd } from '../cluster/wire.ts'
import { FrontDoor } from './front-door.ts'
import { named } from './named-links.ts'
import { type PeersNetwork, urlOf } from './network.ts'

export interface PeerProcessOptions {
  readonly loop: EventLoop
  readonly network: PeersNetwork
  readonly sound: SoundPeer
  readonly store: VoterDirectory | undefined
  readonly telemetry: Telemetry
  /** How much may wait for a link that is not read. */
  readonly linkBufferBytes: number
  random(): number
  newId(): string
  wallMs(): number
}

/** How long connections are given to close. */
const DRAIN_MS = 1_000

/** The process of one peer: the product's own voter, links and connections between peers, without the sockets of a real machine. */
export class PeerProcess implements FarEnd, WebServer {
  readonly loop: EventLoop
  readonly cluster: RunningCluster
  readonly counts = { links: 0, linksCut: 0, framesRefused: 0, framesDropped: 0 }
  readonly #options: PeerProcessOptions
  readonly #ends: PeerEnds
  readonly #door: FrontDoor
  readonly #unsubscribe: () => void
  readonly #pingMs: number
  readonly #topics: TopicsHosting
  /** Of one reign. */
  #links: Links | undefined
  readonly #dismissed: Links[] = []
  #closed: Promise<void> | undefined

  constructor(options: PeerProcessOptions) {
    const { loop, network, sound } = options
    this.#options = options
    this.loop = loop
    this.cluster = new RunningCluster({
      sound,
      store: options.store,
      clocks: loop,
      openSocket: network.opener(sound.self.identifier, sound.self.identifier, loop),
      telemetry: options.telemetry,
      random: options.random,
      newId: options.newId,
      wallMs: options.wallMs,
    })
    const { hosting } = this
    this.#pingMs = 2 * sound.timing.leaseMs
    this.#topics = named(hosting.topics)
    this.#ends = new PeerEnds(hosting, loop.grantor, this.#pingMs)
    this.#door = new FrontDoor({
      peer: sound.self.identifier,
      loop,
      peers: hosting,
      network,
      admit: (door) => this.#admit(door),
    })
    this.#unsubscribe = hosting.onSeat(() => this.#seatMoved())
    this.cluster.begin({ url: urlOf(sound.self.identifier), port: sound.self.port, close: () => this.#hangUp() })
  }

  get hosting(): PeersHosting {
    return this.cluster.hosting
  }

  knocked(door: Door): void {
    if (this.#closed !== undefined) {
      return door.refuse(new CaucusError('CAUCUS_UNAVAILABLE', 'this peer is stopping; try again later'))
    }
    if (door.path === PEER_PATH) return door.accept((connect) => this.#ends.accept(connect, () => undefined))
    this.#door.knocked(door)
  }

  #admit(door: Door): void {
    const { loop, linkBufferBytes } = this.#options
    const spoken = negotiated(versionsIn(door.subprotocols))
    if (spoken === undefined) {
      return door.refuse(new CaucusError('CAUCUS_PROTOCOL', offerFault(versionsIn(door.subprotocols))))
    }
    this.#links ??= new Links({
      hosting: this.hosting.hosting,
      topics: this.#topics,
      clock: loop.grantor,
      limits: { pingMs: this.#pingMs, linkBufferBytes },
      soon: (run) => void loop.soon(run),
      counts: this.counts,
      logger: silentLogger,
    })
    const links = this.#links
    door.accept((connect) => links.accept(connect, spoken))
  }

  /** What belonged to the reign that is over is told to go. */
  #seatMoved(): void {
    if (this.hosting.seat().type !== 'here') this.#dismiss()
  }

  #dismiss(): void {
    const links = this.#links
    this.#links = undefined
    if (links === undefined) return
    links.close()
    this.#dismissed.push(links)
  }

  answer(path: string): unknown {
    if (path === '/healthz') return { ok: true, version: 'simulated', guarantees: this.hosting.guarantees }
    const { hosting, topics } = this.hosting
    if (path === '/v1/groups') return { groups: hosting.view().groups }
    const [, what, name = ''] = /^\/v1\/(topics|groups)\/([^/]+)$/.exec(path) ?? []
    const found = what === 'topics' ? topics.topic(decodeURIComponent(name)) : hosting.viewOf(decodeURIComponent(name))
    if (found === undefined) throw new CaucusError('CAUCUS_NOT_FOUND', 'there is no such thing; nothing changed')
    return found
  }

  async *stream(path: string, after: string | undefined, signal: AbortSignal): AsyncGenerator<string> {
    const group = decodeURIComponent(/^\/v1\/groups\/([^/]+)\/events$/.exec(path)?.[1] ?? '')
    const events = this.hosting.hosting.events({ group, signal, ...(after !== undefined && { after }) })
    for await (const told of events) yield `data: ${JSON.stringify(told)}\n\n`
  }

  /** As on SIGTERM. */
  close(): Promise<void> {
    this.#closed ??= this.cluster.close()
    return this.#closed
  }

  /** As a server does it whose peer ends: connections are sent away, and cut when they do not go. */
  async #hangUp(): Promise<void> {
    this.#unsubscribe()
    this.#door.close()
    this.#dismiss()
    this.#ends.close()
    const { grantor } = this.loop
    await new Promise<void>((resume) => grantor.setTimer(grantor.now() + DRAIN_MS, resume))
    this.#ends.terminate()
    for (const links of this.#dismissed) links.terminate()
    await new Promise<void>((resume) => grantor.turn(resume))
  }
}
