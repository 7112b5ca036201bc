import type { LeaseId, Revision, WatchSink } from '../../backends/etcd/engine.ts'
import { type Random, seededRandom } from '../../core/random.ts'
import type { Instant, Millis } from '../../core/time.ts'
import type { Clock, Timer } from '../../ports/clock.ts'
import { type CallFaults, Path } from './path.ts'
import { type EngineProcess, type EtcdEnd, SimulatedEngine } from './simulated-engine.ts'
import { type Commit, EtcdStore } from './store.ts'
import { SimulatedWatch } from './watch.ts'

export { type CallFaults, type EngineProcess, SimulatedEngine }

export interface SimulatedEtcdOptions {
  /** Real time of the world that etcd is in: a `SimulatedClock` will do. */
  readonly clock: Pick<Clock, 'now' | 'setTimer'>
  readonly random?: Random
  /** How long a packet takes one way. Default: 1. */
  readonly delayMs?: Millis
  /** After which a call is given up. Default: 2000. */
  readonly requestMs?: Millis
  /** How often a watch tells how far it is, at least. Default: 1000. */
  readonly progressMs?: Millis
  /** Told of every revision, in the step in which it is made, and who made it; nobody did when a lease has ended. */
  onCommit?(commit: Commit, by: SimulatedEngine | undefined): void
}

/**
 * An etcd that is always right and not always there: linearizable, with revisions, leases, compaction and watches, by simulated time.
 * `engine(name)` is what one process has of it. Nothing goes wrong until somebody asks for it.
 */
export class SimulatedEtcd implements EtcdEnd {
  readonly store: EtcdStore
  readonly random: Random
  readonly options: Required<Omit<SimulatedEtcdOptions, 'onCommit' | 'random'>>
  readonly #engines = new Set<SimulatedEngine>()
  readonly #watches = new Set<{ readonly watch: SimulatedWatch; readonly engine: SimulatedEngine }>()
  readonly #timers = new Set<Timer>()
  /** Leases whose end is waited for. */
  readonly #watched = new Set<LeaseId>()
  readonly #grantees = new Map<LeaseId, SimulatedEngine>()
  #acting: SimulatedEngine | undefined
  #isUp = true
  #queued: (() => void)[] = []
  /** Calls that come while etcd is down wait for it with this chance, and are carried out when it is back. */
  keepsWhileDown = 0
  /** Or they are refused, with this chance. Otherwise they are lost. */
  refusesWhileDown = 0
  /** Until this instant leases are acknowledged by a leader that was replaced: they are not extended (etcd-io/etcd#15247). */
  #deafUntil: Instant = 0
  /** How much later than its end a lease is taken away, at most. */
  expiryLagMs: Millis = 0

