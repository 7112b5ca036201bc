import type { GroupView } from '../core/group/view.ts'
import type { ServiceCount } from '../core/registry/view.ts'
import { CaucusError } from '../errors.ts'
import type { Backend, BackendFactory, JoinRequest } from '../ports/backend.ts'
import type { Guarantees } from '../ports/hosting.ts'
import type { TopicsConnection, TopicsFactory } from '../ports/topics-factory.ts'
import type { Tracing } from '../ports/tracing.ts'
import { checkTracing } from '../runtime/tracing.ts'
import { Election } from './election.ts'
import { Elections } from './elections.ts'
import { Group } from './group.ts'
import { Membership } from './membership.ts'
import type { OnceOptions, OnceResult, OnceWork } from './once.ts'
import { Onces } from './onces.ts'
import { checkElectionName, checkGroupName, checkOptions, checkSignal } from './options.ts'
import type { Service } from './service.ts'
import { Services } from './services.ts'
import type { Topic } from './topic.ts'
import type { TopicSchemas } from './topic-options.ts'
import { Topics, type TopicsBackend } from './topics.ts'

/**
 * Resolves with a handle once the backend, or that of a peer in this process, is ready to take joins. Disposing of it leaves every group that was joined through it and
 * closes what it opened. A signal ends the wait. With `tracing`, what is asked and answered on topics is traced, and so are changes of groups, campaigns, tenures and runs. With `topics`, those go
 * another way than all the rest: `nats([...])` of `caucus/nats`.
 */
export const connect = async (
  to: BackendFactory | { readonly backend: BackendFactory },
  options: { readonly signal?: AbortSignal; readonly tracing?: Tracing; readonly topics?: TopicsFactory } = {},
): Promise<Caucus> => {
  const backend =
    typeof to === 'function' ? to : (to as Partial<Exclude<typeof to, BackendFactory>> | undefined)?.backend
  if (typeof backend !== 'function') {
    throw new CaucusError(
      'CAUCUS_INVALID_ARGUMENT',
      'connect() takes a backend: embedded(), remote([url]) or a cluster',
    )
  }
  checkOptions(options, ['signal', 'tracing', 'topics'], 'connect()')
  checkSignal(options.signal, 'connect()')
  checkTracing(options.tracing, 'connect({ tracing })')
  if (options.topics !== undefined && typeof options.topics !== 'function')
    throw new CaucusError('CAUCUS_INVALID_ARGUMENT', 'connect({ topics }) takes what nats() of caucus/nats gives')
  options.signal?.throwIfAborted()
  const connected = await backend({ signal: options.signal })
  if (options.topics === undefined) return new Caucus(connected, options.tracing)
  try {
    return new Caucus(connected, options.tracing, await options.topics({ signal: options.signal }))
  } catch (error) {
    await connected.close()
    throw error
  }
}

/** A connection to a coordinator, and all the memberships that it keeps alive. */
export class Caucus implements AsyncDisposable {
  readonly #backend: Backend
  /** Where the topics go another way than the rest. */
  readonly #elsewhere: TopicsConnection | undefined
  /** Those that are joining, too. */
  readonly #memberships = new Set<Membership>()
  readonly #topics: Topics
  readonly #services = new Services(() => this.#open())
  readonly #elections: Elections
  readonly #onces: Onces
  readonly #tracing: Tracing | undefined
  #closed: Promise<void> | undefined

