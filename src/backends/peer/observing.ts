import type { KnownLeader } from '../../core/election/io.ts'
import { Observer, type ObserverEffect, type ObserverInput } from '../../core/election/observer.ts'
import { LeadershipLog } from '../../core/election/past.ts'
import { majorityOf } from '../../core/election/quorum.ts'
import type { Tick } from '../../core/machine.ts'
import type { Instant, Millis } from '../../core/time.ts'
import { CaucusError } from '../../errors.ts'
import type { BackendFactory } from '../../ports/backend.ts'
import type { Clock, Timer } from '../../ports/clock.ts'
import type { Guarantees } from '../../ports/hosting.ts'
import type {
  AcceptedPeer,
  AcceptPeer,
  LeadingPeer,
  ListeningForPeers,
  PeerAddressed,
  PeersHosting,
  PeersView,
  Seat,
} from '../../ports/peers.ts'
import { Driver } from '../../runtime/driver.ts'
import { type EventsOptions, type Gap, History } from '../../runtime/history.ts'
import { Latest, type WatchOptions } from '../../runtime/latest.ts'
import { ReignHosting } from '../../runtime/reign-hosting.ts'
import { ReignTopics } from '../../runtime/reign-topics.ts'
import { isReplicaMessage, type LinkMessage } from '../../wire/peers/frames.ts'
import type { PeerGreeting } from '../../wire/peers/schemas.ts'
import { AcceptedPeerEnd } from './accepted-peer.ts'
import type { AskSeed } from './ask-seed.ts'
import type { Cluster, ClusterLeader, ClusterParts } from './cluster.ts'
import { Discovery } from './discovery.ts'
import { type ClusterEvent, log } from './events.ts'
import { urlOf } from './hosts.ts'
import { PeerLinks } from './peer-links.ts'
import { patienceMs } from './seats.ts'
import { lookUp, type Seed, type SeedSources } from './seeds.ts'

export interface ObservingParts extends Omit<ClusterParts, 'store'> {
  readonly seeds: readonly Seed[]
  readonly sources?: SeedSources | undefined
  readonly ask: AskSeed
}

/** Whom it asks who leads: whoever is a voter by now. */
const EVERY_VOTER = 'every\nvoter'
/** The longest pause before it looks for other voters again, while it knows of no leader. */
const LOOK_MAX_MS: Millis = 30_000
/** In parts of `reconnectMaxMs`: there may be many, and voters have more to do than to refuse those who may not observe. */
const RECONNECT_PAUSES = 4
/** In parts of `reconnectMaxMs`: whoever has no seed yet asks for them no faster. */
const SEEK_PAUSES = 10

/** A peer without a vote, that knows who leads. It finds the voters by its seeds, and passes on to the leader what its clients ask. */
export class ObservingCluster implements Cluster {
  readonly guarantees: Guarantees = { exclusion: 'leased', survivesRestart: false, survivesPartition: false }
  readonly isLeader = false
  readonly token = undefined
  /** As the server on its port sees it. */
  readonly hosting: PeersHosting
  readonly #parts: ObservingParts
  readonly #clock: Clock
  readonly #bootId: string
  readonly #observer: Observer
  readonly #driver: Driver<ObserverInput, ObserverEffect>
  readonly #discovery: Discovery
  readonly #leaders = new Latest<ClusterLeader | undefined>(undefined)
  readonly #events = new History<ClusterEvent>()
  readonly #past: LeadershipLog
  readonly #onSeat = new Set<() => void>()
  #voters: readonly PeerAddressed[] = []
  #links: PeerLinks | undefined
  #listening: ListeningForPeers | undefined
  #term = 0
  #lookTimer: Timer | undefined
  #lookMs: Millis
  #closed: Promise<void> | undefined

