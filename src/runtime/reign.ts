import type { GroupSettings } from '../core/group/book.ts'
import type { ShareKind } from '../core/group/messages.ts'
import type { PollSettings } from '../core/group/poll-group.ts'
import type { Generation } from '../core/lease.ts'
import type { Millis } from '../core/time.ts'
import { CaucusError } from '../errors.ts'
import type { Clock, Timer } from '../ports/clock.ts'
import type { CoordinatorHosting, Guarantees } from '../ports/hosting.ts'
import type { Telemetry } from '../ports/telemetry.ts'
import type { TopicsHosting } from '../ports/topics-hosting.ts'
import { CharterStore } from './charter-store.ts'
import { hostCoordinator } from './coordinator-host.ts'
import { TopicsHost } from './dispatch/topics-host.ts'
import type { TopicsLimits } from './dispatch/topics-host-limits.ts'
import type { ReplicaDriver } from './replica-driver.ts'

/** What every leader of a cluster serves, in the same way. */
export interface Served {
  readonly defaults: GroupSettings
  /** Groups with settings, or a share, of their own. */
  readonly groups: ReadonlyMap<string, GroupSettings & { readonly share?: ShareKind }>
  /** The group of bloc's wire, where that is spoken. */
  readonly poll?: (PollSettings & { readonly group: string }) | undefined
  /** The operator's word that nobody holds anything from before; it counts for the first leader that there has ever been. */
  readonly fresh: boolean
  readonly limits: { readonly groups: number; readonly membersPerGroup: number; readonly eventsPerGroup?: number }
  readonly topicsLimits?: Partial<TopicsLimits> | undefined
}

export interface ReignOptions {
  /** The grantor's clock. */
  readonly clock: Clock
  wallMs(): number
  readonly replica: ReplicaDriver
  /** Of whoever was elected. */
  readonly term: number
  readonly generation: Generation
  readonly served: Served
  readonly guarantees: Guarantees
  readonly telemetry: Telemetry | undefined
  /** Names the cluster to its members, where nobody has before. */
  newInstanceId(): string
  /** Whether this peer leads now, compared with the clock. */
  leads(): boolean
  /** It was found that this peer leads no more. */
  lost(): void
  /** A broken invariant. */
  onFault(error: unknown): void
}

/**
 * The time from being elected until it is first found that this peer does not lead any more: the coordinator and the topics that run here
 * meanwhile. Over once is over for good; a lease that is regained is another reign, under a later generation.
 */
export class Reign {
  readonly term: number
  readonly #options: ReignOptions
  #hosting: CoordinatorHosting | undefined
  #topics: TopicsHost | undefined
  #over = false

  constructor(options: ReignOptions) {
    this.#options = options
    this.term = options.term
  }

  /** Of groups; `undefined` before it has begun, and once it is over. */
  get hosting(): CoordinatorHosting | undefined {
    return this.#over ? undefined : this.#hosting
  }

  get topics(): TopicsHosting | undefined {
    return this.#over ? undefined : this.#topics
  }

  /** Resolves with its generation once a majority holds it, and its coordinator runs. Rejects when it is over before, or cannot be. */
  async begin(): Promise<Generation> {
    const { replica, term, served, clock, telemetry, newInstanceId, onFault } = this.#options
    const found = await replica.lead(term)
    this.#assertOngoing()
    const { topicsLimits, fresh, ...settings } = served
    const hosting = await hostCoordinator({
      ...settings,
      clock,
      wallMs: () => this.#options.wallMs(),
      store: new CharterStore({ replica, found, newInstanceId, isOver: () => this.#over }),
      leastGeneration: this.#options.generation,
      guarantees: this.#options.guarantees,
      // Whoever led before may have granted something since that word was given; without stores, a majority that was restarted knows
      // nothing of that.
      fresh: fresh && found === undefined && replica.durable,
      telemetry,
      authority: () => !this.#over && this.#options.leads(),
      onAuthorityLost: () => this.#options.lost(),
      onFault,
    })
    if (this.#over) {
      await hosting.close()
      this.#assertOngoing()
    }
    this.#hosting = hosting
    this.#topics = new TopicsHost({ clock, limits: topicsLimits, onFault })
    return hosting.view().generation
  }

  /** Nothing is granted any more. What it waits for is rejected. Resolves once nothing of it is left. */
  async end(): Promise<void> {
    this.#over = true
    this.#options.replica.retire()
    this.#topics?.close()
    await this.#hosting?.close()
  }

  /** The same in good order, while it still leads: a majority is told who holds something, for at most `limitMs`. */
  async handOver(limitMs: Millis): Promise<void> {
    const { clock, replica } = this.#options
    this.#topics?.close()
    const limit: Timer = clock.setTimer(clock.now() + limitMs, () => replica.retire(), { ref: false })
    await this.#hosting?.close()
    limit.clear()
    await this.end()
  }

  #assertOngoing(): void {
    if (this.#over) throw new CaucusError('CAUCUS_NOT_LEADER', 'this peer does not lead any more')
  }
}
