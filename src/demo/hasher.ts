import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { partitionOf } from '../core/hash.ts'
import { Claims } from './claims.ts'
import { digestOf, fullPath } from './files.ts'
import { LineLog, LogReader } from './log.ts'
import type { FromWorker, WorkOrder } from './messages.ts'
import { PARTITIONS, parseResult } from './results.ts'

/** What a worker asks its membership; both answers are compared with the clock at every call. */
export interface Ownership {
  /** The epoch under which the key's partition is held now, or `undefined`. */
  token(key: string): number | undefined
  /** The partitions held now, with the epoch of each. */
  held(): ReadonlyMap<number, number>
}

const IDLE_MS = 15
const WRITE_DOWN_EVERY_MS = 250
/** Longer than any turn of a healthy loop: the process was frozen. */
const STOOD_STILL_MS = 600

/**
 * Hashes the files of the partitions that it owns, and asks before and after each file whether it still owns it.
 *
 * A partition that comes to it may be half done: it reads in the logs of all workers what is done, and does the rest.
 */
export class Hasher {
  readonly #order: WorkOrder
  readonly #ownership: Ownership
  readonly #tell: (message: FromWorker) => void
  readonly #claims: Claims
  readonly #results: LineLog
  readonly #intervals: LineLog
  readonly #everybody: LogReader
  readonly #done = new Set<string>()
  /** Of each partition its files, by their places in the list, and where to go on. */
  readonly #files: readonly string[]
  readonly #places: readonly (readonly number[])[]
  readonly #next = new Array<number>(PARTITIONS).fill(0)
  #released = 0
  #lookedNs = clockNs()
  #writtenNs = 0
  #finished = false
  #closed = false

  constructor(order: WorkOrder, files: readonly string[], ownership: Ownership, tell: (message: FromWorker) => void) {
    this.#order = order
    this.#ownership = ownership
    this.#tell = tell
    this.#claims = new Claims(order.id)
    this.#results = new LineLog(join(order.folder, `results-${order.id}.ndjson`))
    this.#intervals = new LineLog(join(order.folder, `intervals-${order.id}.ndjson`))
    this.#everybody = new LogReader(order.folder, 'results-')
    this.#files = files
    const places = Array.from({ length: PARTITIONS }, (): number[] => [])
    for (const [place, path] of files.entries()) places[partitionOf(path, PARTITIONS)]?.push(place)
    this.#places = places
  }

  /** So many files of the list may be begun. */
  release(files: number): void {
    this.#released = Math.max(this.#released, files)
  }

  /** Works until the signal aborts. */
  async run(signal: AbortSignal): Promise<void> {
    while (!signal.aborted && !this.#closed) {
      this.#look()
      const path = this.#choose()
      // A file that was lost on the way is not tried again at once: whatever took it must get its turn.
      if (path === undefined || !(await this.#work(path))) await sleep(IDLE_MS)
    }
    this.finish()
    this.#results.close()
    this.#intervals.close()
  }

  /** Ends `run`, once what it is about is over. */
  close(): void {
    this.finish()
    this.#closed = true
  }

  /** Writes down the last of the claims. Nothing is done or claimed from then on. */
  finish(): void {
    if (this.#finished) return
    this.#look()
    this.#intervals.append(this.#claims.news())
    this.#finished = true
  }

  /** Looks at what is held now, and writes down what began and ended. */
  #look(): void {
    if (this.#finished) return
    const before = this.#claims.size
    const beforeNs = clockNs()
    const held = this.#ownership.held()
    const afterNs = clockNs()
    const stoodStillMs = (beforeNs - this.#lookedNs) / 1e6
    this.#lookedNs = afterNs
    if (stoodStillMs > STOOD_STILL_MS) {
      this.#tell({ type: 'woke', stoodStillMs: Math.round(stoodStillMs), before, now: held.size })
    }
    const fresh = [...held].filter(([partition, epoch]) => this.#claims.epochOf(partition) !== epoch)
    this.#intervals.append(this.#claims.look(held, beforeNs, afterNs))
    if (fresh.length > 0) this.#takeOver(fresh.map(([partition]) => partition))
    if (afterNs - this.#writtenNs < WRITE_DOWN_EVERY_MS * 1e6) return
    this.#writtenNs = afterNs
    this.#intervals.append(this.#claims.news())
  }

  /** The earlier owner has let go or lapsed, so whatever it did is in its log by now. */
  #takeOver(partitions: readonly number[]): void {
    for (const line of this.#everybody.lines()) {
      const result = parseResult(line)
      if (result !== undefined) this.#done.add(result.path)
    }
    for (const partition of partitions) this.#next[partition] = 0
  }

  /** The first file in the order of the list that is released, ours and not done. */
  #choose(): string | undefined {
    if (this.#finished) return undefined
    let first = this.#released
    for (const partition of this.#ownership.held().keys()) {
      const places = this.#places[partition] ?? []
      let next = this.#next[partition] ?? 0
      while (next < places.length && this.#done.has(this.#files[places[next] ?? 0] ?? '')) next++
      this.#next[partition] = next
      first = Math.min(first, places[next] ?? first)
    }
    return first < this.#released ? this.#files[first] : undefined
  }

  /** True when it is done. */
  async #work(path: string): Promise<boolean> {
    const { id: who, dir } = this.#order
    const partition = partitionOf(path, PARTITIONS)
    const epoch = this.#ownership.token(path)
    const isStillOurs = () => {
      this.#look()
      return this.#ownership.token(path) === epoch && this.#claims.epochOf(partition) === epoch && !this.#finished
    }
    if (epoch === undefined || !isStillOurs()) return false
    const digest = await digestOf(fullPath(dir, path), isStillOurs)
    // Asked once more after the work and right before the effect. What is lost by now, its next owner does again.
    if (digest === undefined || !isStillOurs()) return false
    this.#results.append([{ path, partition, epoch, who, ...digest }])
    this.#done.add(path)
    return true
  }
}

const clockNs = (): number => Number(process.hrtime.bigint())