  constructor({
    clock,
    random = seededRandom(1),
    delayMs = 1,
    requestMs = 2_000,
    progressMs = 1_000,
    onCommit,
  }: SimulatedEtcdOptions) {
    this.options = { clock, delayMs, requestMs, progressMs }
    this.random = random
    this.store = new EtcdStore((commit) => {
      onCommit?.(commit, this.#acting)
      for (const { watch } of [...this.#watches]) watch.committed()
    })
  }

  /** What one process has of it: by itself without a process, whose answers come by etcd's own clock. */
  engine(name: string, process?: EngineProcess, path = this.path(name)): SimulatedEngine {
    const inside = process ?? { clock: this.options.clock, deliver: (read) => read() }
    const engine = new SimulatedEngine(this, name, inside, path)
    this.#engines.add(engine)
    return engine
  }

  /** For several engines that share one machine's way to etcd. */
  path(name = 'path'): Path {
    return new Path(this.random.fork(name), this.options.delayMs)
  }

  get engines(): readonly SimulatedEngine[] {
    return [...this.#engines]
  }

  get isUp(): boolean {
    return this.#isUp
  }

  now(): Instant {
    return this.options.clock.now()
  }

  /** How many timers of its own wait on its clock: not of any process. */
  get pending(): number {
    return this.#timers.size
  }

  after(ms: Millis, run: () => void): void {
    const timer: Timer = this.options.clock.setTimer(
      this.now() + Math.max(0, ms),
      () => {
        this.#timers.delete(timer)
        run()
      },
      { ref: false },
    )
    this.#timers.add(timer)
  }

  /** No leader, for as long as nobody calls `start`: nothing is answered, and no lease ends. */
  stop({ breaksWatches = true }: { readonly breaksWatches?: boolean } = {}): void {
    this.#isUp = false
    if (breaksWatches) this.breakWatches()
  }

  /** A new leader: leases are as good as new. */
  start(): void {
    if (this.#isUp) return
    this.#isUp = true
    this.store.extendAll(this.now())
    for (const lease of this.store.leases) this.#watchLease(lease)
    for (const run of this.#queued.splice(0)) run()
  }

  /** For so long keep-alives are acknowledged and extend nothing. */
  keepAliveInVain(ms: Millis): void {
    this.#deafUntil = Math.max(this.#deafUntil, this.now() + ms)
  }

  /** Takes a lease away with its keys, as if it had ended. */
  expire(lease: LeaseId): void {
    this.store.revoke(lease)
  }

  /** What is before this revision is forgotten; by default everything before the last. */
  compact(revision: Revision = this.store.revision): void {
    this.store.compact(revision)
  }

  /** Of one engine, or of all. */
  breakWatches(name?: string): void {
    for (const watch of this.#watchesOf(name)) watch.break('the connection is lost')
  }

  lagWatches(ms: Millis, name?: string): void {
    for (const watch of this.#watchesOf(name)) watch.lag(ms)
  }

  #watchesOf(name: string | undefined): SimulatedWatch[] {
    return [...this.#watches]
      .filter(({ engine }) => name === undefined || engine.name === name)
      .map(({ watch }) => watch)
  }

  /** At etcd's end of the wire. */
  arrives(engine: SimulatedEngine, carryOut: () => void, refuse: () => void): void {
    const act = () => {
      this.#acting = engine
      carryOut()
      this.#acting = undefined
    }
    if (this.#isUp) return act()
    const draw = this.random.next()
    if (draw < this.keepsWhileDown) this.#queued.push(act)
    else if (draw < this.keepsWhileDown + this.refusesWhileDown) refuse()
  }

  grant(ttlSeconds: number, engine: SimulatedEngine): { readonly lease: LeaseId; readonly ttlMs: Millis } {
    const { lease, ttlMs } = this.store.grant(ttlSeconds, this.now())
    this.#grantees.set(lease, engine)
    this.#watchLease(lease)
    return { lease, ttlMs }
  }

  /** Who asked for a lease. */
  nameOf(lease: LeaseId): string | undefined {
    return this.#grantees.get(lease)?.name
  }

  /** Who asked for the lease of a key that is there. */
  granteeOf(key: string): SimulatedEngine | undefined {
    const lease = this.store.leaseOf(key)
    return lease === undefined ? undefined : this.#grantees.get(lease)
  }

  keepAlive(lease: LeaseId): boolean {
    if (this.now() < this.#deafUntil) return this.store.endOf(lease) !== undefined
    return this.store.keepAlive(lease, this.now())
  }

  #watchLease(lease: LeaseId): void {
    const endsAt = this.store.endOf(lease)
    if (endsAt === undefined || this.#watched.has(lease)) return
    this.#watched.add(lease)
    const lagMs = this.expiryLagMs === 0 ? 0 : this.random.next() * this.expiryLagMs
    this.after(endsAt + lagMs - this.now(), () => {
      this.#watched.delete(lease)
      const end = this.store.endOf(lease)
      if (end === undefined || !this.#isUp) return
      if (end > this.now()) this.#watchLease(lease)
      else this.store.revoke(lease)
    })
  }

  addWatch(engine: SimulatedEngine, prefix: string, from: Revision, sink: WatchSink): SimulatedWatch {
    const watch = new SimulatedWatch({
      store: this.store,
      prefix,
      from,
      sink,
      progressMs: this.options.progressMs,
      now: () => this.now(),
      after: (ms, run) => this.after(ms, run),
      travelMs: () => (this.#isUp ? engine.path.travelMs('answers') : undefined),
      deliver: (read) => engine.process.deliver(read),
      over: (it) => {
        for (const each of this.#watches) if (each.watch === it) this.#watches.delete(each)
      },
    })
    this.#watches.add({ watch, engine })
    return watch
  }

  forget(engine: SimulatedEngine): void {
    this.#engines.delete(engine)
    for (const each of [...this.#watches]) if (each.engine === engine) each.watch.close()
  }
}
