import { performance } from 'node:perf_hooks'
import { addRange, type Chunk, Chunks, type CoverageMode, type Range } from './chunks.ts'
import type { SweepRecord, SweepState } from './state.ts'
import { type Asked, ThreadDied } from './sweep-thread.ts'
import { addTally, emptyTally, type Tally } from './tally.ts'

export interface RunOptions {
  readonly from: number
  readonly seeds: number
  /** Runs every so-manieth seed a second time, whose hash must be the same. 0: none. */
  readonly twiceEvery: number
  readonly coverage: CoverageMode
  /** How many threads. What is counted does not depend on it. */
  readonly jobs: number
  /** Ends it at once, with what was done so far. */
  readonly signal?: AbortSignal
  readonly onProgress?: (progress: SweepProgress) => void
}

export interface SweepProgress {
  /** Of them all. */
  readonly seeds: number
  readonly seedsDone: number
  readonly events: number
  readonly violations: number
  /** Of this start alone, without what an earlier one had done. */
  readonly now: { readonly seeds: number; readonly events: number; readonly elapsedMs: number }
}

/** Seeds that were not run, since their thread died. */
export interface LostChunk {
  readonly from: number
  readonly seeds: number
  /** What it was at. */
  readonly seed: number
  readonly reason: string
}

/** More are not worth waiting for: what is broken is broken. */
const EXPLAINED = 3
/** A thread that dies is replaced; after so many there is something wrong with all of them. */
const MOST_DEATHS = 5

/** What is to be read about the violations of one seed. */
export interface Explanation {
  readonly seed: number
  readonly text: string
}

export interface Finished {
  readonly tally: Tally
  readonly lost: readonly LostChunk[]
  readonly interrupted: boolean
  /** Of all starts together. */
  readonly elapsedMs: number
  readonly explanations: readonly Explanation[]
}

/** One sweep under way: hands chunks to threads, adds up what they give, and writes it down. */
export class RunningSweep {
  readonly #options: RunOptions
  readonly #open: (covered: boolean) => Asked
  readonly #state: SweepState | undefined
  readonly #chunks: Chunks
  readonly #doneBefore: readonly Range[]
  readonly #before: { readonly seeds: number; readonly events: number; readonly elapsedMs: number }
  readonly #began = performance.now()
  readonly #threads = new Set<Asked>()
  readonly #lost: LostChunk[] = []
  readonly #tally: Tally
  #done: readonly Range[]

  /** `begun`: what an earlier start has done, and where to write down what this one does. */
  constructor(
    options: RunOptions,
    open: (covered: boolean) => Asked,
    begun?: { state: SweepState; record: SweepRecord },
  ) {
    this.#options = options
    this.#open = open
    this.#state = begun?.state
    this.#chunks = new Chunks(options)
    this.#tally = begun?.record.tally ?? emptyTally()
    this.#done = begun?.record.done ?? []
    this.#doneBefore = this.#done
    this.#before = { seeds: this.#tally.seeds, events: this.#tally.events, elapsedMs: begun?.record.elapsedMs ?? 0 }
  }

  /** Resolves when all is done, or ended by the signal or by too many deaths. */
  async finish(): Promise<Finished> {
    const { signal, jobs } = this.#options
    const endAll = () => {
      for (const thread of this.#threads) void thread.end()
    }
    signal?.addEventListener('abort', endAll)
    let elapsedMs = this.#elapsedMs()
    let explanations: Explanation[] = []
    try {
      await Promise.all(Array.from({ length: jobs }, () => this.#work()))
      elapsedMs = this.#elapsedMs()
      await this.#state?.save({ done: this.#done, elapsedMs, tally: this.#tally })
      explanations = await this.#explain()
    } finally {
      signal?.removeEventListener('abort', endAll)
      await Promise.all([...this.#threads].map((thread) => thread.end()))
    }
    return { tally: this.#tally, lost: this.#lost, interrupted: this.#isStopped, elapsedMs, explanations }
  }

  get #isStopped(): boolean {
    return this.#options.signal?.aborted === true
  }

  #elapsedMs(): number {
    return this.#before.elapsedMs + performance.now() - this.#began
  }

  /** What one job does: chunk after chunk, in a thread that counts branches or in one that does not. */
  async #work(): Promise<void> {
    const { from: first, twiceEvery } = this.#options
    const threads = new Map<boolean, Asked>()
    while (!this.#isStopped && this.#lost.length < MOST_DEATHS) {
      const chunk = this.#chunks.next(this.#doneBefore)
      if (chunk === undefined) return
      const thread = threads.get(chunk.covered) ?? this.#begin(chunk.covered)
      threads.set(chunk.covered, thread)
      try {
        this.#add(chunk, await thread.run({ type: 'run', from: chunk.from, seeds: chunk.seeds, first, twiceEvery }))
      } catch (error) {
        if (this.#isStopped) return
        if (!(error instanceof ThreadDied)) throw error
        this.#lost.push({ from: chunk.from, seeds: chunk.seeds, seed: error.seed, reason: error.message })
        this.#threads.delete(thread)
        threads.delete(chunk.covered)
      }
      await this.#state?.save({ done: this.#done, elapsedMs: this.#elapsedMs(), tally: this.#tally })
    }
  }

  #begin(covered: boolean): Asked {
    const thread = this.#open(covered)
    this.#threads.add(thread)
    return thread
  }

  #add({ from, seeds }: Chunk, tally: Tally): void {
    addTally(this.#tally, tally)
    this.#done = addRange(this.#done, [from, from + seeds])
    this.#options.onProgress?.(this.#progress())
  }

  #progress(): SweepProgress {
    const { seeds: seedsDone, events, violations } = this.#tally
    return {
      seeds: this.#options.seeds,
      seedsDone,
      events,
      violations: violations.length,
      now: {
        seeds: seedsDone - this.#before.seeds,
        events: events - this.#before.events,
        elapsedMs: performance.now() - this.#began,
      },
    }
  }

  async #explain(): Promise<Explanation[]> {
    const { violations } = this.#tally
    const firsts = violations.filter(({ seed }, index) => violations[index - 1]?.seed !== seed)
    const explanations: Explanation[] = []
    for (const violation of firsts.slice(0, EXPLAINED)) {
      const { seed } = violation
      if (this.#isStopped) break
      const thread = this.#begin(false)
      try {
        explanations.push({ seed, text: await thread.explain(violation) })
      } catch (error) {
        if (!(error instanceof ThreadDied)) throw error
        if (!this.#isStopped) explanations.push({ seed, text: `seed=${seed} cannot be explained: ${error.message}` })
      }
    }
    return explanations
  }
}
