import { type CoordinatorMessage, type Hello, type MemberMessage, PROTOCOL } from '../../core/group/messages.ts'
import type { Generation } from '../../core/lease.ts'
import type { Instant, Millis } from '../../core/time.ts'
import { CaucusError, isCaucusError } from '../../errors.ts'
import type { LinkEvent } from '../../ports/backend.ts'
import type { Clock, Timer } from '../../ports/clock.ts'
import type { CoordinatorLink, LinkSink } from '../../ports/link.ts'
import { BackOff } from '../../runtime/back-off.ts'
import type { Engine } from './engine.ts'
import { KeyWatch } from './key-watch.ts'
import type { Keys } from './keys.ts'
import { isBelow, tooLow } from './least-generation.ts'
import { coordinatorOf, shareOf } from './parsed.ts'
import { ProcessLease } from './process-lease.ts'
import { Renewals } from './renewals.ts'
import { type Findings, foundIn } from './round.ts'
import { Seats, type Watched } from './seats.ts'

export interface EtcdLinkOptions {
  readonly engine: Engine
  readonly keys: Keys
  /** The grantor's. */
  readonly clock: Clock
  /** In [0, 1). */
  random(): number
  /** How etcd is called in what is told of the link. */
  readonly url: string
  /** Under which everything lies, for what is told. */
  readonly prefix?: string
  /** Whoever coordinates below it is nobody to be given anything by. */
  readonly leastGeneration?: Generation | undefined
  /** How often members renew, at most. */
  readonly heartbeatMs: Millis
  /** Of groups without a timing of their own: the lease of this process in etcd, and how long a member may be unheard. */
  readonly leaseMs: Millis
  readonly reconnectMaxMs: Millis
  /** How long one call may take. */
  readonly requestMs: Millis
  tell(event: LinkEvent): void
  /** A broken invariant of ours. */
  onFault(error: unknown): void
}

/** How long the end of a connection waits for the answers to what was said last. */
const LAST_WORDS_MS: Millis = 1_000

/**
 * The way of a process's memberships to whoever coordinates: what they say lies in session keys under one lease, and each renewal reads in one
 * linearizable transaction what they were answered (docs/adr/0026-groups-on-etcd.md, rules 2 to 4). It finds out who coordinates, and keeps the lease.
 */
export class EtcdLink implements CoordinatorLink {
  readonly #options: EtcdLinkOptions
  readonly #sink: LinkSink
  readonly #lease: ProcessLease
  readonly #seats: Seats
  readonly #backOff: BackOff
  readonly #coordinator: KeyWatch
  #state: 'down' | 'open' | 'closing' | 'closed' = 'down'
  #hello: Hello | undefined
  #instanceId: string | undefined
  /** Of the store, at which the coordinator was seen last. */
  #seenAt = 0
  /** Since when nothing has been answered any more. */
  #failingSince: Instant | undefined
  /** Why it cannot be reached, as it was told last. */
  #told: string | undefined
  readonly #renewals: Renewals
  #beat: Timer | undefined
  #probe: Timer | undefined
  #closed: Promise<void> | undefined

