import type { ElectionTiming, PeerAddress } from '../../core/election/io.ts'
import { MAX_BASE } from '../../core/election/messages.ts'
import { LeadershipLog } from '../../core/election/past.ts'
import type { Epoch } from '../../core/lease.ts'
import { seededRandom } from '../../core/random.ts'
import { CaucusError } from '../../errors.ts'
import type { BackendFactory } from '../../ports/backend.ts'
import type { Clocks } from '../../ports/clock.ts'
import type { Guarantees } from '../../ports/hosting.ts'
import type {
  LeadingPeer,
  ListeningForPeers,
  PeerAddressed,
  PeersHosting,
  PeersView,
  SeenPeer,
} from '../../ports/peers.ts'
import type { OpenSocket } from '../../ports/socket.ts'
import type { Telemetry } from '../../ports/telemetry.ts'
import type { OpenTether } from '../../ports/tether.ts'
import { ElectionDriver } from '../../runtime/election-driver.ts'
import { type EventsOptions, type Gap, History } from '../../runtime/history.ts'
import { Latest, type WatchOptions } from '../../runtime/latest.ts'
import { StallGuard } from '../../runtime/stall-guard.ts'
import { until } from '../../runtime/wait.ts'
import type { VoterDirectory } from '../../stores/voter-store.ts'
import { isReplicaMessage, type LinkMessage } from '../../wire/peers/frames.ts'
import { type ClusterEvent, log } from './events.ts'
import { urlOf } from './hosts.ts'
import type { SoundPeer } from './options.ts'
import { PeerLinks } from './peer-links.ts'
import { type PeerTethers, tethersOf } from './peer-tethers.ts'
import { patienceMs } from './seats.ts'
import { Serving } from './serving.ts'

/** Who leads a cluster. */
export type ClusterLeader = Omit<LeadingPeer, 'leaseMsLeft'>

/** A peer of a cluster that has one leader at a time: a voter, or an observer that knows who leads. */
export interface Cluster extends AsyncDisposable {
  readonly identifier: string
  readonly url: string
  /** What this peer's words rest on: `fenced` for a voter with a data directory, `leased` without one and for an observer. */
  readonly guarantees: Guarantees
  /** Whether this peer leads. Compared with the clock at every read: never remember it. */
  readonly isLeader: boolean
  /** Who leads, also when that is this peer; `undefined` while nobody has a majority, as far as it is known here. */
  readonly leader: ClusterLeader | undefined
  readonly term: number
  /** Rises with every leader: what storage compares. `undefined` while this peer does not lead. */
  readonly token: Epoch | undefined
  /** For `connect(cluster)`: a way to whoever leads, by this peer first and by the voters. */
  readonly backend: BackendFactory
  /** Yields the present leader, or `undefined`, and then the newest whenever that changes. `break` releases. */
  watch(options?: WatchOptions): AsyncIterableIterator<ClusterLeader | undefined, undefined>
  /** What happens from this call on, bounded. */
  events(options?: EventsOptions): AsyncIterableIterator<ClusterEvent | Gap, undefined>
  /** What there is to see of the election from here. */
  view(): PeersView
  /**
   * Lets go, and has another peer lead: the one named, or whichever was heard last. Resolves once another one leads. Rejects with
   * `CAUCUS_NOT_LEADER`, `CAUCUS_NOT_FOUND` (no such voter), `CAUCUS_UNAVAILABLE` (it was not heard lately; nothing changed) or
   * `CAUCUS_TIMEOUT`.
   */
  transfer(to?: string): Promise<ClusterLeader>
  /** Hands leadership over if this peer has it, and ends. Resolves once no socket, no timer and no lock is left. */
  close(): Promise<void>
}

export interface ClusterParts {
  readonly sound: SoundPeer
  readonly store: VoterDirectory | undefined
  readonly clocks: Clocks
  readonly openSocket: OpenSocket
  /** Without it there are none, whatever the options say. */
  readonly openTether?: OpenTether
  readonly telemetry: Telemetry | undefined
  random(): number
  /** Different at every call, in every process. */
  newId(): string
  wallMs(): number
  /** A client of a server under one of these URLs, with what peers show each other. */
  reach?(urls: readonly string[]): BackendFactory
}

