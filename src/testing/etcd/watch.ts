import type { Change, Revision, Watching, WatchSink } from '../../backends/etcd/engine.ts'
import type { Instant, Millis } from '../../core/time.ts'
import type { Commit, EtcdStore } from './store.ts'

export interface WatchOptions {
  readonly store: EtcdStore
  readonly prefix: string
  readonly from: Revision
  readonly sink: WatchSink
  readonly progressMs: Millis
  now(): Instant
  after(ms: Millis, run: () => void): void
  /** How long something takes to the process at this moment; `undefined`: it does not get there now. */
  travelMs(): Millis | undefined
  /** Runs it in the process, in order of arrival. */
  deliver(read: () => void): void
  over(watch: SimulatedWatch): void
}

/** Looks again after so long, when nothing got through: the connection is kept for a while. */
const RETRY_MS: Millis = 50

/** One watch, from etcd's end to the sink: what is sent arrives in order, however long each of it takes. */
export class SimulatedWatch implements Watching {
  readonly #options: WatchOptions
  /** The next revision that has not been sent. */
  #next: Revision
  #lastArrivalAt: Instant = 0
  /** The last sign of life that has arrived. */
  #heardAt: Instant
  #isOver = false
  /** Nothing is sent before this instant. */
  #stuckUntil: Instant = 0
  #sending = false

  constructor(options: WatchOptions) {
    this.#options = options
    this.#next = options.from === 0 ? options.store.revision + 1 : options.from
    this.#heardAt = options.now()
    const { progressMs } = options
    this.#send(options.from === 0)
    const beat = (): void => {
      if (this.#isOver) return
      if (options.now() - this.#heardAt > 2 * progressMs) return this.break('nothing was heard for too long')
      this.#send(true)
      options.after(progressMs / 2, beat)
    }
    options.after(progressMs / 2, beat)
  }

  /** Something was committed. */
  committed(): void {
    this.#send()
  }

  /** Sends nothing for so long; what is compacted meanwhile is lost. */
  lag(ms: Millis): void {
    this.#stuckUntil = Math.max(this.#stuckUntil, this.#options.now() + ms)
  }

  /** The way is lost. */
  break(reason: string): void {
    this.#end({ compacted: false, reason })
  }

  close(): void {
    if (this.#isOver) return
    this.#isOver = true
    this.#options.over(this)
  }

  #end(why: Parameters<WatchSink['ended']>[0]): void {
    if (this.#isOver) return
    this.#options.over(this)
    const arrivesAt = Math.max(this.#lastArrivalAt, this.#options.now())
    this.#arrive(arrivesAt, () => {
      this.#isOver = true
      this.#options.sink.ended(why)
    })
  }

  /** Sends what has not been sent; later, while it is stuck or nothing gets through. */
  #send(progress = false): void {
    if (this.#isOver || this.#sending) return
    const { store, now, after, travelMs } = this.#options
    const travel = travelMs()
    const waitMs = this.#stuckUntil > now() ? this.#stuckUntil - now() : travel === undefined ? RETRY_MS : 0
    if (waitMs > 0 || travel === undefined) {
      this.#sending = true
      return after(waitMs, () => {
        this.#sending = false
        this.#send(progress)
      })
    }
    const commits = store.since(this.#next)
    if (commits === undefined) return this.#end({ compacted: true })
    const until = store.revision
    const told = commits.map((commit) => this.#mine(commit)).filter(({ changes }) => changes.length > 0)
    this.#next = Math.max(this.#next, until + 1)
    if (told.length === 0 && !progress) return
    const arrivesAt = Math.max(this.#lastArrivalAt, now() + travel)
    this.#lastArrivalAt = arrivesAt
    this.#arrive(arrivesAt, () => {
      this.#heardAt = now()
      const { sink } = this.#options
      for (const { revision, changes } of told) {
        // A sink may close its watch at what it is told.
        if (!this.#isOver) sink.changed(changes, revision)
      }
      if (progress && !this.#isOver && until >= this.#options.from - 1) sink.progressed(until)
    })
  }

  #mine({ revision, changes }: Commit): { revision: Revision; changes: readonly Change[] } {
    const { prefix } = this.#options
    const isMine = (change: Change) => (change.type === 'put' ? change.entry.key : change.key).startsWith(prefix)
    return { revision, changes: changes.filter(isMine) }
  }

  #arrive(at: Instant, read: () => void): void {
    const { now, after, deliver } = this.#options
    after(at - now(), () =>
      deliver(() => {
        if (!this.#isOver) read()
      }),
    )
  }
}