  constructor(options: EtcdLinkOptions, sink: LinkSink) {
    const { engine, keys, clock, random, reconnectMaxMs, leaseMs } = options
    this.#options = options
    this.#sink = sink
    this.#lease = new ProcessLease(engine, Math.max(2, Math.ceil(leaseMs / 1_000)))
    this.#backOff = new BackOff(random, reconnectMaxMs)
    this.#seats = new Seats({
      engine,
      keys,
      leaseMs,
      onFault: options.onFault,
      pushed: (watched, entry) => {
        const share = foundIn(entry, (text) => shareOf(text, watched.seat.name))
        if (share !== undefined && watched.seat.pushed(share)) this.#answer([watched])
      },
      begun: (watched) => {
        if (watched.seat.readAt < watched.begunAt) this.#renewals.add([watched])
      },
    })
    this.#renewals = new Renewals({
      engine,
      keys,
      clock,
      repeatMs: leaseMs,
      seats: this.#seats,
      lease: this.#lease,
      isOpen: () => this.#state === 'open' || this.#state === 'closing',
      learned: (findings) => this.#learned(findings),
      answer: (watched) => this.#answer(watched),
      tooLarge: (watched, error) => this.#refuse(watched, error),
      lost: (lease) => this.#lost(lease),
      failed: (error) => this.#failed(error),
      onFault: options.onFault,
    })
    this.#coordinator = new KeyWatch(engine, keys.coordinator, (entry) => {
      if (entry === undefined || this.#state === 'closed') return
      // Who coordinates first has named this etcd with it, and that is yet to be read.
      if (this.#instanceId === undefined) return this.#lookBy(clock.now())
      this.#learn(foundIn(entry, coordinatorOf)?.value.generation, this.#instanceId, entry.modRevision)
    })
    this.#lookBy(clock.now())
  }

  send(messages: readonly MemberMessage[]): void {
    const generation = this.#hello?.generation
    if (this.#state !== 'open' || generation === undefined) return
    const now = this.#options.clock.now()
    this.#renewals.add(messages.map((message) => this.#seats.take(message, generation, now)))
  }

  /** It is another etcd than the one that something is still held from: it is looked at again, until that has run out. */
  reject(): void {
    this.#backOff.lengthen()
    const error = new CaucusError(
      'CAUCUS_CONFLICT',
      `${this.#options.url} is another etcd (${this.#instanceId}) than the one that this process still holds a share from; it is used once that has run out`,
    )
    this.#down(error)
  }

  close(): Promise<void> {
    this.#closed ??= this.#close()
    return this.#closed
  }

  async #close(): Promise<void> {
    const isOpen = this.#state === 'open'
    this.#state = 'closing'
    this.#probe?.clear()
    this.#beat?.clear()
    // What was said last is heard before its lease goes: whoever left in good order is waited for by nobody.
    if (isOpen) await this.#atMost(LAST_WORDS_MS, (done) => this.#seats.whenNobodyLeaves(done))
    this.#state = 'closed'
    this.#coordinator.close()
    this.#seats.close()
    // Where nobody answers it runs out by itself.
    await this.#atMost(LAST_WORDS_MS, (done) => void this.#lease.revoke().then(done, done))
  }

  async #atMost(limitMs: Millis, begin: (done: () => void) => void): Promise<void> {
    const { clock } = this.#options
    await new Promise<void>((resolve) => {
      const limit = clock.setTimer(clock.now() + limitMs, resolve)
      begin(() => {
        limit.clear()
        resolve()
      })
    })
  }

  /** What nobody can be told, no coordinator will take. */
  #refuse({ seat }: Watched, { message }: CaucusError): void {
    this.#sink.received([{ type: 'refused', ...seat.name, code: 'CAUCUS_INVALID_ARGUMENT', message }])
  }

  #answer(watched: readonly Watched[]): void {
    if (this.#state !== 'open' && this.#state !== 'closing') return
    const generation = this.#hello?.generation
    const answers: CoordinatorMessage[] = []
    for (const { seat } of watched) {
      const answer = seat.answer(generation)
      if (answer !== undefined) answers.push(answer)
    }
    if (answers.length > 0) this.#sink.received(answers)
    // Whoever takes leave because of what it heard has done so by now.
    for (const each of watched) if (each.seat.hasEnded && !this.#renewals.has(each)) this.#seats.end(each)
  }

  #learned({ coordinator, instance, revision }: Findings): boolean {
    if (this.#state === 'closed') return false
    this.#reached()
    return this.#learn(coordinator?.value.generation, instance, revision)
  }

  /** What is read of who coordinates, at a revision of the store. False: the link is down because of it. */
  #learn(generation: number | undefined, instanceId: string | undefined, revision: number): boolean {
    if (instanceId !== undefined && this.#instanceId !== undefined && instanceId !== this.#instanceId) {
      this.#changeInstance(instanceId)
      return false
    }
    this.#instanceId ??= instanceId
    if (revision < this.#seenAt) return true
    this.#seenAt = revision
    if (generation === undefined || this.#instanceId === undefined) return true
    if (this.#hello !== undefined && generation <= this.#hello.generation) return true
    const { leastGeneration, prefix = '' } = this.#options
    if (isBelow(generation, leastGeneration)) {
      this.#down(tooLow(prefix, generation, leastGeneration))
      return false
    }
    const id = this.#instanceId
    const hello: Hello = { type: 'hello', protocol: PROTOCOL, clusterId: id, instanceId: id, generation }
    this.#hello = hello
    if (this.#state === 'open' || this.#state === 'closing') {
      this.#sink.received([hello])
      this.#sayLeaves()
    } else if (this.#state === 'down') this.#open(hello)
    return this.#state !== 'down'
  }

  #open(hello: Hello): void {
    const { url, tell } = this.#options
    this.#state = 'open'
    this.#told = undefined
    this.#probe?.clear()
    tell({ type: 'link.opened', url, instanceId: hello.instanceId, generation: hello.generation })
    // Its members say at once who they are; nobody is taken for silent who was not asked.
    this.#sink.opened(hello)
    void this.#beats()
  }

  /** Numbers of the one say nothing about the other's. */
  #changeInstance(instanceId: string): void {
    const { url } = this.#options
    this.#instanceId = instanceId
    this.#seenAt = 0
    this.#seats.forgetAll()
    this.#lease.forget(this.#lease.id)
    this.#down(new CaucusError('CAUCUS_CONNECTION_LOST', `${url} is another etcd now (${instanceId})`))
  }

  #reached(): void {
    this.#failingSince = undefined
  }

  #failed(error: unknown): void {
    const { clock, heartbeatMs, requestMs } = this.#options
    if (this.#state === 'closed' || this.#state === 'closing') return
    if (!isCaucusError(error)) throw error
    this.#failingSince ??= clock.now()
    const silentMs = Math.max(2.5 * heartbeatMs, 2 * requestMs)
    if (this.#state === 'open' && clock.now() - this.#failingSince >= silentMs) this.#down(error)
  }

  /** Its sessions are gone, and come anew. */
  #lost(lease: string | undefined): void {
    this.#lease.forget(lease)
    this.#seats.forget()
    this.#down(new CaucusError('CAUCUS_CONNECTION_LOST', 'the lease of this process in etcd ran out'))
  }

  #down(error: CaucusError): void {
    if (this.#state !== 'open' && this.#state !== 'down') return
    const wasOpen = this.#state === 'open'
    const { url, tell, clock } = this.#options
    this.#state = 'down'
    this.#hello = undefined
    this.#renewals.clear()
    this.#beat?.clear()
    if (wasOpen || error.code !== this.#told) {
      this.#told = error.code
      tell(
        wasOpen && error.retriable
          ? { type: 'link.lost', url, reason: error.message }
          : { type: 'link.refused', url, error },
      )
    }
    if (wasOpen) this.#sink.closed(error.message)
    this.#lookBy(clock.now() + this.#backOff.nextPauseMs())
  }

  #lookBy(at: Instant): void {
    this.#probe?.clear()
    this.#probe = this.#options.clock.setTimer(at, () => void this.#look())
  }

  /** Finds out who coordinates, until somebody does. */
  async #look(): Promise<void> {
    const { engine, keys, clock, heartbeatMs } = this.#options
    try {
      const then = [keys.coordinator, keys.instance].map((key) => ({ type: 'get', key }) as const)
      const { found, revision } = await engine.transact({ then })
      if (this.#state !== 'down') return
      this.#reached()
      this.#backOff.reset()
      this.#coordinator.from(revision + 1)
      this.#learn(foundIn(found[0], coordinatorOf)?.value.generation, found[1]?.value, revision)
    } catch (error) {
      if (!isCaucusError(error)) return this.#options.onFault(error)
      return this.#down(error)
    }
    // The watch tells, and may be stuck; nobody may coordinate for a long time.
    if (this.#isDown) this.#lookBy(clock.now() + heartbeatMs)
  }

  #sayLeaves(): void {
    const { generation } = this.#hello ?? {}
    const unsaid = this.#seats.unsaid()
    if (generation !== undefined) for (const { seat } of unsaid) seat.leaveTo(generation)
    this.#renewals.add(unsaid)
  }

  get #isDown(): boolean {
    return this.#state === 'down'
  }

  /** Keeps the lease, and does what nobody asks for. */
  async #beats(): Promise<void> {
    const { clock, engine, keys, heartbeatMs } = this.#options
    if (this.#state !== 'open') return
    this.#beat?.clear()
    this.#beat = clock.setTimer(clock.now() + Math.min(heartbeatMs, this.#lease.ttlMs / 4), () => void this.#beats())
    this.#sayLeaves()
    try {
      const lease = this.#lease.id
      const [isKept] = await Promise.all([this.#lease.keep(), this.#seats.tidy(clock.now())])
      if (this.#state !== 'open') return
      if (!isKept) return this.#lost(lease)
      if (lease !== undefined) this.#reached()
      if (this.#coordinator.isOpen) return
      const { revision, found } = await engine.transact({ then: [{ type: 'get', key: keys.coordinator }] })
      this.#coordinator.from(revision + 1)
      this.#learn(foundIn(found[0], coordinatorOf)?.value.generation, this.#instanceId, revision)
    } catch (error) {
      if (isCaucusError(error)) this.#failed(error)
      else this.#options.onFault(error)
    }
  }
}
