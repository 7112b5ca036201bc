import { partitionOf } from '../core/hash.ts'

/** How many partitions the files are split over. */
export const PARTITIONS = 256

/** What a worker says about one file: its hash, or why it has none. */
export interface Result {
  readonly path: string
  readonly partition: number
  /** Under which grant of the partition the work was done. */
  readonly epoch: number
  readonly who: string
  readonly hash?: string
  readonly bytes?: number
  readonly mtimeMs?: number
  readonly problem?: string
}

/** A line of a result log, or `undefined` when it is none; the path must belong to the partition that it names. */
export const parseResult = (line: string): Result | undefined => {
  let value: Partial<Record<keyof Result, unknown>> | null
  try {
    value = JSON.parse(line)
  } catch {
    return undefined // The caller counts lines that are no results.
  }
  const { path, partition, epoch, who, hash, bytes, mtimeMs, problem } = value ?? {}
  if (typeof path !== 'string' || typeof partition !== 'number' || typeof who !== 'string') return undefined
  if (!Number.isSafeInteger(epoch) || partitionOf(path, PARTITIONS) !== partition) return undefined
  const known = { path, partition, epoch: epoch as number, who }
  if (typeof problem === 'string') return { ...known, problem }
  if (typeof hash !== 'string' || !/^[0-9a-f]{64}$/.test(hash)) return undefined
  return typeof bytes === 'number' && typeof mtimeMs === 'number' ? { ...known, hash, bytes, mtimeMs } : undefined
}

/**
 * `first`: nobody had done this file. `again`: a later owner did it again and takes the place. `older`: an earlier owner wrote after a
 * later one and is refused. `twice`: two lines under one grant, which must not happen.
 */
export type Outcome = 'first' | 'again' | 'older' | 'twice'

/**
 * What is known about each file, whatever the order in which it is told.
 *
 * Work is idempotent and fenced: the result is keyed by path, so doing a file again after a hand-over does no harm, and of two
 * results the one with the later epoch stands, so nobody can write over the work of a later owner.
 */
export class ResultTable {
  readonly #results = new Map<string, Result>()
  readonly #counts: Record<Outcome, number> = { first: 0, again: 0, older: 0, twice: 0 }

  add(result: Result): Outcome {
    const known = this.#results.get(result.path)
    const outcome = known === undefined ? 'first' : compare(result.epoch, known.epoch)
    if (outcome === 'first' || outcome === 'again') this.#results.set(result.path, result)
    this.#counts[outcome]++
    return outcome
  }

  has(path: string): boolean {
    return this.#results.has(path)
  }

  get(path: string): Result | undefined {
    return this.#results.get(path)
  }

  get size(): number {
    return this.#results.size
  }

  get counts(): Readonly<Record<Outcome, number>> {
    return this.#counts
  }

  values(): IterableIterator<Result> {
    return this.#results.values()
  }
}

const compare = (epoch: number, known: number): Outcome => (epoch > known ? 'again' : epoch < known ? 'older' : 'twice')
