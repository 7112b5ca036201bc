import type {
  Engine,
  Entry,
  LeaseId,
  Outcome,
  Revision,
  Transaction,
  Watching,
  WatchSink,
} from '../../backends/etcd/engine.ts'
import type { Millis } from '../../core/time.ts'
import { CaucusError } from '../../errors.ts'
import type { Clock } from '../../ports/clock.ts'
import type { CallFaults, Path, Way } from './path.ts'
import type { EtcdStore } from './store.ts'

/** The process that an engine is in. */
export interface EngineProcess {
  /** By which it gives up. */
  readonly clock: Pick<Clock, 'now' | 'setTimer'>
  /** What arrived is read when its loop polls next. */
  deliver(read: () => void): void
}

/** The other end of the wire. */
export interface EtcdEnd {
  readonly store: EtcdStore
  readonly options: { readonly requestMs: Millis }
  after(ms: Millis, run: () => void): void
  /** Something was asked: it is carried out, refused or forgotten. */
  arrives(engine: SimulatedEngine, carryOut: () => void, refuse: () => void): void
  grant(ttlSeconds: number, engine: SimulatedEngine): { readonly lease: LeaseId; readonly ttlMs: Millis }
  keepAlive(lease: LeaseId): boolean
  addWatch(engine: SimulatedEngine, prefix: string, from: Revision, sink: WatchSink): Watching
  breakWatches(name?: string): void
  forget(engine: SimulatedEngine): void
}

interface Waiting {
  reject(error: CaucusError): void
}

/** What one process has of a simulated etcd, with what goes wrong between the two. */
export class SimulatedEngine implements Engine {
  readonly name: string
  readonly process: EngineProcess
  readonly path: Path
  readonly #etcd: EtcdEnd
  readonly #waiting = new Set<Waiting>()
  #isClosed = false

  constructor(etcd: EtcdEnd, name: string, process: EngineProcess, path: Path) {
    this.#etcd = etcd
    this.name = name
    this.process = process
    this.path = path
  }

  get faults(): CallFaults {
    return this.path.faults
  }

  get isOpen(): boolean {
    return !this.#isClosed
  }

  /** How many calls wait for an answer. */
  get pending(): number {
    return this.#waiting.size
  }

  /** Nothing passes that way until what this returns is called. */
  block(way: Way): () => void {
    return this.path.block(way)
  }

  /** Both ways. */
  cutOff(): () => void {
    const lifts = [this.block('requests'), this.block('answers')]
    return () => {
      for (const lift of lifts) lift()
    }
  }

  grant(ttlSeconds: number): Promise<{ readonly lease: LeaseId; readonly ttlMs: Millis }> {
    return this.#call('grant', () => this.#etcd.grant(ttlSeconds, this))
  }

  keepAlive(lease: LeaseId): Promise<boolean> {
    return this.#call('keepAlive', () => this.#etcd.keepAlive(lease))
  }

  revoke(lease: LeaseId): Promise<void> {
    return this.#call('revoke', () => this.#etcd.store.revoke(lease))
  }

  transact(transaction: Transaction): Promise<Outcome> {
    return this.#call('txn', () => this.#etcd.store.transact(transaction))
  }

  list(prefix: string): Promise<{ readonly entries: readonly Entry[]; readonly revision: Revision }> {
    const { store } = this.#etcd
    return this.#call('range', () => ({ entries: store.list(prefix), revision: store.revision }))
  }

  watch(prefix: string, from: Revision, sink: WatchSink): Watching {
    if (this.#isClosed) throw closed()
    return this.#etcd.addWatch(this, prefix, from, sink)
  }

  async close(): Promise<void> {
    this.#isClosed = true
    for (const waiting of [...this.#waiting]) waiting.reject(closed())
    this.#etcd.forget(this)
  }

  /** Its process was killed: nobody waits for anything any more. What is under way still arrives. */
  die(): void {
    this.#isClosed = true
    this.#waiting.clear()
    this.#etcd.forget(this)
  }

  /** Its connection is lost: whoever waits hears so at once, and what it asked for may have happened, or still happen. */
  disconnect(): void {
    this.process.deliver(() => {
      for (const waiting of [...this.#waiting]) waiting.reject(lost())
    })
    this.#etcd.breakWatches(this.name)
  }

  #call<T>(what: string, carryOut: () => T): Promise<T> {
    if (this.#isClosed) return Promise.reject(closed())
    const { clock, deliver } = this.process
    const { requestMs } = this.#etcd.options
    return new Promise((resolve, reject) => {
      const settle = (end: () => void) => {
        if (!this.#waiting.delete(waiting)) return
        timer.clear()
        end()
      }
      const waiting: Waiting = { reject: (error) => settle(() => reject(error)) }
      this.#waiting.add(waiting)
      const timer = clock.setTimer(clock.now() + requestMs, () => waiting.reject(silent(what, requestMs)))
      const answer = (end: () => void) =>
        this.path.answer((afterMs) => this.#etcd.after(afterMs, () => deliver(() => settle(end))))
      const arrive = () => {
        const done = doneBy(carryOut)
        answer(() => ('error' in done ? reject(done.error) : resolve(done.value)))
      }
      const refuse = () => answer(() => reject(leaderless(what)))
      this.path.request((afterMs) => this.#etcd.after(afterMs, () => this.#etcd.arrives(this, arrive, refuse)))
    })
  }
}

type Done<T> = { readonly value: T } | { readonly error: unknown }

const doneBy = <T>(carryOut: () => T): Done<T> => {
  try {
    return { value: carryOut() }
  } catch (error) {
    return { error }
  }
}

const closed = () => new CaucusError('CAUCUS_CLOSED', 'the connection to etcd was closed; nothing more is asked')

const lost = () => new CaucusError('CAUCUS_CONNECTION_LOST', 'the connection to etcd was lost; it may have happened')

const silent = (what: string, afterMs: Millis) =>
  new CaucusError('CAUCUS_TIMEOUT', `etcd did not answer ${what} within ${afterMs} ms; it may have happened`)

const leaderless = (what: string) =>
  new CaucusError('CAUCUS_UNAVAILABLE', `etcd refused ${what}: it has no leader; nothing happened`)