  constructor(parts: ObservingParts) {
    const { sound, seeds, sources, clocks, telemetry, ask } = parts
    const { cluster, self, timing, tls } = sound
    this.#parts = parts
    this.#clock = clocks.grantor
    this.#bootId = parts.newId()
    this.#past = new LeadershipLog(parts.wallMs())
    this.#lookMs = 2 * timing.electionMaxMs
    const observer = new Observer({ cluster, id: self.identifier, bootId: this.#bootId, seeds: [EVERY_VOTER], timing })
    this.#observer = observer
    const machine = {
      step: (input: ObserverInput | Tick, now: Instant) => observer.step(input, { grantor: now, holder: now }),
      wakeAt: () => observer.wakeAt(),
      view: () => observer.view(),
    }
    this.#driver = new Driver(machine, {
      clock: clocks.grantor,
      perform: (effect) => this.#perform(effect),
      afterTurn: () => this.#publish(),
      onFault: (error) => this.#failed(error),
      onDropped: ({ cause }) => telemetry?.count('election_inbox_dropped', 1, { cause }),
      // Whoever listens for the others keeps the process alive.
      ref: false,
    })
    this.#discovery = new Discovery({
      cluster,
      identifier: self.identifier,
      clock: clocks.grantor,
      pauseMaxMs: SEEK_PAUSES * timing.reconnectMaxMs,
      ask,
      random: () => parts.random(),
      lookUp: () => lookUp(seeds, tls !== undefined, sources),
      found: (voters) => this.#found(voters),
      tell: (event) => this.#told(event),
      onFault: (error) => this.#failed(error),
    })
    this.hosting = this.#hosted()
  }

  #hosted(): PeersHosting {
    const { guarantees } = this
    const { cluster, token, tls, timing } = this.#parts.sound
    return {
      guarantees,
      hosting: new ReignHosting({ guarantees, present: () => undefined, instanceId: () => cluster }),
      topics: new ReignTopics(() => undefined),
      seat: () => this.#seat(),
      onSeat: (changed) => {
        const listener = () => changed()
        this.#onSeat.add(listener)
        return () => void this.#onSeat.delete(listener)
      },
      credentials: { token, tls },
      patienceMs: patienceMs(timing),
      transfer: () => this.transfer(),
      leader: () => this.#leading(),
      view: () => this.view(),
      past: () => this.#past.past(this.#parts.wallMs()),
      accept: (peer) => this.#accept(peer),
    }
  }

  /** Looks for the voters from now on. */
  begin(listening: ListeningForPeers): void {
    this.#listening = listening
    const { sound, clocks, openSocket, telemetry } = this.#parts
    const { token, tls, timing } = sound
    this.#links = new PeerLinks({
      greeting: this.#greeting(),
      others: [],
      token,
      tls,
      clock: clocks.grantor,
      openSocket,
      random: () => this.#parts.random(),
      reconnectMaxMs: RECONNECT_PAUSES * timing.reconnectMaxMs,
      quietMs: timing.electionMaxMs,
      telemetry,
      received: (from, message) => this.#received(from, message),
      // Nobody who says hello here gets as far as that.
      refused: () => undefined,
      tell: (event) => this.#told(event),
    })
    this.#driver.post({ type: 'started' })
    this.#discovery.seek()
    this.#lookLater()
  }

  #greeting(): PeerGreeting {
    const { cluster, self, metadata } = this.#parts.sound
    const { host } = self
    const said = { cluster, id: self.identifier, bootId: this.#bootId, ...(metadata !== undefined && { metadata }) }
    return { ...said, observer: { host, port: this.#listening?.port ?? self.port } }
  }

  #found(voters: readonly PeerAddressed[]): void {
    this.#voters = voters
    this.#links?.follow(voters)
    this.#publish()
  }

  #received(from: string, message: LinkMessage): void {
    if (!isReplicaMessage(message)) this.#driver.post({ type: 'message', from, message })
  }

  #perform(effect: ObserverEffect): void {
    if (effect.type === 'send') this.#links?.broadcast(effect.message)
    else this.#told(effect.event)
  }

  /** Whoever it does not find may be somewhere else by now: its seeds are asked again, ever more rarely. */
  #lookLater(): void {
    const { random, sound } = this.#parts
    const firstMs = 2 * sound.timing.electionMaxMs
    const look = () => {
      if (this.#leading() !== undefined) this.#lookMs = firstMs
      else {
        this.#lookMs = Math.min(2 * this.#lookMs, LOOK_MAX_MS)
        this.#discovery.seek()
      }
      this.#lookLater()
    }
    const waitMs = this.#lookMs * (0.5 + random() / 2)
    this.#lookTimer = this.#clock.setTimer(this.#clock.now() + waitMs, look, { ref: false })
  }

  /** No peer has anything to ask of one that has no vote. */
  #accept(peer: AcceptPeer): AcceptedPeer {
    return new AcceptedPeerEnd({
      ...peer,
      address: '',
      greeting: this.#greeting(),
      telemetry: this.#parts.telemetry,
      isVoter: () => false,
      refused: () => undefined,
      turnedAway: (why, peer) =>
        this.#parts.telemetry?.log('debug', 'a peer was refused', { event: 'peer.refused', peer, why }),
      greeted: () => undefined,
      received: () => undefined,
      observed: () => 'CAUCUS_FORBIDDEN: this peer is an observer itself; connect to a voter',
      observeMs: 0,
      now: () => this.#clock.now(),
    })
  }

  get identifier(): string {
    return this.#parts.sound.self.identifier
  }

  get url(): string {
    return this.#listening?.url ?? ''
  }

  get #self(): PeerAddressed {
    const { self } = this.#parts.sound
    return { ...self, port: this.#listening?.port ?? self.port }
  }

  get backend(): BackendFactory {
    const { reach, sound } = this.#parts
    if (reach === undefined) throw new CaucusError('CAUCUS_INVALID_CONFIG', 'this peer was given no way to connect by')
    return reach([this.#self, ...this.#voters].map((peer) => urlOf(peer, sound.tls !== undefined)))
  }

  /** That of the leader of whom it heard last. */
  get term(): number {
    return this.#term
  }

  get leader(): ClusterLeader | undefined {
    const leading = this.#leading()
    if (leading === undefined) return undefined
    const { leaseMsLeft: _left, ...leader } = leading
    return leader
  }

  #leading(): LeadingPeer | undefined {
    const { leader, leaderUntil } = this.#observer.view()
    const leaseMsLeft = leaderUntil - this.#clock.now()
    if (leader === undefined || leaseMsLeft <= 0 || this.#closed !== undefined) return undefined
    return this.#addressed(leader, Math.floor(leaseMsLeft))
  }

  #addressed({ id, term, token }: KnownLeader, leaseMsLeft: Millis): LeadingPeer | undefined {
    const voter = this.#voters.find(({ identifier }) => identifier === id)
    return voter && { ...voter, term, token, leaseMsLeft }
  }

  #seat(): Seat {
    const leader = this.#leading()
    if (leader === undefined) return { type: 'nobody' }
    const { identifier, host, port, metadata } = leader
    return { type: 'there', peer: { identifier, host, port, metadata } }
  }

  watch(options: WatchOptions = {}): AsyncIterableIterator<ClusterLeader | undefined, undefined> {
    return this.#leaders.watch(options)
  }

  events(options: EventsOptions = {}): AsyncIterableIterator<ClusterEvent | Gap, undefined> {
    return this.#events.events(options)
  }

  view(): PeersView {
    const peers = this.#voters.map((voter) => {
      const problem = this.#links?.problemOf(voter.identifier)
      const connected = this.#links?.isConnected(voter.identifier) === true
      return { ...voter, self: false, connected, ...(problem !== undefined && { problem }) }
    })
    return {
      cluster: this.#parts.sound.cluster,
      identifier: this.identifier,
      role: 'observer',
      term: this.#term,
      quorum: peers.length === 0 ? 0 : majorityOf(peers.length),
      peers,
      observers: [{ ...this.#self, connected: true }],
      waitingFor: [],
    }
  }

  async transfer(): Promise<ClusterLeader> {
    if (this.#closed !== undefined) throw new CaucusError('CAUCUS_CLOSED', 'this peer has been closed')
    throw new CaucusError('CAUCUS_NOT_LEADER', `${this.identifier} is an observer and never leads; ask whoever does`)
  }

  close(): Promise<void> {
    this.#closed ??= this.#close()
    return this.#closed
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close()
  }

  async #close(): Promise<void> {
    this.#lookTimer?.clear()
    this.#discovery.close()
    this.#driver.close()
    this.#leaders.set(undefined)
    this.#leaders.close()
    this.#events.close()
    await this.#links?.close()
    await this.#listening?.close()
  }

  #publish(): void {
    const leader = this.leader
    const { value } = this.#leaders
    if (leader !== undefined) this.#term = leader.term
    const isSame =
      value?.identifier === leader?.identifier &&
      value?.token === leader?.token &&
      value?.host === leader?.host &&
      value?.port === leader?.port
    if (isSame) return
    this.#leaders.set(leader)
    for (const changed of [...this.#onSeat]) changed()
  }

  #told(event: ClusterEvent): void {
    this.#past.take(event, this.#parts.wallMs())
    this.#events.record(event)
    log(event, this.#parts.telemetry)
  }

  /** It knows nothing of any leader any more, and says so where nobody can miss it. */
  #failed(error: unknown): void {
    const { telemetry, sound } = this.#parts
    telemetry?.log('error', 'this peer failed: it observes no more', { event: 'peer.failed', error })
    void this.close()
    if (sound.onFault !== undefined) return sound.onFault(error)
    queueMicrotask(() => {
      throw error
    })
  }
}
