import { setMaxListeners } from 'node:events'
import { setTimeout as sleep } from 'node:timers/promises'
import { CaucusError } from '../errors.ts'
import type { Ending } from './child.ts'
import type { Coordination } from './coordination.ts'
import { Crew, type Worker } from './crew.ts'
import type { DemoEvent } from './events.ts'
import { GROUP, untilDrained } from './group.ts'
import type { FromWorker, ToWorker } from './messages.ts'
import { Network } from './network.ts'
import type { Question } from './questions.ts'
import { type Fault, LULL_MS } from './script.ts'
import type { Stage } from './stage.ts'
import { Whole } from './whole.ts'

interface Wait {
  readonly worker: Worker
  readonly type: FromWorker['type']
  resolve(): void
  reject(reason: unknown): void
}

export interface TeamListener {
  tell(event: DemoEvent): void
  /** Answers what a page of the demo asks. */
  answer(question: Question): Promise<unknown>
}

/** The workers as a group, and whoever coordinates them: lets workers join, and does to them what happens to processes and networks. */
export class Team {
  readonly #stage: Stage
  readonly #tell: (event: DemoEvent) => void
  readonly #controller = new AbortController()
  readonly #crew: Crew
  readonly #waits = new Set<Wait>()
  readonly #sinceMs = new Map<Worker, number>()
  /** A worker that is only just starting does not know yet which round it is. */
  #hiring: Promise<unknown> = Promise.resolve()
  readonly #killAll = () => {
    this.coordination.killAll()
    this.#network?.killAll()
  }
  readonly #network: Network | undefined
  readonly coordination: Coordination
  readonly whole: Whole
  readonly counts = { killed: 0, frozen: 0, joined: 0, cut: 0, deployed: 0 }
  #folder = ''

  constructor(stage: Stage, { tell, answer }: TeamListener) {
    this.#stage = stage
    this.#tell = tell
    // As many waits go on at once as there are processes; each takes its listener back.
    setMaxListeners(1_000, this.signal)
    this.#crew = new Crew({
      said: (worker, message) => this.#said(worker, message),
      lost: (worker, ending) => this.#lost(worker, ending),
    })
    const failed = (error: unknown) => this.abort(error)
    this.coordination = stage.coordinate({ tell, failed, ...(stage.stays && { answer }) }, this.signal)
    if (stage.stays && stage.servers.length > 0) this.#network = new Network(failed)
    this.whole = new Whole({
      look: () => this.coordination.picture(GROUP),
      expected: () => this.#crew.atWork.filter(isReachable).map(({ id }) => id),
      signal: this.signal,
      tell,
      patiently: stage.stays,
    })
    // The last resort, for errors that nobody caught.
    process.once('exit', this.#killAll)
  }

  get signal(): AbortSignal {
    return this.#controller.signal
  }

  /** Nothing is begun any more. */
  get isOver(): boolean {
    return this.whole.isClosed
  }

  /** Alive, and not stopped by us; the oldest first. */
  get atWork(): readonly Worker[] {
    return this.#crew.atWork
  }

  /** Workers can be cut off from what coordinates them. */
  get canCut(): boolean {
    return this.#network !== undefined
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
    await this.coordination.start()
    await Promise.all(Array.from({ length: this.#stage.workers }, () => this.#hire()))
    await this.whole.again(performance.now())
  }

  /** Another round: nobody is only just starting. */
  async begin(folder: string): Promise<void> {
    await this.#hiring
    this.#folder = folder
    this.whole.begin(folder)
    for (const what of Object.keys(this.counts) as (keyof typeof this.counts)[]) this.counts[what] = 0
  }

  tellAll(message: ToWorker): void {
    this.#crew.tellAll(message)
  }

  /** Resolves once everybody at work, of those who can hear it, has said so, or after `limitMs`. */
  async untilAll(type: FromWorker['type'], limitMs: number): Promise<void> {
    const awake = this.#crew.atWork.filter(({ isFrozen }) => !isFrozen)
    const all = Promise.all(awake.map((worker) => this.#until(type, worker)))
    await Promise.race([all, this.sleep(limitMs)])
  }

  /** Does it, and resolves once the group is whole again. */
  async suffer(fault: Fault): Promise<void> {
    const sinceMs = performance.now()
    // In the order of their age, so that each fault meets another one.
    const [oldest, second = oldest] = this.#crew.atWork.filter(isReachable)
    if (fault === 'join') await this.add()
    else if (fault === 'kill') {
      if (oldest !== undefined) await this.kill(oldest)
    } else if (fault === 'failover') await this.failOver()
    else if (second !== undefined) await this.#freezeForAWhile(second)
    await this.whole.again(sinceMs)
  }

  /** Resolves once one more worker is a member. */
  async add(): Promise<void> {
    await this.#hire()
    this.counts.joined++
  }

  async kill(worker: Worker, { coordinated }: { coordinated?: true } = {}): Promise<void> {
    const { id, child } = worker
    await this.#crew.kill(worker)
    this.#forget(worker)
    this.counts.killed++
    const partitions = this.#partitionsOf(worker)
    this.#tell({ type: 'killed', worker: id, pid: child.pid, partitions, ...(coordinated === true && { coordinated }) })
  }

  freeze(worker: Worker): void {
    this.#sinceMs.set(worker, performance.now())
    this.#crew.freeze(worker)
    this.counts.frozen++
    const { id, child } = worker
    this.#tell({ type: 'frozen', worker: id, pid: child.pid, partitions: this.#partitionsOf(worker) })
  }

  wake(worker: Worker): void {
    this.#crew.wake(worker)
    const { id, child } = worker
    this.#tell({ type: 'continued', worker: id, pid: child.pid, frozenMs: this.#msOf(worker) })
  }

  cut(worker: Worker): void {
    this.#sinceMs.set(worker, performance.now())
    worker.isCut = true
    this.#network?.cut(worker.id)
    this.counts.cut++
    this.#tell({ type: 'cut', worker: worker.id, partitions: this.#partitionsOf(worker) })
  }

  heal(worker: Worker): void {
    worker.isCut = false
    this.#network?.heal(worker.id)
    this.#tell({ type: 'healed', worker: worker.id, cutMs: this.#msOf(worker) })
  }

  /** Drained, stopped, and a new one in its place: as a deployment does with each replica. Resolves once everything has an owner again. */
  async replace(worker: Worker): Promise<void> {
    worker.isLeaving = true
    try {
      await this.#retire(worker)
    } finally {
      worker.isLeaving = false
    }
    await this.#hire()
    this.counts.deployed++
    await this.whole.again(performance.now())
  }

  async #retire(worker: Worker): Promise<void> {
    const { id, child } = worker
    this.#tell({ type: 'draining', worker: id, partitions: this.#partitionsOf(worker) })
    const { drain } = this.coordination
    if (drain !== undefined) {
      await drain.call(this.coordination, GROUP, id)
      const look = () => this.coordination.picture(GROUP)
      await untilDrained(look, () => worker.isAtWork && !this.isOver, id, this.signal)
    }
    // Somebody may have killed it meanwhile.
    const hasLeft = worker.isAtWork
    await this.#crew.dismiss(worker)
    this.#forget(worker)
    if (hasLeft) this.#tell({ type: 'left', worker: id, pid: child.pid })
    await this.whole.again(performance.now())
  }

  /** Where it is a worker that coordinates, that one is killed, and another one joins in its place. */
  async failOver(): Promise<void> {
    if (this.coordination.failOver !== undefined) return this.coordination.failOver()
    const { pid } = (await this.coordination.findCoordinator()) ?? {}
    const worker = this.#crew.atWork.find(({ child }) => child.pid === pid)
    if (worker === undefined)
      throw new CaucusError('CAUCUS_NOT_SETTLED', 'no worker coordinates, so none can be killed for it')
    await this.kill(worker, { coordinated: true })
    await this.add()
  }

  /** Resolves once no process is left. */
  async stop(): Promise<void> {
    this.whole.close()
    await this.#crew.stop({ atOnce: this.signal.aborted })
    if (this.signal.aborted) this.coordination.killAll()
    await this.coordination.stop()
    await this.#network?.stop()
    process.off('exit', this.#killAll)
  }

  /** With nobody left there is nobody who could do what is left. */
  throwIfDeserted(): void {
    if (this.#crew.atWork.length > 0) return
    throw new CaucusError('CAUCUS_UNAVAILABLE', 'every worker was stopped before the work was done')
  }

  /** Starts one more worker and waits until it is a member. */
  #hire(): Promise<void> {
    const hired = this.#start()
    this.#hiring = Promise.allSettled([this.#hiring, hired])
    return hired
  }

  async #start(): Promise<void> {
    const id = this.#crew.nextId()
    const { reach } = this.coordination
    const own = this.#network === undefined ? reach : await this.#network.reachFor(id, reach)
    // What is started now nobody would stop any more.
    this.whole.throwIfClosed()
    const { dir } = this.#stage
    const worker = this.#crew.startWorker({ id, reach: own, group: GROUP, folder: this.#folder, dir })
    await this.#until('ready', worker)
    if (worker.isAtWork) this.#tell({ type: 'joined', worker: id, pid: worker.child.pid })
  }

  /** Frozen until everything of it went to others, so past its lease by then; continued, it must find that out by itself. */
  async #freezeForAWhile(worker: Worker): Promise<void> {
    const sinceMs = performance.now()
    this.freeze(worker)
    await this.whole.again(sinceMs)
    await this.sleep(LULL_MS)
    // Somebody else may have woken or killed it.
    if (!worker.isFrozen || !worker.isAtWork) return
    const woke = this.#until('woke', worker)
    this.wake(worker)
    await woke
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
    this.#forget(worker)
    if (signal === null && code !== 0) this.abort(worker.child.endedTooEarly())
  }

  #forget(worker: Worker): void {
    this.#sinceMs.delete(worker)
    this.#network?.forget(worker.id)
    this.#wake((wait) => wait.worker === worker)
  }

  #wake(isOver: (wait: Wait) => boolean): void {
    for (const wait of this.#waits) {
      if (!isOver(wait)) continue
      this.#waits.delete(wait)
      wait.resolve()
    }
  }

  #partitionsOf({ id }: Worker): number {
    return this.whole.shares[id] ?? 0
  }

  #msOf(worker: Worker): number {
    return Math.round(performance.now() - (this.#sinceMs.get(worker) ?? performance.now()))
  }
}

/** Who has to be a member for the group to be whole. One that is being drained is one until it leaves. */
const isReachable = ({ isFrozen, isCut }: Worker): boolean => !isFrozen && !isCut
