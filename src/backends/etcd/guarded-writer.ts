import type { Instant, Millis } from '../../core/time.ts'
import { CaucusError, isCaucusError } from '../../errors.ts'
import type { Clock, Timer } from '../../ports/clock.ts'
import type { Telemetry } from '../../ports/telemetry.ts'
import { BackOff } from '../../runtime/back-off.ts'
import type { Engine, Entry, Operation, Outcome, Revision } from './engine.ts'
import type { Keys } from './keys.ts'
import { type Load, type Waiting, WaitingWrites } from './waiting-writes.ts'

export interface GuardedWriterOptions {
  readonly engine: Engine
  readonly keys: Keys
  /** The grantor's clock. */
  readonly clock: Clock
  /** In [0, 1). */
  random(): number
  /** Of the key `coordinator`, as whoever writes has created it. */
  readonly elected: Revision
  /** The mod revision of `turn`, as it was found. */
  readonly turn: Revision
  /** Distinguishes what is written into `turn` from what any other coordinator ever wrote there. */
  readonly name: string
  /** How long what must be known may wait. */
  readonly writeMs: Millis
  readonly telemetry?: Telemetry | undefined
  /** Something was carried out. */
  wrote(): void
  /** Nothing is written any more: somebody else coordinates, or a write took too long. Called once, never from inside of a call. */
  ended(reason: CaucusError): void
  onFault(error: unknown): void
}

interface Saving {
  readonly operations: readonly Operation[]
  resolve(): void
  reject(error: unknown): void
}

interface Batch extends Load {
  readonly tag: string
  readonly saving: Saving | undefined
}

const RETRY_MAX_MS: Millis = 200
/** The first attempt is given up after such a part of the time that a write has; the next one waits for longer, should etcd be slow. */
const FIRST_ATTEMPT = 1 / 4
/** What is decided may take such a part of the time that there is, so that what follows from it fits in as well. */
const DECIDED = 1 / 3
/** So much that must be known in time goes into one transaction, at least. */
const ANSWERS_AT_ONCE = 100
/** So much of it may wait, however fast etcd is. */
const MAX_ANSWERS = 1_024

/**
 * The writes of one coordinator: none is carried out once somebody else was elected, and none after a later one, however late it arrives.
 *
 * One transaction counts at a time. Each compares the create revision of `coordinator` with that of the election, and the mod revision of
 * `turn` with that of the write before it, and writes `turn`. So a write whose answer was lost is either found in `turn`, or fails for good
 * as soon as the next one is there. What waits for the same key is overtaken: the last word counts.
 */
export class GuardedWriter {
  readonly #options: GuardedWriterOptions
  readonly #backOff: BackOff
  readonly #waiting = new WaitingWrites()
  readonly #savings: Saving[] = []
  #underWay: Batch | undefined
  #turn: Revision
  #count = 0
  /** What was given up since the last write that is known to have been carried out. One of them may be. */
  readonly #doubtful = new Set<string>()
  #isRunning = false
  #isFailing = false
  /** Why the last write failed that did. */
  #failure: unknown
  /** How long the last write took. */
  #tookMs: Millis = 0
  #patienceMs: Millis
  #limit: Timer | undefined
  #patience: Timer | undefined
  #pause: { readonly timer: Timer; readonly over: () => void } | undefined
  #ended: CaucusError | undefined
  #idle: (() => void)[] = []

  constructor(options: GuardedWriterOptions) {
    this.#options = options
    this.#turn = options.turn
    this.#patienceMs = options.writeMs * FIRST_ATTEMPT
    this.#backOff = new BackOff(options.random, RETRY_MAX_MS)
  }