  /** Use `connect()`. */
  constructor(backend: Backend, tracing?: Tracing, elsewhere?: TopicsConnection) {
    this.#backend = backend
    this.#elsewhere = elsewhere
    this.#tracing = tracing
    this.#elections = new Elections(tracing)
    this.#onces = new Onces(() => this.#open(), tracing)
    const topics: TopicsBackend =
      elsewhere === undefined
        ? backend
        : { topics: elsewhere.topics, clocks: backend.clocks, newId: () => backend.newId() }
    this.#topics = new Topics(() => {
      this.#open()
      return topics
    }, tracing)
  }

  /** What this backend really promises. */
  get guarantees(): Guarantees {
    return this.#backend.guarantees
  }

  /** A handle to the group of this name; nothing happens before somebody joins it. */
  group(name: string): Group {
    checkGroupName(name)
    const backend = this.#backend
    return new Group(name, {
      timing: backend.timing,
      newId: () => backend.newId(),
      join: (request, signal) => this.#join(request, signal),
      view: async (group, signal) => this.#open().group(group, { signal }),
      events: (options) => this.#open().events(options),
    })
  }

  /** A handle to the election, or the lock, of this name; nothing happens before somebody campaigns. Throws `CAUCUS_INVALID_ARGUMENT`. */
  election(name: string): Election {
    checkElectionName(name)
    return new Election(name, {
      backend: () => this.#open(),
      campaign: (campaign, working) => this.#elections.campaign(this.#open(), campaign, working),
    })
  }

  /**
   * Of all processes that call this with the same name and the same scheduled instant, one calls `work`, at most once as far as the coordinator
   * can know, and never again. Everybody's call resolves when it is over: with what `work` gave here, or with how it ended elsewhere. Before `at`
   * it waits, by this process's wall clock.
   *
   * Rejects with the error of `work` where that ran; with `CAUCUS_ONCE_LOST` when whoever ran it was lost midway, which is not run again; with
   * `CAUCUS_ONCE_UNKNOWN` for an instant of which this coordinator does not know what came of it (older than its start, or than it remembers); with the
   * signal's reason; and as `election().campaign()` does.
   */
  once<Result>(
    name: string,
    at: Date | number,
    work: OnceWork<Result>,
    options: OnceOptions = {},
  ): Promise<OnceResult<Result>> {
    return this.#onces.once(name, at, work, options)
  }

  /**
   * A handle to the topic of this name: some produce on it, others ask them all. With schemas (any Standard Schema validator) what does
   * not fit is refused before it is sent, or is an `error` outcome of whoever gave it. Throws `CAUCUS_INVALID_ARGUMENT`.
   */
  topic<Request = unknown, Reply = unknown, Received = Request, Returned = Reply>(
    name: string,
    schemas?: TopicSchemas<Request, Reply, Received, Returned>,
  ): Topic<Request, Reply, Received, Returned> {
    return this.#topics.topic(name, schemas)
  }

  /** A handle to the service of this name; nothing happens before somebody registers. Throws `CAUCUS_INVALID_ARGUMENT`. */
  service(name: string): Service {
    return this.#services.service(name)
  }

  /** Resolves with every service in which somebody is, and how many instances it has. */
  services(options: { readonly signal?: AbortSignal } = {}): Promise<readonly ServiceCount[]> {
    return this.#services.list(options)
  }

  /** Resolves with every group of this coordinator. */
  async groups(options: { readonly signal?: AbortSignal } = {}): Promise<readonly GroupView[]> {
    checkOptions(options, ['signal'], 'groups()')
    checkSignal(options.signal, 'groups()')
    return this.#open().groups(options)
  }

  /** Yields what happens to the connection from now on; a `gap` where the loop was too slow for its buffer. */
  events(options: { readonly buffer?: number; readonly signal?: AbortSignal } = {}) {
    checkOptions(options, ['buffer', 'signal'], 'events()')
    checkSignal(options.signal, 'events()')
    return this.#open().linkEvents(options)
  }

  async #join(request: JoinRequest, signal: AbortSignal | undefined): Promise<Membership> {
    const forget = (ended: Membership) => this.#memberships.delete(ended)
    const membership = new Membership(this.#open(), request, forget, this.#tracing)
    this.#memberships.add(membership)
    await membership.admitted(signal)
    return membership
  }

  /** Drains every producer and leaves every group, then closes the connection. Disposing twice is disposing once. */
  [Symbol.asyncDispose](): Promise<void> {
    this.#closed ??= this.#close()
    return this.#closed
  }

  /** As disposing, for JavaScript without `await using`. */
  close(): Promise<void> {
    return this[Symbol.asyncDispose]()
  }

  async #close(): Promise<void> {
    const leaving = [...this.#memberships].map(async (membership) => {
      if (membership.state === 'joining') membership.close()
      else await membership.leave()
    })
    try {
      await Promise.all([
        ...leaving,
        this.#topics.drain(),
        this.#services.leave(),
        this.#elections.drain(),
        this.#onces.drain(),
      ])
    } finally {
      await Promise.all([this.#backend.close(), this.#elsewhere?.close()])
    }
  }

  #open(): Backend {
    if (this.#closed === undefined) return this.#backend
    throw new CaucusError('CAUCUS_CLOSED', 'this connection has been closed; connect again')
  }
}
