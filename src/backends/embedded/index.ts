import { randomUUID } from 'node:crypto'
import { checkTiming, requireSafe } from '../../config/safety.ts'
import { timing as presets, resolveTiming, type Timing, type TimingPreset } from '../../config/timing.ts'
import type { GroupSettings } from '../../core/group/book.ts'
import { electionOf } from '../../core/group/elections.ts'
import type { ShareKind } from '../../core/group/messages.ts'
import { isOnceName } from '../../core/group/onces.ts'
import { groupNameFault } from '../../core/ids.ts'
import { CaucusError } from '../../errors.ts'
import type { Backend, BackendFactory, LinkEvent, Present } from '../../ports/backend.ts'
import type { Clocks } from '../../ports/clock.ts'
import type { CoordinatorHosting } from '../../ports/hosting.ts'
import type { RegistryPort } from '../../ports/registry.ts'
import type { FoundationStore } from '../../ports/store.ts'
import { hostCoordinator } from '../../runtime/coordinator-host.ts'
import { LocalConnection } from '../../runtime/dispatch/local-connection.ts'
import { LocalTopics } from '../../runtime/dispatch/local-topics.ts'
import { History } from '../../runtime/history.ts'
import { Loops } from '../../runtime/loops.ts'
import { MembershipDriver } from '../../runtime/membership-driver.ts'
import { systemClocks } from '../../runtime/system-clock.ts'
import { memoryStore } from '../../stores/memory-store.ts'
import { memoryLink } from '../../transports/memory.ts'

/** How one group behaves, where it differs from the others. */
export interface EmbeddedGroup {
  readonly share?: ShareKind
  readonly timing?: TimingPreset | Partial<Timing>
}

/** Of the backend in this process: timing, groups with settings of their own, and clocks for tests. */
export interface EmbeddedOptions {
  /** A preset's name, a preset, or some of its numbers. Default: `timing.local`. */
  readonly timing?: TimingPreset | Partial<Timing>
  readonly groups?: Readonly<Record<string, EmbeddedGroup>>
  /** Default: this process's own. A simulated one makes tests fast and repeatable. */
  readonly clocks?: Clocks
  /** The wall clock: the time of events, and the generation of the first coordinator. Default: `Date.now`. */
  readonly wallMs?: () => number
  /** Names the coordinator, memberships, and members without an id; different at every call. Default: `randomUUID`. */
  readonly newId?: () => string
}

/** Far above what one process holds; a bound all the same. */
const LIMITS = { groups: 10_000, membersPerGroup: 100_000, eventsPerGroup: 4_096 }
const TOPIC_LIMITS = { asks: 100_000, producers: 100_000, listeners: 10_000 }

/**
 * Everything in this process: no server, no socket, no file. All handles that are connected to one `embedded()` are members of one
 * cluster. Nothing keeps the process alive once they are closed. Throws `CAUCUS_INVALID_ARGUMENT` or `CAUCUS_INVALID_CONFIG`.
 */
export const embedded = (options: EmbeddedOptions = {}): BackendFactory => {
  const process = new EmbeddedProcess(options)
  return ({ signal }) => process.connect(signal)
}

const settingsOf = ({ leaseMs, settleMs, settleCapMs, drainLimitMs, staticGraceMs }: Timing): GroupSettings => ({
  leaseMs,
  settleMs,
  settleCapMs,
  drainLimitMs,
  staticGraceMs,
})

class EmbeddedProcess {
  readonly #clocks: Clocks
  readonly #wallMs: () => number
  readonly #newId: () => string
  readonly #timing: Timing
  readonly #groups = new Map<string, GroupSettings & { readonly share?: ShareKind }>()
  /** Kept over all coordinators of this cluster, so that a later one never repeats an epoch of an earlier one. */
  readonly #store: FoundationStore
  #hosting: Promise<CoordinatorHosting> | undefined
  #topics: LocalTopics | undefined
  #users = 0

