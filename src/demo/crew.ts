import { fileURLToPath } from 'node:url'
import { Child, type Ending } from './child.ts'
import { freeze } from './freezer.ts'
import type { FromWorker, ToWorker, WorkOrder } from './messages.ts'

const WORKER = fileURLToPath(new URL('./worker.js', import.meta.url))
const STOP_LIMIT_MS = 2_000
/** A worker that was drained has nothing left to finish; on a busy machine even that takes its time. */
const LEAVE_LIMIT_MS = 10_000

export interface CrewListener {
  /** A worker said something. */
  said(worker: Worker, message: FromWorker): void
  /** A worker ended that nobody had stopped. */
  lost(worker: Worker, ending: Ending): void
}

export interface Worker {
  readonly id: string
  readonly child: Child
  /** Alive, and not stopped by us. */
  readonly isAtWork: boolean
  readonly isFrozen: boolean
  isCut: boolean
  /** It is being drained, and will be stopped. */
  isLeaving: boolean
}

interface Employed extends Worker {
  isAtWork: boolean
  isFrozen: boolean
  thaw(): void
}

/** The workers of the demo, which come and go. Nothing of it survives `stop` or the end of this process. */
export class Crew {
  readonly #listener: CrewListener
  readonly #workers = new Set<Employed>()
  #started = 0
  readonly #killAll = () => {
    for (const { child } of this.#workers) child.signal('SIGKILL')
  }

  constructor(listener: CrewListener) {
    this.#listener = listener
    // The last resort, for errors that nobody caught.
    process.once('exit', this.#killAll)
  }

  /** A name that nobody has had. */
  nextId(): string {
    return `w${++this.#started}`
  }

  /** Starts one more worker. It says `ready` once it is a member. */
  startWorker(order: WorkOrder): Worker {
    const { id } = order
    const child = new Child(id, [WORKER, JSON.stringify(order)])
    const thaw = () => {}
    const worker: Employed = { id, child, isAtWork: true, isFrozen: false, isCut: false, isLeaving: false, thaw }
    this.#workers.add(worker)
    child.onMessage((message) => this.#listener.said(worker, message as FromWorker))
    void child.ended.then((ending) => {
      worker.thaw()
      this.#workers.delete(worker)
      if (!worker.isAtWork) return
      worker.isAtWork = false
      this.#listener.lost(worker, ending)
    })
    return worker
  }

  /** The oldest first. */
  get atWork(): readonly Worker[] {
    return [...this.#workers].filter(({ isAtWork }) => isAtWork)
  }

  tellAll(message: ToWorker): void {
    for (const { child } of this.atWork) child.send(message)
  }

  /** `kill -9`: no handler runs, nothing is said, nothing is flushed. */
  async kill(worker: Worker): Promise<void> {
    this.#of(worker).isAtWork = false
    worker.child.signal('SIGKILL')
    await worker.child.ended
  }

  /** Stops it in its tracks. */
  freeze(worker: Worker): void {
    const employed = this.#of(worker)
    employed.isFrozen = true
    employed.thaw = freeze(worker.child)
  }

  /** It goes on, and has to find out by itself what it missed. */
  wake(worker: Worker): void {
    const employed = this.#of(worker)
    employed.isFrozen = false
    employed.thaw()
    employed.thaw = () => {}
  }

  /** Resolves once it has left its group and ended. */
  async dismiss(worker: Worker): Promise<void> {
    const { child } = worker
    this.#of(worker).isAtWork = false
    await child.stop(() => child.send({ type: 'leave' } satisfies ToWorker), LEAVE_LIMIT_MS)
  }

  /** Resolves once no worker is left: they leave their group. */
  async stop(options: { readonly atOnce: boolean }): Promise<void> {
    const left = [...this.#workers]
    for (const worker of left) {
      worker.isAtWork = false
      this.wake(worker)
    }
    if (options.atOnce) this.#killAll()
    await Promise.all(
      left.map(({ child }) => child.stop(() => child.send({ type: 'leave' } satisfies ToWorker), STOP_LIMIT_MS)),
    )
    process.off('exit', this.#killAll)
  }

  /** The same, as only the crew may change it. */
  #of(worker: Worker): Employed {
    for (const employed of this.#workers) if (employed === worker) return employed
    // It has ended meanwhile, and whatever is done to it does nothing.
    return { ...worker, thaw: () => {} }
  }
}