/** How often a stall is looked for, in parts of the shortest election time-out, and how late counts. */
const STALL_PERIODS = 6

/** One voter with its connections, for as long as it runs. */
export class RunningCluster implements Cluster {
  readonly guarantees: Guarantees
  /** As the server on its port sees it. */
  readonly hosting: PeersHosting
  readonly #parts: ClusterParts
  readonly #driver: ElectionDriver
  readonly #links: PeerLinks
  readonly #serving: Serving
  /** Of `links: 'direct'`. */
  readonly #tethers: PeerTethers | undefined
  readonly #leaders = new Latest<ClusterLeader | undefined>(undefined)
  readonly #events = new History<ClusterEvent>()
  readonly #past: LeadershipLog
  readonly #bootId: string
  #listening: ListeningForPeers | undefined
  #transferRefused = false
  /** It lets go of whatever it leads. */
  #stopping = false
  #closed: Promise<void> | undefined

  constructor(parts: ClusterParts) {
    const { sound, store, clocks, openSocket, telemetry } = parts
    const { cluster, self, others, metadata, timing, token, tls } = sound
    this.#parts = parts
    this.#bootId = parts.newId()
    this.#past = new LeadershipLog(parts.wallMs())
    this.guarantees = {
      exclusion: store === undefined ? 'leased' : 'fenced',
      survivesRestart: store !== undefined,
      survivesPartition: others.length > 1,
    }
    const greeting = { cluster, id: self.identifier, bootId: this.#bootId, ...(metadata !== undefined && { metadata }) }
    this.#tethers = tethersOf(parts, this.#bootId, (input) => this.#driver.tether(input))
    this.#links = new PeerLinks({
      tethers: this.#tethers,
      greeting,
      others,
      token,
      tls,
      clock: clocks.grantor,
      openSocket,
      random: () => parts.random(),
      reconnectMaxMs: timing.reconnectMaxMs,
      quietMs: timing.electionMaxMs,
      telemetry,
      received: (from, message) => this.#received(from, message),
      refused: (peer, because) => this.#told({ type: 'peer.refused', peer, because }),
      tell: (event) => this.#told(event),
    })
    const electionTiming: ElectionTiming = {
      heartbeatMs: timing.leaderHeartbeatMs,
      electionMinMs: timing.electionMinMs,
      electionMaxMs: timing.electionMaxMs,
      leaseMs: timing.leaderLeaseMs,
    }
    const guard = new StallGuard(clocks.grantor, {
      periodMs: Math.min(50, timing.electionMinMs / STALL_PERIODS),
      thresholdMs: Math.min(100, (2 * timing.electionMinMs) / STALL_PERIODS),
    })
    this.#driver = new ElectionDriver({
      clocks,
      election: {
        cluster,
        id: self.identifier,
        bootId: this.#bootId,
        voters: [self, ...others].map(({ identifier }) => identifier),
        timing: electionTiming,
        fresh: { storeId: parts.newId(), base: Math.min(Math.floor(parts.wallMs() / 1_000), MAX_BASE) },
        random: seededRandom(Math.floor(parts.random() * 2 ** 48)),
      },
      store,
      telemetry,
      guard,
      send: (to, message) => this.#links.send(to, message),
      told: (event) => this.#told(event),
      closeTether: (id) => this.#tethers?.close(id),
      changed: () => this.#changed(),
      onFault: (error) => this.#failed(error),
    })
    this.#serving = new Serving({
      ...parts,
      bootId: this.#bootId,
      guarantees: this.guarantees,
      clock: clocks.grantor,
      election: this.#driver,
      store: store?.charter,
      guard,
      send: (to, message) => this.#links.send(to, message),
      leading: () => this.#leading(),
      told: (event) => this.#told(event),
      onFault: (error) => this.#failed(error),
    })
    this.hosting = this.#hosted()
  }

  #hosted(): PeersHosting {
    const { token, tls, timing } = this.#parts.sound
    return {
      guarantees: this.guarantees,
      hosting: this.#serving.hosting,
      topics: this.#serving.topics,
      ...(this.#tethers !== undefined && { tether: (offer) => this.#tethers?.accept(offer) }),
      seat: () => this.#serving.seat(),
      onSeat: (changed) => this.#serving.onSeat(changed),
      credentials: { token, tls },
      patienceMs: patienceMs(timing),
      transfer: (to) => this.transfer(to),
      leader: () => this.#leading(),
      view: () => this.view(),
      past: () => this.#past.past(this.#parts.wallMs()),
      accept: (peer) => this.#links.accept(peer),
    }
  }

  #received(from: PeerAddress, message: LinkMessage): void {
    if (isReplicaMessage(message)) this.#serving.receive(from, message)
    else this.#driver.receive(from, message)
  }

  /** For `connect(cluster)`. */
  get backend(): BackendFactory {
    const { reach, sound } = this.#parts
    if (reach === undefined) throw new CaucusError('CAUCUS_INVALID_CONFIG', 'this peer was given no way to connect by')
    const { others, tls } = sound
    return reach([this.#self, ...others].map((peer) => urlOf(peer, tls !== undefined)))
  }

  /** With the port that it has. */
  get #self(): PeerAddressed {
    const { self } = this.#parts.sound
    return { ...self, port: this.#listening?.port ?? self.port }
  }

  /** Takes part from now on. Not before it listens: whoever cannot be reached must not vote. */
  begin(listening: ListeningForPeers): void {
    this.#listening = listening
    this.#links.open()
    this.#driver.start()
  }

  get identifier(): string {
    return this.#parts.sound.self.identifier
  }

  get url(): string {
    return this.#listening?.url ?? ''
  }

  get isLeader(): boolean {
    return !this.#stopping && this.#driver.leads
  }

  get term(): number {
    return this.#driver.view().term
  }

  get token(): Epoch | undefined {
    const leader = this.#driver.leader
    return leader?.isSelf === true && !this.#stopping ? leader.token : undefined
  }

  get leader(): ClusterLeader | undefined {
    const leading = this.#leading()
    if (leading === undefined) return undefined
    const { leaseMsLeft: _left, ...leader } = leading
    return leader
  }

  #leading(): LeadingPeer | undefined {
    const leader = this.#driver.leader
    if (leader === undefined || (leader.isSelf && this.#stopping)) return undefined
    const { id, term, token, leaseMsLeft } = leader
    const known = this.#addressed(id)
    return known && { ...known, term, token, leaseMsLeft: Math.floor(leaseMsLeft) }
  }

  watch(options: WatchOptions = {}): AsyncIterableIterator<ClusterLeader | undefined, undefined> {
    return this.#leaders.watch(options)
  }

  events(options: EventsOptions = {}): AsyncIterableIterator<ClusterEvent | Gap, undefined> {
    return this.#events.events(options)
  }

  view(): PeersView {
    const { sound } = this.#parts
    const { role, term, quorum, refusedBy, ...election } = this.#driver.view()
    const waitingFor = [...new Set([...election.waitingFor, ...this.#serving.waitingFor])]
    const seen = (peer: PeerAddressed): SeenPeer => {
      const { identifier } = peer
      const self = identifier === this.identifier
      const refuses = refusedBy.get(identifier)
      const problem = this.#links.problemOf(identifier)
      return {
        ...(this.#addressed(identifier) ?? peer),
        self,
        connected: self || this.#links.isConnected(identifier),
        ...(refuses !== undefined && { refuses }),
        ...(problem !== undefined && { problem }),
      }
    }
    const peers = [sound.self, ...sound.others].map(seen)
    const { observers } = this.#links
    return { cluster: sound.cluster, identifier: this.identifier, role, term, quorum, peers, observers, waitingFor }
  }

  async transfer(to?: string): Promise<ClusterLeader> {
    const { others, timing } = this.#parts.sound
    if (this.#closed !== undefined) throw new CaucusError('CAUCUS_CLOSED', 'this peer has been closed')
    if (to !== undefined && !others.some(({ identifier }) => identifier === to))
      throw new CaucusError(
        'CAUCUS_NOT_FOUND',
        `no other voter has the identifier ${JSON.stringify(to)}; nothing changed`,
      )
    if (!this.isLeader) throw new CaucusError('CAUCUS_NOT_LEADER', `${this.identifier} does not lead; ask whoever does`)
    // Before anything is given up for it.
    if (this.#driver.successor(to) === undefined) throw nobodyThere(to)
    try {
      await this.#serving.handOver(timing.electionMinMs)
      this.#transferRefused = false
      this.#driver.transfer(to)
    } finally {
      // Whoever is elected now serves, this peer too.
      if (!this.#stopping) this.#serving.resume()
    }
    if (this.#transferRefused) throw nobodyThere(to)
    return this.#untilAnother(2 * timing.electionMaxMs)
  }

  close(): Promise<void> {
    this.#closed ??= this.#close()
    return this.#closed
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close()
  }

  async #close(): Promise<void> {
    const { store, sound } = this.#parts
    const led = this.isLeader
    this.#stopping = true
    this.#publish()
    // Who holds something is told to a majority while this peer still may: then nobody has to wait for it.
    await this.#serving.handOver(sound.timing.electionMinMs)
    this.#driver.stop()
    // Whoever is elected next may need this one's vote.
    if (led && sound.others.length > 0) await this.#untilAnother(sound.timing.electionMaxMs).catch(() => undefined)
    await this.#serving.close()
    // Others conclude from it that this one leads no more, so the election closes them itself, once it has let go.
    this.#driver.tether({ type: 'untether' })
    this.#driver.close()
    this.#tethers?.dispose()
    this.#publish()
    this.#leaders.close()
    this.#events.close()
    await this.#links.close()
    await this.#listening?.close()
    await store?.close()
  }

  #untilAnother(withinMs: number): Promise<ClusterLeader> {
    const isAnother = (leader: ClusterLeader | undefined): leader is ClusterLeader =>
      leader !== undefined && leader.identifier !== this.identifier
    const what = 'another peer to lead'
    return until(this.#leaders, isAnother, { clock: this.#parts.clocks.grantor, timeoutMs: withinMs, what })
  }

  /** What the own list says of a peer, and where that says nothing, what it says about itself. */
  #addressed(id: string): PeerAddressed | undefined {
    const { self, others } = this.#parts.sound
    const known = id === self.identifier ? this.#self : others.find(({ identifier }) => identifier === id)
    return known && { ...known, metadata: known.metadata ?? this.#links.metadataOf(id) ?? {} }
  }

  #changed(): void {
    this.#serving.review()
    this.#publish()
  }

  #publish(): void {
    const leader = this.leader
    const { value } = this.#leaders
    const isSame = value?.identifier === leader?.identifier && value?.token === leader?.token
    if (!isSame) this.#leaders.set(leader)
  }

  #told(event: ClusterEvent): void {
    this.#past.take(event, this.#parts.wallMs())
    if (event.type === 'transfer.refused') this.#transferRefused = true
    this.#events.record(event)
    log(event, this.#parts.telemetry)
  }

  /** It neither votes nor leads any more, and says so where nobody can miss it. */
  #failed(error: unknown): void {
    const { telemetry, sound } = this.#parts
    telemetry?.log('error', 'this peer failed: it neither votes nor leads any more', { event: 'peer.failed', error })
    void this.close()
    if (sound.onFault !== undefined) return sound.onFault(error)
    queueMicrotask(() => {
      throw error
    })
  }
}

const nobodyThere = (to: string | undefined): CaucusError => {
  const who = to ?? 'none of the other voters'
  const message = `${who} ${to === undefined ? 'was' : 'was not'} heard lately, or may not lead yet; nothing changed`
  return new CaucusError('CAUCUS_UNAVAILABLE', message)
}
