import type { Timing } from '../../config/timing.ts'
import type { GroupView } from '../../core/group/view.ts'
import type { Millis } from '../../core/time.ts'
import { CaucusError, isCaucusError } from '../../errors.ts'
import type { Backend, LinkEvent, Present } from '../../ports/backend.ts'
import type { Clocks } from '../../ports/clock.ts'
import type { Guarantees } from '../../ports/hosting.ts'
import type { RegistryPort } from '../../ports/registry.ts'
import { BackOff } from '../../runtime/back-off.ts'
import { History } from '../../runtime/history.ts'
import { Loops } from '../../runtime/loops.ts'
import { MembershipDriver } from '../../runtime/membership-driver.ts'
import { orAborted, sleep } from '../../runtime/wait.ts'
import { Coordinating } from './coordinating.ts'
import { type Engine, MAX_OPERATIONS } from './engine.ts'
import { eventsAt } from './events.ts'
import { Keys } from './keys.ts'
import { isBelow, tooLow } from './least-generation.ts'
import { EtcdLink } from './link.ts'
import type { SoundEtcd } from './options.ts'
import { coordinatorOf } from './parsed.ts'
import { Reader } from './reader.ts'
import { foundIn } from './round.ts'

/** Everything through which chance and the network reach this backend; clocks and names are among its options. */
export interface EtcdSurroundings {
  /** Closed with the backend. */
  readonly engine: Engine
  /** In [0, 1). */
  random(): number
  wallMs(): number
  /** Names this process to people. */
  readonly process: string
}

const LEAST_TTL_SECONDS = 3

const GUARANTEES: Guarantees = { exclusion: 'fenced', survivesRestart: true, survivesPartition: true }

/** Resolves with a backend that has reached etcd; otherwise nothing of it is left. */
export const openOn = async (
  sound: SoundEtcd,
  around: EtcdSurroundings,
  signal: AbortSignal | undefined,
): Promise<Backend> => {
  const backend = new EtcdBackend(sound, around)
  try {
    await backend.ready(sound.connectTimeoutMs, signal)
    return backend
  } catch (error) {
    await backend.close()
    throw error
  }
}

class EtcdBackend implements Backend {
  readonly guarantees = GUARANTEES
  readonly clocks: Clocks
  readonly wallMs: () => number
  readonly timing: Timing
  readonly registry: RegistryPort
  readonly #sound: SoundEtcd
  readonly #around: EtcdSurroundings
  readonly #keys: Keys
  readonly #reader: Reader
  readonly #members: MembershipDriver
  readonly #coordinating: Coordinating
  readonly #link = new History<LinkEvent>()
  /** Those who read events. */
  readonly #loops = new Loops()
  #isLinked = false
  /** Why this process cannot coordinate, as it was told last. */
  #refused: string | undefined
  /** Why nobody is linked to whoever coordinates. */
  #refusal: LinkEvent | undefined
  /** Why etcd did not answer the last time that somebody connected. */
  #unreached: CaucusError | undefined
  #closed: Promise<void> | undefined

  constructor(sound: SoundEtcd, around: EtcdSurroundings) {
    const { clocks, timing, settings, shortestLeaseMs, leastGeneration, fresh, requestMs, telemetry } = sound
    const { engine, process } = around
    this.clocks = clocks
    this.wallMs = () => around.wallMs()
    this.timing = timing
    this.#sound = sound
    this.#around = around
    this.#keys = new Keys(sound.prefix)
    this.#reader = new Reader(engine, this.#keys)
    this.registry = {
      services: ({ signal } = {}) => orAborted(signal, () => this.#reader.services()),
      service: (name, { signal } = {}) => orAborted(signal, () => this.#reader.service(name)),
    }
    const clock = clocks.grantor
    const common = { engine, keys: this.#keys, clock, random: () => around.random(), onFault: thrown }
    this.#coordinating = new Coordinating({
      ...common,
      wallMs: this.wallMs,
      process,
      settings,
      leastGeneration,
      fresh,
      // Renewed after a third of it, by a request that may have to be made twice.
      ttlSeconds: Math.max(LEAST_TTL_SECONDS, Math.ceil((3 * requestMs) / 1_000)),
      telemetry,
      failed: (error) => this.#uncoordinated(error),
    })
    const { heartbeatMs, reconnectMaxMs } = timing
    const url = sound.urls.join(',')
    const tell = (event: LinkEvent) => {
      this.#isLinked = event.type === 'link.opened'
      if (this.#isLinked) this.#refused = undefined
      this.#refusal = event.type === 'link.refused' ? event : undefined
      this.#link.record(event)
    }
    const linkTiming = { heartbeatMs, leaseMs: shortestLeaseMs, reconnectMaxMs, requestMs }
    const linkOptions = { ...common, ...linkTiming, url, prefix: sound.prefix, leastGeneration, tell }
    this.#members = new MembershipDriver({
      clock: clocks.holder,
      open: (sink) => new EtcdLink(linkOptions, sink),
      telemetry,
    })
  }

