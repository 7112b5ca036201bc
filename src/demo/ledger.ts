import type { DemoEvent } from './events.ts'
import type { Problem } from './files.ts'
import { LogReader } from './log.ts'
import { parseResult, ResultTable } from './results.ts'
import { releasedBy } from './script.ts'

const BEAT_MS = 100
/** Longer than one file takes, however large: whoever had it has forgotten it, and the check must say so. */
const NO_PROGRESS_MS = 60_000

export interface LedgerOptions {
  /** The folder of the result logs. */
  readonly folder: string
  readonly files: number
  /** How long the work is to last. */
  readonly spanMs: number
  /** So many files of the list may be begun. */
  readonly release: (files: number) => void
  readonly tell: (event: DemoEvent) => void
  readonly hashed: (who: string) => void
}

/** Hands the files out at an even pace, and keeps the book of what has become of them. */
export class Ledger {
  readonly #options: LedgerOptions
  readonly #log: LogReader
  readonly #told = new Set<string>()
  readonly results = new ResultTable()
  #startedAtMs = 0
  #progressAtMs = 0
  #faultsOver = false
  #isEnding = false
  /** How many files of the list were handed out. */
  released = 0
  #beat: NodeJS.Timeout | undefined

  constructor(options: LedgerOptions) {
    this.#options = options
    this.#log = new LogReader(options.folder, 'results-')
  }

  start(): void {
    this.#startedAtMs = performance.now()
    this.#progressAtMs = this.#startedAtMs
    this.#beat = setInterval(() => {
      this.release()
      this.read()
    }, BEAT_MS)
  }

  stop(): void {
    clearInterval(this.#beat)
  }

  /** Nothing is kept back any more: what is left is handed out as its time comes. */
  faultsAreOver(): void {
    this.#faultsOver = true
  }

  /** Nothing more is handed out. */
  handOutNoMore(): void {
    this.#isEnding = true
  }

  /** Somebody is missing, for whom the others wait: no progress is nothing to worry about meanwhile. */
  excuse(): void {
    this.#progressAtMs = performance.now()
  }

  /** Everything that was handed out is done. */
  get isCaughtUp(): boolean {
    return this.results.size >= this.released
  }

  get isComplete(): boolean {
    return this.results.size >= this.#options.files
  }

  /** Everything was handed out long ago, and still something is missing. */
  get isStuck(): boolean {
    return !this.isComplete && performance.now() - this.#progressAtMs > NO_PROGRESS_MS + this.#options.spanMs
  }

  release(): void {
    const { files, spanMs, release } = this.#options
    const elapsedMs = performance.now() - this.#startedAtMs
    if (!this.#isEnding) this.released = releasedBy({ elapsedMs, spanMs, files, faultsOver: this.#faultsOver })
    release(this.released)
  }

  /** Takes in what the workers wrote since the last time. */
  read(): void {
    const { files, tell, hashed } = this.#options
    const before = this.results.size
    for (const line of this.#log.lines()) {
      const result = parseResult(line)
      // The checker says what is wrong with a line that is no result.
      if (result === undefined || this.results.add(result) === 'older') continue
      hashed(result.who)
      if (result.problem !== undefined) this.report({ path: result.path, reason: result.problem })
    }
    if (this.results.size === before) return
    this.#progressAtMs = performance.now()
    tell({ type: 'progress', done: this.results.size, files })
  }

  /** Tells of a file that has no hash; of each once. */
  report(problem: Problem): void {
    if (this.#told.has(problem.path)) return
    this.#told.add(problem.path)
    this.#options.tell({ type: 'unread', ...problem })
  }
}