  constructor(options: EmbeddedOptions) {
    const { timing = presets.local, groups = {}, clocks = systemClocks, wallMs, newId, ...unknown } = options
    for (const name of Object.keys(unknown)) {
      throw new CaucusError(
        'CAUCUS_INVALID_ARGUMENT',
        `embedded() knows no option "${name}"; it takes timing, groups, clocks, wallMs and newId`,
      )
    }
    this.#clocks = clocks
    this.#wallMs = wallMs ?? (() => Date.now())
    this.#newId = newId ?? (() => randomUUID())
    this.#store = memoryStore({ instanceId: this.#newId() })
    this.#timing = resolveTiming(timing, presets.local)
    requireSafe(checkTiming(this.#timing))
    for (const [name, { share, timing: own = {} }] of Object.entries(groups)) {
      const fault = groupNameFault(name)
      if (fault !== undefined) throw new CaucusError('CAUCUS_INVALID_ARGUMENT', `embedded({ groups }): ${fault}`)
      if (isOnceName(name) || share === 'once') {
        const rule = 'names that begin with "once/" are of runs, which have no settings'
        throw new CaucusError('CAUCUS_INVALID_ARGUMENT', `embedded({ groups }): ${rule}`)
      }
      if (share !== undefined && (share === 'tenure') !== (electionOf(name) !== undefined)) {
        const rule = 'groups whose name begins with "election/" share a tenure, and no others do'
        throw new CaucusError('CAUCUS_INVALID_ARGUMENT', `embedded({ groups }): ${rule}; leave the share out`)
      }
      const settings = resolveTiming(own, this.#timing)
      requireSafe(checkTiming(settings))
      this.#groups.set(name, { ...settingsOf(settings), ...(share !== undefined && { share }) })
    }
  }

  async connect(signal: AbortSignal | undefined): Promise<Backend> {
    signal?.throwIfAborted()
    this.#users++
    // Thrown where nobody catches it, as a fault of ours should be.
    const onFault = (error: unknown) =>
      queueMicrotask(() => {
        throw error
      })
    this.#topics ??= new LocalTopics({ clock: this.#clocks.grantor, limits: TOPIC_LIMITS, onFault })
    const topics = new LocalConnection(this.#topics, this.#newId)
    this.#hosting ??= hostCoordinator({
      clock: this.#clocks.grantor,
      wallMs: this.#wallMs,
      store: this.#store,
      defaults: settingsOf(this.#timing),
      groups: this.#groups,
      // Whoever held anything from an earlier coordinator of this process has been closed with it.
      fresh: true,
      limits: LIMITS,
      onFault,
    })
    return new EmbeddedBackend(await this.#hosting, {
      clocks: this.#clocks,
      wallMs: this.#wallMs,
      timing: this.#timing,
      newId: this.#newId,
      topics,
      release: () => this.#release(),
    })
  }

  async #release(): Promise<void> {
    const hosting = this.#hosting
    if (--this.#users > 0) return
    this.#hosting = undefined
    this.#topics?.close()
    this.#topics = undefined
    await (await hosting)?.close()
  }
}

/** What a connection needs of its process. */
interface Home {
  readonly clocks: Clocks
  readonly wallMs: () => number
  readonly timing: Timing
  readonly topics: LocalConnection
  newId(): string
  release(): Promise<void>
}

class EmbeddedBackend implements Backend {
  readonly guarantees
  readonly clocks: Clocks
  readonly wallMs: () => number
  readonly timing: Timing
  readonly topics: LocalConnection
  readonly registry: RegistryPort
  readonly #hosting: CoordinatorHosting
  readonly #home: Home
  readonly #members: MembershipDriver
  readonly #link = new History<LinkEvent>()
  /** The coordinator may outlive this connection: its readers must not. */
  readonly #loops = new Loops()
  #closed: Promise<void> | undefined

  constructor(hosting: CoordinatorHosting, home: Home) {
    const { clocks, timing } = home
    this.guarantees = hosting.guarantees
    this.clocks = clocks
    this.wallMs = home.wallMs
    this.timing = timing
    this.topics = home.topics
    this.registry = {
      services: async ({ signal } = {}) => {
        signal?.throwIfAborted()
        return hosting.services()
      },
      service: async (name, { signal } = {}) => {
        signal?.throwIfAborted()
        return hosting.service(name)
      },
    }
    this.#hosting = hosting
    this.#home = home
    this.#members = new MembershipDriver({ clock: clocks.holder, open: memoryLink(hosting, clocks.grantor) })
  }

  newId(): string {
    return this.#home.newId()
  }

  join(...[request, listener]: Parameters<Backend['join']>) {
    return this.#members.join(request, listener)
  }

  async groups({ signal }: { signal?: AbortSignal | undefined } = {}) {
    signal?.throwIfAborted()
    return this.#hosting.view().groups
  }

  async group(name: string, { signal }: { signal?: AbortSignal | undefined } = {}) {
    signal?.throwIfAborted()
    return this.#hosting.viewOf(name)
  }

  async present(group: string, { signal }: { signal?: AbortSignal | undefined } = {}): Promise<Present> {
    signal?.throwIfAborted()
    const { events } = this.#hosting.history({ group, limit: 1 })
    return { view: this.#hosting.viewOf(group), revision: events.at(-1)?.revision }
  }

  events(options: Parameters<Backend['events']>[0]) {
    return this.#loops.keep(this.#hosting.events(options))
  }

  /** Inside one process the link does not fail: there is nothing to tell until it is closed. */
  linkEvents(options: Parameters<Backend['linkEvents']>[0]) {
    return this.#link.events(options)
  }

  close(): Promise<void> {
    this.#closed ??= this.#close()
    return this.#closed
  }

  async #close(): Promise<void> {
    this.#link.close()
    this.topics.close()
    await this.#loops.close()
    await this.#members.close()
    await this.#home.release()
  }
}
