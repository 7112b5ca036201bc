import { join } from 'node:path'
import { FileTails } from '../file-tails.ts'
import { type IntervalRecord, parseIntervals } from '../intervals.ts'

/** Reads the interval logs (`*.ndjson`) of a folder, each line once. A line without its end is left for the next time. */
export class LogTail {
  readonly #folder: string
  readonly #tails: FileTails
  readonly #retired = new Set<string>()

  constructor(folder: string) {
    this.#folder = folder
    this.#tails = new FileTails(folder)
  }

  /** What was completed since the last call. Throws for a line that is no record. */
  records(): IntervalRecord[] {
    const names = this.#tails.names().filter((name) => name.endsWith('.ndjson') && !this.#retired.has(name))
    return names.flatMap((name) => parseIntervals(this.#tails.textOf(name), join(this.#folder, name)))
  }

  /** Nobody writes to that log any more, and it has been read. */
  retire(name: string): void {
    this.#retired.add(name)
    this.#tails.forget(name)
  }
}