  /** How many more answers could be written in time, by how long writes take. */
  get room(): number {
    const { writeMs } = this.#options
    const transactions = Math.max(1, Math.floor((writeMs * DECIDED) / Math.max(1, this.#tookMs)))
    const backlog = this.#waiting.due + (this.#underWay?.waiting.length ?? 0)
    return Math.min(MAX_ANSWERS, transactions * ANSWERS_AT_ONCE) - backlog
  }

  /** False: nothing may be decided any more, since what was decided before may not be known yet. */
  get isInTime(): boolean {
    if (this.#ended !== undefined) return false
    const since = this.#oldest
    return since === undefined || this.#options.clock.now() - since < this.#options.writeMs
  }

  get #oldest(): Instant | undefined {
    return this.#underWay?.waiting[0]?.since ?? this.#waiting.since
  }

  /** Must be known within `writeMs` after it was decided. */
  tell(key: string, text: () => string, since: Instant): void {
    if (this.#ended !== undefined) return
    this.#waiting.tell(key, text, since)
    this.#limitAt(since)
    this.#run()
  }

  /** Is written when there is room. */
  put(key: string, text: () => string): void {
    if (this.#ended !== undefined) return
    this.#waiting.put(key, text)
    this.#run()
  }

  delete(key: string): void {
    if (this.#ended !== undefined) return
    this.#waiting.put(key, false)
    this.#run()
  }

  /** In one transaction. Resolves once it is carried out. Rejects when nothing can be written any more, or with what etcd says. */
  save(operations: readonly Operation[]): Promise<void> {
    if (this.#ended !== undefined) return Promise.reject(this.#ended)
    return new Promise((resolve, reject) => {
      this.#savings.push({ operations, resolve, reject })
      this.#run()
    })
  }

  /** Resolves once nothing waits, or nothing is written any more. */
  flushed(): Promise<void> {
    if (!this.#isRunning || this.#ended !== undefined) return Promise.resolve()
    return new Promise((resolve) => this.#idle.push(resolve))
  }

  /** What waits is forgotten. What is on its way may arrive. */
  close(reason: CaucusError): void {
    if (this.#ended !== undefined) return
    this.#ended = reason
    this.#limit?.clear()
    this.#patience?.clear()
    this.#pause?.timer.clear()
    this.#pause?.over()
    this.#waiting.clear()
    this.#underWay?.saving?.reject(reason)
    for (const { reject } of this.#savings.splice(0)) reject(reason)
    this.#tellIdle()
  }

  #end(reason: CaucusError): void {
    if (this.#ended !== undefined) return
    this.close(reason)
    this.#options.ended(reason)
  }

  #tellIdle(): void {
    for (const resolve of this.#idle.splice(0)) resolve()
  }

  /** One timer, which looks again when it fires: the oldest is another one by then, as a rule. */
  #limitAt(since: Instant): void {
    this.#limit ??= this.#after(since + this.#options.writeMs, () => this.#judge())
  }

  #judge(): void {
    this.#limit = undefined
    if (!this.isInTime) return this.#end(tooLate(this.#options.writeMs, this.#isFailing ? this.#failure : undefined))
    if (this.#oldest !== undefined) this.#limitAt(this.#oldest)
  }

  /** An answer may have arrived while this process stood still: it is read in one turn, and known in the next. */
  #after(at: Instant, judge: () => void): Timer {
    const { clock } = this.#options
    const look = () => {
      timer = clock.turn(() => {
        timer = clock.turn(judge)
      })
    }
    let timer = clock.setTimer(at, look, { ref: false })
    return { clear: () => timer.clear() }
  }

  /** Once whatever decides has come to its end: what is told in one turn of the loop travels together. */
  #run(): void {
    if (this.#isRunning) return
    this.#isRunning = true
    queueMicrotask(() => {
      this.#writeAll().then(
        () => {
          this.#isRunning = false
          // Something may have come in the very moment in which the last write ended.
          if (this.#ended === undefined && this.#savings.length + this.#waiting.size > 0) this.#run()
          else this.#tellIdle()
        },
        (error: unknown) => {
          this.close(new CaucusError('CAUCUS_BACKEND', 'writing to etcd failed within this process', { cause: error }))
          this.#options.onFault(error)
        },
      )
    })
  }

  async #writeAll(): Promise<void> {
    for (let batch = this.#next(); batch !== undefined; batch = this.#next()) {
      this.#underWay = batch
      const error = await this.#write(batch)
      if (this.#ended !== undefined) return
      this.#underWay = undefined
      if (error === undefined) {
        this.#options.wrote()
        continue
      }
      this.#restore(batch, error)
      await this.#paused()
    }
  }

  #next(): Batch | undefined {
    if (this.#ended !== undefined) return undefined
    const saving = this.#savings.shift()
    const load: Load = { operations: [...(saving?.operations ?? [])], waiting: [] }
    this.#waiting.fill(load)
    if (load.operations.length === 0) return undefined
    const tag = `${this.#options.name}-${++this.#count}`
    load.operations.push({ type: 'put', key: this.#options.keys.turn, value: tag })
    return { ...load, tag, saving }
  }

  /** Gives back why it is not known to have been carried out. */
  async #write({ tag, operations, saving }: Batch): Promise<unknown> {
    const { engine, keys, elected, clock, writeMs } = this.#options
    const startedAt = clock.now()
    try {
      const call = engine.transact({
        when: [
          { key: keys.coordinator, of: 'createRevision', is: elected },
          { key: keys.turn, of: 'modRevision', is: this.#turn },
        ],
        then: operations,
        otherwise: [
          { type: 'get', key: keys.coordinator },
          { type: 'get', key: keys.turn },
        ],
      })
      const { held, revision, found } = await this.#inTime(call)
      if (this.#ended !== undefined) return undefined
      if (!held) return this.#overtaken(found[0], found[1])
      this.#turn = revision
      this.#doubtful.clear()
      if (this.#isFailing) this.#tellRecovered()
      this.#isFailing = false
      this.#tookMs = clock.now() - startedAt
      this.#patienceMs = Math.min(writeMs, Math.max(writeMs * FIRST_ATTEMPT, 2 * this.#tookMs))
      this.#backOff.reset()
      saving?.resolve()
      return undefined
    } catch (error) {
      if (this.#ended !== undefined) return undefined
      if (!isCaucusError(error)) throw error
      // A put with our lease, which is gone.
      if (error.code === 'CAUCUS_CONFLICT') this.#end(deposed(error))
      // The way to etcd is closed for good.
      if (error.code === 'CAUCUS_CLOSED') this.#end(error)
      this.#doubtful.add(tag)
      return error
    }
  }

  /** A call may take longer than there is time. It is given up early enough for others, which its late arrival cannot harm. */
  #inTime(call: Promise<Outcome>): Promise<Outcome> {
    const ms = this.#patienceMs
    return new Promise((resolve, reject) => {
      const givenUp = () => {
        this.#patienceMs = Math.min(this.#options.writeMs, 2 * ms)
        reject(new CaucusError('CAUCUS_TIMEOUT', `etcd has not answered for ${ms} ms; it may have happened`))
      }
      const patience = this.#after(this.#options.clock.now() + ms, givenUp)
      this.#patience = patience
      call.finally(() => patience.clear()).then(resolve, reject)
    })
  }

  #overtaken(coordinator: Entry | undefined, turn: Entry | undefined): unknown {
    const { elected, keys } = this.#options
    if (coordinator?.createRevision !== elected) {
      this.#end(deposed())
    } else if (turn === undefined || !this.#doubtful.has(turn.value)) {
      this.#end(new CaucusError('CAUCUS_CONFLICT', `somebody else writes to ${keys.turn}; only a coordinator may`))
    } else {
      // One that was given up was carried out. What it said is said again; all others that were given up fail from now on.
      this.#turn = turn.modRevision
      this.#doubtful.clear()
    }
    return 'overtaken by an earlier one'
  }

  #restore(batch: Batch, error: unknown): void {
    const { waiting, saving } = batch
    if (!this.#isFailing) {
      const message = 'etcd did not take what a coordinator wrote, or not in time; it is written again'
      this.#options.telemetry?.log('warn', message, { event: 'etcd.failed', what: 'writes', error })
    }
    this.#isFailing = true
    this.#failure = error
    const isHopeless = isCaucusError(error) && error.definite && !error.retriable
    const isTooLarge = isHopeless && error.code === 'CAUCUS_TOO_LARGE'
    if (isTooLarge) this.#waiting.tooLarge(batch)
    const isAlone = saving === undefined ? waiting.length === 1 : waiting.length === 0
    if (saving !== undefined && isHopeless && (isAlone || !isTooLarge)) saving.reject(error)
    else if (saving !== undefined) this.#savings.unshift(saving)
    // What must be known in time is never left out: whoever does not know of it may still believe.
    if (isTooLarge && isAlone && waiting[0]?.since === undefined) return this.#leaveOut(waiting, error)
    this.#waiting.putBack(waiting)
  }

  #tellRecovered(): void {
    const details = { event: 'etcd.recovered', what: 'writes' } as const
    this.#options.telemetry?.log('info', 'etcd takes what a coordinator writes again', details)
  }

  #leaveOut(waiting: readonly Waiting[], error: CaucusError): void {
    for (const { key } of waiting) {
      this.#options.telemetry?.log('error', 'etcd takes no record as large as this one; it is left out', {
        event: 'record.refused',
        key,
        error,
      })
    }
  }

  #paused(): Promise<void> {
    const { clock } = this.#options
    return new Promise((resolve) => {
      const over = () => {
        this.#pause = undefined
        resolve()
      }
      this.#pause = { timer: clock.setTimer(clock.now() + this.#backOff.nextPauseMs(), over, { ref: false }), over }
    })
  }
}

const deposed = (cause?: unknown): CaucusError =>
  new CaucusError('CAUCUS_NOT_LEADER', 'another process coordinates, or is about to', { cause })

const tooLate = (writeMs: Millis, cause: unknown): CaucusError =>
  new CaucusError(
    'CAUCUS_TIMEOUT',
    `etcd did not take within ${writeMs} ms what a coordinator wrote${isCaucusError(cause) ? ` (${cause.message})` : ''}; another one starts anew`,
    { cause },
  )
