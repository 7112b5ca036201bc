import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { CaucusError } from '../errors.ts'
import type { Ending } from './child.ts'
import type { Coordination } from './coordination.ts'
import { Crew, type Worker } from './crew.ts'
import type { DemoEvent } from './events.ts'
import { freeze } from './freezer.ts'
import { GROUP, untilWhole } from './group.ts'
import { LineLog } from './log.ts'
import type { FromWorker, ToWorker } from './messages.ts'
import { type Fault, LULL_MS } from './script.ts'
import type { Stage } from './stage.ts'
import { movesBetween, type OwnersView, sharesOf } from './views.ts'

interface Wait {
  readonly worker: Worker
  readonly type: FromWorker['type']
  resolve(): void
  reject(reason: unknown): void
}

/** The workers as a group: lets them join, does the faults, and knows when the group is whole again and what moved meanwhile. */
export class Team {
  readonly #stage: Stage
  readonly #tell: (event: DemoEvent) => void
  readonly #controller = new AbortController()
  readonly #crew: Crew
  readonly #coordination: Coordination
  readonly #views: LineLog
  readonly #waits = new Set<Wait>()
  readonly #killServers = () => this.#coordination.killAll()
  readonly counts = { killed: 0, frozen: 0, joined: 0 }
  #view: OwnersView = { members: [], owners: [] }
  #frozen: Worker | undefined
  #thaw = () => {}

