import type { PeerAddress } from '../../core/election/io.ts'
import { MAX_TERM_LEAD, type Sender, type Term } from '../../core/election/messages.ts'
import { seededRandom } from '../../core/random.ts'
import type { ReplicaMessage } from '../../core/replication/messages.ts'
import type { Millis } from '../../core/time.ts'
import type { Clock } from '../../ports/clock.ts'
import type { CoordinatorHosting, Guarantees } from '../../ports/hosting.ts'
import type { LeadingPeer, Seat } from '../../ports/peers.ts'
import type { ReplicaStore } from '../../ports/replica-store.ts'
import type { Telemetry } from '../../ports/telemetry.ts'
import type { TopicsHosting } from '../../ports/topics-hosting.ts'
import type { ElectionDriver } from '../../runtime/election-driver.ts'
import { ReignHosting } from '../../runtime/reign-hosting.ts'
import { ReignTopics } from '../../runtime/reign-topics.ts'
import { type ReignEvent, Reigns } from '../../runtime/reigns.ts'
import { ReplicaDriver } from '../../runtime/replica-driver.ts'
import type { StallGuard } from '../../runtime/stall-guard.ts'
import { clusterInstanceId } from '../../stores/address-id.ts'
import { STREAM_WINDOW_BYTES } from '../../wire/limits.ts'
import { charterFault } from '../../wire/peers/frames.ts'
import type { SoundPeer } from './options.ts'
import { Seats } from './seats.ts'

export interface ServingOptions {
  readonly sound: SoundPeer
  readonly bootId: string
  readonly guarantees: Guarantees
  /** The grantor's. */
  readonly clock: Clock
  readonly election: ElectionDriver
  readonly store: ReplicaStore | undefined
  readonly telemetry: Telemetry | undefined
  readonly guard: StallGuard
  random(): number
  newId(): string
  wallMs(): number
  send(to: PeerAddress, message: ReplicaMessage): void
  leading(): LeadingPeer | undefined
  told(event: ReignEvent): void
  onFault(error: unknown): void
}

/** Far above what one leader is for; a bound all the same. */
const LIMITS = { groups: 10_000, membersPerGroup: 100_000, eventsPerGroup: 4_096 }

interface Part {
  readonly replica: ReplicaDriver
  readonly reigns: Reigns
}

/** What a voter does besides electing: it keeps what a leader must find again, and serves groups and topics while it leads itself. */
export class Serving {
  readonly hosting: CoordinatorHosting
  readonly topics: TopicsHosting
  readonly #options: ServingOptions
  readonly #seats = new Seats(() => this.seat())
  /** Once the election lets this voter take part. */
  #part: Part | undefined

  constructor(options: ServingOptions) {
    this.#options = options
    this.hosting = new ReignHosting({
      guarantees: options.guarantees,
      present: () => this.#part?.reigns.hosting,
      instanceId: () => this.#part?.replica.view().entry?.charter.instanceId ?? options.sound.cluster,
    })
    this.topics = new ReignTopics(() => this.#part?.reigns.topics)
  }

  seat(): Seat {
    if (this.#part?.reigns.serving === true) return { type: 'here' }
    const leader = this.#options.leading()
    if (leader === undefined || leader.identifier === this.#options.sound.self.identifier) return { type: 'nobody' }
    const { identifier, host, port, metadata } = leader
    return { type: 'there', peer: { identifier, host, port, metadata } }
  }

  /** Whom the register waits for, before this voter may say what it holds. */
  get waitingFor(): readonly string[] {
    return this.#part?.replica.view().waitingFor ?? []
  }

  onSeat(changed: () => void): () => void {
    return this.#seats.onSeat(changed)
  }

  /** Only of those whom the election lets in; what it refuses, it has told already. Nor may a term be so far ahead that it uses up the numbers. */
  receive(from: PeerAddress, message: ReplicaMessage): void {
    const { election, telemetry } = this.#options
    const isTooFar = highestTermIn(message) > election.view().term + MAX_TERM_LEAD
    if (!isTooFar && election.faultOf(message.sender) === undefined) this.#part?.replica.receive(from, message)
    else telemetry?.count('charter_messages_refused')
  }

  /** To be called whenever anything of the election may have changed. */
  review(): void {
    const self = this.#part === undefined ? this.#options.election.self : undefined
    if (self !== undefined) this.#part = this.#takePart(self)
    this.#part?.reigns.review()
    this.#seats.review()
  }

  /** Serves nobody any more, in good order, until `resume`. Resolves within `limitMs`. */
  async handOver(limitMs: Millis): Promise<void> {
    await this.#part?.reigns.handOver(limitMs)
  }

  resume(): void {
    this.#part?.reigns.resume()
  }

  /** Resolves once nothing of it runs. */
  async close(): Promise<void> {
    await this.#part?.reigns.close()
    this.#part?.replica.close()
    this.#seats.review()
  }

  #takePart(self: Sender): Part {
    const { sound, bootId, clock, election, store, telemetry, guard, random, send, onFault } = this.#options
    const replica = new ReplicaDriver({
      clock,
      replica: {
        id: self.id,
        bootId,
        voters: election.view().voters,
        retryMs: sound.timing.electionMinMs / 2,
        random: seededRandom(Math.floor(random() * 2 ** 48)),
      },
      self,
      store,
      telemetry,
      guard,
      send,
      faultOf: charterFault,
      superseded: (term) => {
        this.#part?.reigns.superseded()
        // As a rule its lease is over, and this changes nothing. If not, nobody would serve for as long as this peer leads.
        election.superseded(term)
      },
      onFault,
    })
    return { replica, reigns: this.#reignsOn(replica, self) }
  }

  #reignsOn(replica: ReplicaDriver, self: Sender): Reigns {
    const { sound, guarantees, clock, election, store, telemetry, told, newId, onFault } = this.#options
    const { cluster, served, timing } = sound
    return new Reigns({
      clock,
      wallMs: () => this.#options.wallMs(),
      replica,
      served: { ...served, limits: LIMITS, topicsLimits: { streamWindowBytes: STREAM_WINDOW_BYTES } },
      guarantees,
      telemetry,
      // Without stores nobody would find the same one again.
      newInstanceId: () => (store === undefined ? clusterInstanceId(cluster, self.voters) : newId()),
      leading: () => {
        const { leader } = election
        return leader?.isSelf === true ? leader : undefined
      },
      leadsIn: (term) => election.leadsIn(term),
      slowMs: 4 * timing.electionMaxMs,
      told,
      changed: () => this.#seats.review(),
      onFault,
    })
  }
}

const highestTermIn = (message: ReplicaMessage): Term =>
  Math.max(
    'term' in message ? message.term : 0,
    'promised' in message ? message.promised : 0,
    'entry' in message ? (message.entry?.term ?? 0) : 0,
  )
