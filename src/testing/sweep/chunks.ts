/** From (inclusive) to (exclusive). */
export type Range = readonly [from: number, to: number]

export interface Chunk {
  readonly from: number
  readonly seeds: number
  /** Whether the branches that it reaches are counted. */
  readonly covered: boolean
}

export type CoverageMode = 'sample' | 'all' | 'none'

const LARGEST_CHUNK = 25
const CHUNKS_AT_LEAST = 256

/** One chunk in so many is covered: counting costs a third of the speed, and is worth that only now and then. */
const SAMPLE_EVERY = 16

/** `ranges`, which are in order and apart, with one more. */
export const addRange = (ranges: readonly Range[], [from, to]: Range): Range[] => {
  const before = ranges.filter(([, end]) => end < from)
  const after = ranges.filter(([start]) => start > to)
  const touched = ranges.slice(before.length, ranges.length - after.length)
  const joined: Range = [
    Math.min(from, ...touched.map(([start]) => start)),
    Math.max(to, ...touched.map(([, end]) => end)),
  ]
  return [...before, joined, ...after]
}

/**
 * Hands out the seeds of a sweep in chunks, lowest first, without those of the ranges that are done. How the seeds are cut, and which of them
 * are covered, follows from the seeds alone: neither the number of threads nor an interruption changes what is counted.
 */
export class Chunks {
  readonly #from: number
  readonly #to: number
  readonly #size: number
  readonly #coverage: CoverageMode
  #index = 0

  constructor({ from, seeds, coverage }: { from: number; seeds: number; coverage: CoverageMode }) {
    this.#from = from
    this.#to = from + seeds
    this.#size = Math.min(Math.max(Math.floor(seeds / CHUNKS_AT_LEAST), 1), LARGEST_CHUNK)
    this.#coverage = coverage
  }

  /** The next chunk that no range of `done` begins with; undefined when all have been handed out. */
  next(done: readonly Range[] = []): Chunk | undefined {
    for (;;) {
      const index = this.#index
      const from = this.#from + index * this.#size
      if (from >= this.#to) return undefined
      const range = done.find(([start, end]) => start <= from && from < end)
      if (range === undefined) {
        this.#index++
        return { from, seeds: Math.min(this.#size, this.#to - from), covered: this.#covers(index) }
      }
      this.#index = Math.max(index + 1, Math.ceil((range[1] - this.#from) / this.#size))
    }
  }

  #covers(index: number): boolean {
    return this.#coverage === 'all' || (this.#coverage === 'sample' && index % SAMPLE_EVERY === 0)
  }
}