  /** Where others coordinate that is for the log alone; where nobody does, whoever waits for a share is to know why. */
  #uncoordinated(error: CaucusError): void {
    if (this.#isLinked || this.#refused === error.message) return
    this.#refused = error.message
    this.#link.record({ type: 'link.refused', url: this.#sound.urls.join(','), error })
  }

  /** Resolves once etcd has answered. */
  async ready(limitMs: Millis, signal: AbortSignal | undefined): Promise<void> {
    const clock = this.clocks.grantor
    const ended = new AbortController()
    const abort = () => ended.abort(signal?.reason)
    if (signal?.aborted) abort()
    signal?.addEventListener('abort', abort, { once: true })
    const limit = clock.setTimer(clock.now() + limitMs, () => ended.abort())
    try {
      await this.#answered(ended.signal)
    } catch (error) {
      signal?.throwIfAborted()
      throw ended.signal.aborted ? unreachable(this.#sound, this.#unreached) : error
    } finally {
      limit.clear()
      signal?.removeEventListener('abort', abort)
    }
  }

  async #answered(signal: AbortSignal): Promise<void> {
    const { engine, random } = this.#around
    const backOff = new BackOff(() => random(), this.timing.reconnectMaxMs)
    const { leastGeneration, prefix } = this.#sound
    // As large as any that follows: an etcd that takes fewer operations would refuse joins later, where nobody sees why.
    const then = Array.from({ length: MAX_OPERATIONS }, () => ({ type: 'get', key: this.#keys.coordinator }) as const)
    for (;;) {
      try {
        const { found } = await orAborted(signal, () => engine.transact({ then }))
        const generation = foundIn(found[0], coordinatorOf)?.value.generation
        if (isBelow(generation, leastGeneration)) throw tooLow(prefix, generation, leastGeneration)
        return
      } catch (error) {
        signal.throwIfAborted()
        if (!isCaucusError(error) || !error.retriable) throw error
        this.#unreached = error
      }
      await sleep(this.clocks.grantor, backOff.nextPauseMs(), { signal })
    }
  }

  newId(): string {
    return this.#sound.newId()
  }

  /** Whoever is going to be a member may coordinate: who only reads never does. */
  prepare(): void {
    if (this.#closed === undefined) this.#coordinating.begin()
  }

  join(...[request, listener]: Parameters<Backend['join']>) {
    const membership = this.#members.join(request, listener)
    this.prepare()
    // Told before anybody waited for it; whoever joins now and listens from now on is to know, too.
    const refusal = this.#refusal
    if (refusal !== undefined) queueMicrotask(() => this.#link.record(refusal))
    return membership
  }

  groups({ signal }: { signal?: AbortSignal | undefined } = {}): Promise<readonly GroupView[]> {
    return orAborted(signal, () => this.#reader.groups())
  }

  group(name: string, { signal }: { signal?: AbortSignal | undefined } = {}): Promise<GroupView | undefined> {
    return orAborted(signal, () => this.#reader.group(name))
  }

  present(group: string, { signal }: { signal?: AbortSignal | undefined } = {}): Promise<Present> {
    return orAborted(signal, () => this.#reader.present(group))
  }

  events({ group, after, signal }: Parameters<Backend['events']>[0]) {
    const { engine, random } = this.#around
    const { reconnectMaxMs } = this.timing
    const clock = this.clocks.grantor
    const key = this.#keys.events(group)
    const reader = eventsAt({ engine, key, after, clock, random: () => random(), reconnectMaxMs, signal })
    // Whoever was still asking for something else when the connection was closed.
    if (this.#closed !== undefined) reader.finish()
    return this.#loops.keep(reader)
  }

  linkEvents(options: Parameters<Backend['linkEvents']>[0]) {
    return this.#link.events(options)
  }

  close(): Promise<void> {
    this.#closed ??= this.#close()
    return this.#closed
  }

  /** Its members leave first, while somebody still coordinates; then whoever is elected next finds everything in order. */
  async #close(): Promise<void> {
    this.#link.close()
    await this.#loops.close()
    await this.#members.close()
    await this.#coordinating.close()
    await this.#around.engine.close()
  }
}

/** Thrown where nobody catches it, as a fault of ours should be. */
const thrown = (error: unknown): void =>
  queueMicrotask(() => {
    throw error
  })

const unreachable = ({ urls, connectTimeoutMs }: SoundEtcd, cause: CaucusError | undefined): CaucusError =>
  new CaucusError(
    'CAUCUS_UNAVAILABLE',
    `no etcd of ${urls.join(', ')} could be reached within ${connectTimeoutMs} ms: ${cause?.message ?? 'no answer'}`,
    { cause, details: { urls } },
  )
