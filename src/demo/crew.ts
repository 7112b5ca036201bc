import { fileURLToPath } from 'node:url'
import { Child, type Ending } from './child.ts'
import type { FromWorker, ToWorker, WorkOrder } from './messages.ts'

const WORKER = fileURLToPath(new URL('./worker.js', import.meta.url))
const STOP_LIMIT_MS = 2_000

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
}

/** The workers of the demo, which come and go. Nothing of it survives `stop` or the end of this process. */
export class Crew {
  readonly #listener: CrewListener
  readonly #workers: (Worker & { isAtWork: boolean })[] = []
  readonly #killAll = () => {
    for (const { child } of this.#workers) child.signal('SIGKILL')
  }

  constructor(listener: CrewListener) {
    this.#listener = listener
    // The last resort, for errors that nobody caught.
    process.once('exit', this.#killAll)
  }

  /** Starts one more worker. It says `ready` once it is a member. */
  startWorker(order: Omit<WorkOrder, 'id'>): Worker {
    const id = `w${this.#workers.length + 1}`
    const child = new Child(id, [WORKER, JSON.stringify({ ...order, id } satisfies WorkOrder)])
    const worker = { id, child, isAtWork: true }
    this.#workers.push(worker)
    child.onMessage((message) => this.#listener.said(worker, message as FromWorker))
    void child.ended.then((ending) => {
      if (!worker.isAtWork) return
      worker.isAtWork = false
      this.#listener.lost(worker, ending)
    })
    return worker
  }

  get atWork(): readonly Worker[] {
    return this.#workers.filter(({ isAtWork }) => isAtWork)
  }

  get all(): readonly Worker[] {
    return this.#workers
  }

  tellAll(message: ToWorker): void {
    for (const { child } of this.atWork) child.send(message)
  }

  /** `kill -9`: no handler runs, nothing is said, nothing is flushed. */
  async kill(worker: Worker): Promise<void> {
    this.#retire(worker)
    worker.child.signal('SIGKILL')
    await worker.child.ended
  }

  #retire(worker: Worker): void {
    for (const known of this.#workers) if (known === worker) known.isAtWork = false
  }

  /** Resolves once no worker is left: they leave their group. */
  async stop(options: { readonly atOnce: boolean }): Promise<void> {
    const left = this.#workers.filter(({ child }) => child.isAlive)
    for (const worker of left) this.#retire(worker)
    if (options.atOnce) this.#killAll()
    await Promise.all(
      left.map(({ child }) => child.stop(() => child.send({ type: 'leave' } satisfies ToWorker), STOP_LIMIT_MS)),
    )
    process.off('exit', this.#killAll)
  }
}