  constructor(stage: Stage, tell: (event: DemoEvent) => void) {
    this.#stage = stage
    this.#tell = tell
    this.#views = new LineLog(join(stage.folder, 'views.ndjson'))
    this.#crew = new Crew({
      said: (worker, message) => this.#said(worker, message),
      lost: (worker, ending) => this.#lost(worker, ending),
    })
    this.#coordination = stage.coordinate({ tell, failed: (error) => this.abort(error) }, this.signal)
    // The last resort, for errors that nobody caught.
    process.once('exit', this.#killServers)
  }

  get signal(): AbortSignal {
    return this.#controller.signal
  }

  /** A command that shows the group. */
  get look(): string {
    return this.#coordination.look
  }

  /** Who coordinates now, where somebody else could take over. */
  async findCoordinator(): Promise<
    { readonly id: string; readonly pid: number; readonly isWorker: boolean } | undefined
  > {
    const found = await this.#coordination.findCoordinator()
    if (found === undefined) return undefined
    const { id, pid } = found
    if (id !== undefined) return { id, pid, isWorker: false }
    const worker = this.#crew.atWork.find(({ child }) => child.pid === pid)
    return worker && { id: worker.id, pid, isWorker: true }
  }

  get atWork(): readonly Worker[] {
    return this.#crew.atWork
  }

  /** Every wait ends with `reason`. */
  abort(reason: unknown): void {
    this.#controller.abort(reason)
    for (const wait of this.#waits) wait.reject(reason)
  }

  async sleep(ms: number): Promise<void> {
    await sleep(ms, undefined, { signal: this.signal }).catch(() => this.signal.throwIfAborted())
  }

  /** Resolves once the servers and the first workers are there, and everything has an owner. */
  async start(): Promise<void> {
    await this.#coordination.start()
    await Promise.all(Array.from({ length: this.#stage.workers }, () => this.#hire()))
    await this.#untilWhole(performance.now())
  }

  tellAll(message: ToWorker): void {
    this.#crew.tellAll(message)
  }

  /** Resolves once everybody at work has said so, or after `limitMs`. */
  async untilAll(type: FromWorker['type'], limitMs: number): Promise<void> {
    const all = Promise.all(this.#crew.atWork.map((worker) => this.#until(type, worker)))
    await Promise.race([all, this.sleep(limitMs)])
  }

  /** Does it, and resolves once the group is whole again. */
  async suffer(fault: Fault): Promise<void> {
    const sinceMs = performance.now()
    // In the order of their age, so that each fault meets another one.
    const [oldest, second = oldest] = this.#crew.atWork
    if (fault === 'join') {
      await this.#hire()
      this.counts.joined++
    } else if (fault === 'kill') {
      if (oldest !== undefined) await this.#kill(oldest)
    } else if (fault === 'failover') {
      await this.#failOver()
    } else if (second !== undefined) await this.#freeze(second)
    await this.#untilWhole(sinceMs)
  }

  /** Tells what becomes of the group, whoever is killed, until it is aborted. */
  async watch(): Promise<never> {
    for (;;) {
      const changed = this.#expected().join() !== this.#view.members.join()
      if (changed) await this.#untilWhole(performance.now(), { patiently: true })
      await this.sleep(100)
    }
  }

  /** Resolves once no process is left. */
  async stop(): Promise<void> {
    this.#thaw()
    await this.#crew.stop({ atOnce: this.signal.aborted })
    if (this.signal.aborted) this.#coordination.killAll()
    await this.#coordination.stop()
    process.off('exit', this.#killServers)
    this.#views.close()
  }

  /** Starts one more worker and waits until it is a member. */
  async #hire(): Promise<void> {
    const { folder, dir } = this.#stage
    const worker = this.#crew.startWorker({ reach: this.#coordination.reach, group: GROUP, folder, dir })
    await this.#until('ready', worker)
    if (worker.isAtWork) this.#tell({ type: 'joined', worker: worker.id, pid: worker.child.pid })
  }

  async #kill(worker: Worker, { coordinated }: { coordinated?: true } = {}): Promise<void> {
    const { id, child } = worker
    await this.#crew.kill(worker)
    this.counts.killed++
    const partitions = sharesOf(this.#view)[id] ?? 0
    this.#tell({ type: 'killed', worker: id, pid: child.pid, partitions, ...(coordinated === true && { coordinated }) })
  }

  /** Where it is a worker that coordinates, that one is killed, and another one joins in its place. */
  async #failOver(): Promise<void> {
    if (this.#coordination.failOver !== undefined) return this.#coordination.failOver()
    const coordinator = await this.findCoordinator()
    const worker = this.#crew.atWork.find(({ child }) => child.pid === coordinator?.pid)
    if (worker === undefined)
      throw new CaucusError('CAUCUS_NOT_SETTLED', 'no worker coordinates, so none can be killed for it')
    await this.#kill(worker, { coordinated: true })
    await this.#hire()
    this.counts.joined++
  }

  /** Frozen until everything of it went to others, so past its lease by then; continued, it must find that out by itself. */
  async #freeze(worker: Worker): Promise<void> {
    const { id, child } = worker
    const sinceMs = performance.now()
    this.#thaw = freeze(child)
    this.#frozen = worker
    this.counts.frozen++
    this.#tell({ type: 'frozen', worker: id, pid: child.pid, partitions: sharesOf(this.#view)[id] ?? 0 })
    await this.#untilWhole(sinceMs)
    await this.sleep(LULL_MS)
    this.#frozen = undefined
    const woke = this.#until('woke', worker)
    this.#thaw()
    this.#tell({ type: 'continued', worker: id, pid: child.pid, frozenMs: Math.round(performance.now() - sinceMs) })
    await woke
  }

  /** Who has to be in the group for it to be whole. */
  #expected(): string[] {
    const there = this.#crew.atWork.filter((worker) => worker !== this.#frozen)
    return there.map(({ id }) => id).sort()
  }

  async #untilWhole(sinceMs: number, options: { patiently?: boolean } = {}): Promise<void> {
    const look = () => this.#coordination.picture(GROUP)
    const view = await untilWhole(look, () => this.#expected(), this.signal, options)
    const moves = movesBetween(this.#view, view)
    this.#view = view
    this.#views.append([view])
    this.#tell({ type: 'whole', afterMs: Math.round(performance.now() - sinceMs), shares: sharesOf(view), ...moves })
  }

  /** Resolves once the worker said that, or has ended. */
  #until(type: FromWorker['type'], worker: Worker): Promise<void> {
    if (!worker.isAtWork) return Promise.resolve()
    return new Promise((resolve, reject) => void this.#waits.add({ worker, type, resolve, reject }))
  }

  #said(worker: Worker, message: FromWorker): void {
    if (message.type === 'woke') this.#tell({ ...message, worker: worker.id })
    this.#wake((wait) => wait.worker === worker && wait.type === message.type)
  }

  /** Somebody else killed it, which is welcome; if it failed by itself, the demo has failed. */
  #lost(worker: Worker, { code, signal }: Ending): void {
    const because = signal ?? (code === 0 ? 'left' : `code ${code}`)
    this.#tell({ type: 'lost', worker: worker.id, pid: worker.child.pid, because })
    if (worker === this.#frozen) this.#frozen = undefined
    this.#wake((wait) => wait.worker === worker)
    if (signal === null && code !== 0) this.abort(worker.child.endedTooEarly())
  }

  #wake(isOver: (wait: Wait) => boolean): void {
    for (const wait of this.#waits) {
      if (!isOver(wait)) continue
      this.#waits.delete(wait)
      wait.resolve()
    }
  }

  /** With nobody left there is nobody who could do what is left. */
  throwIfDeserted(): void {
    if (this.#crew.atWork.length > 0) return
    throw new CaucusError('CAUCUS_UNAVAILABLE', 'every worker was stopped before the work was done')
  }
}
