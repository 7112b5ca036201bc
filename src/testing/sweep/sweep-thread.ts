import { Worker } from 'node:worker_threads'
import type { BrokenInvariant, LevelName } from './level.ts'
import type { Tally } from './tally.ts'

export interface ThreadSettings {
  readonly level: LevelName
  readonly profile?: string | undefined
  /** Counts the branches that it reaches. */
  readonly covered: boolean
}

export interface RunQuestion {
  readonly type: 'run'
  readonly from: number
  readonly seeds: number
  /** The first seed of the whole sweep, from which it is counted which of them run twice. */
  readonly first: number
  /** Runs every so-manieth seed a second time, whose hash must be the same. 0: none. */
  readonly twiceEvery: number
  /** Ends at the first seed that breaks one of these. */
  readonly stopAt?: readonly string[]
}

export type Question = RunQuestion | { readonly type: 'explain'; readonly violation: BrokenInvariant }

/** What a thread is given: `at`, shared with us, is where it writes the seed that it runs. A message of it could be lost when it dies. */
export interface ThreadData extends ThreadSettings {
  readonly at: Float64Array
}

export type Answer =
  | { readonly type: 'tally'; readonly tally: Tally }
  | { readonly type: 'text'; readonly text: string }

/** Who runs seeds, one question at a time. */
export interface Asked {
  run(question: RunQuestion): Promise<Tally>
  explain(violation: BrokenInvariant): Promise<string>
  end(): Promise<unknown>
}

/** A thread that died in the middle of a question. */
export class ThreadDied extends Error {
  /** What it was at. */
  readonly seed: number

  constructor(seed: number, reason: string) {
    super(reason)
    this.seed = seed
  }
}

/** A run takes a few megabytes. One that takes this many leaks, and is ended before the machine has none left. */
const HEAP_MB = 1024

/**
 * A thread of this process that runs seeds. A thread and no process of its own: it ends with us, however we end, and it can be ended in
 * the middle of a run that never comes to an end. Each has its own heap, so one that runs out of memory takes nobody with it.
 */
export class SweepThread implements Asked {
  readonly #worker: Worker
  readonly #at = new Float64Array(new SharedArrayBuffer(Float64Array.BYTES_PER_ELEMENT))
  #settle: { resolve(answer: Answer): void; reject(error: Error): void } | undefined
  #dead: string | undefined

  /** `entry`: the built `thread.js`, of this build or of a copy of it. */
  constructor(entry: URL, settings: ThreadSettings, { heapMb = HEAP_MB } = {}) {
    const workerData: ThreadData = { ...settings, at: this.#at }
    this.#worker = new Worker(entry, { workerData, resourceLimits: { maxOldGenerationSizeMb: heapMb } })
    this.#worker.on('message', (answer: Answer) => this.#settle?.resolve(answer))
    this.#worker.on('error', (error: Error) => this.#die(error.stack ?? String(error)))
    this.#worker.on('exit', (code) => this.#die(`the thread ended with ${code}`))
  }

  async run(question: RunQuestion): Promise<Tally> {
    this.#at[0] = question.from
    const answer = await this.#ask(question)
    if (answer.type !== 'tally') throw this.#died(`it answered with ${answer.type}`)
    return answer.tally
  }

  async explain(violation: BrokenInvariant): Promise<string> {
    this.#at[0] = violation.seed
    const answer = await this.#ask({ type: 'explain', violation })
    if (answer.type !== 'text') throw this.#died(`it answered with ${answer.type}`)
    return answer.text
  }

  /** Ends it at once, also in the middle of a run. */
  end(): Promise<unknown> {
    return this.#worker.terminate()
  }

  #died(reason: string): ThreadDied {
    return new ThreadDied(this.#at[0] ?? 0, reason)
  }

  #ask(question: Question): Promise<Answer> {
    return new Promise<Answer>((resolve, reject) => {
      if (this.#dead !== undefined) reject(this.#died(this.#dead))
      this.#settle = { resolve, reject }
      this.#worker.postMessage(question)
    })
  }

  #die(reason: string): void {
    this.#dead ??= reason
    this.#settle?.reject(this.#died(this.#dead))
  }
}
