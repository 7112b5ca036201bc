import { closeSync, openSync, readdirSync, readSync } from 'node:fs'
import { join } from 'node:path'
import { type IntervalRecord, parseIntervals } from '../intervals.ts'

/** Reads the interval logs (`*.ndjson`) of a folder, each line once. A line without its end is left for the next time. */
export class LogTail {
  readonly #folder: string
  readonly #read = new Map<string, { offset: number; rest: Buffer }>()
  readonly #retired = new Set<string>()
  readonly #chunk = Buffer.allocUnsafe(1 << 16)

  constructor(folder: string) {
    this.#folder = folder
  }

  /** What was completed since the last call. Throws for a line that is no record. */
  records(): IntervalRecord[] {
    const names = readdirSync(this.#folder).filter((name) => name.endsWith('.ndjson') && !this.#retired.has(name))
    return names.flatMap((name) => parseIntervals(this.#textOf(name), join(this.#folder, name)))
  }

  /** Nobody writes to that log any more, and it has been read. */
  retire(name: string): void {
    this.#retired.add(name)
    this.#read.delete(name)
  }

  #textOf(name: string): string {
    const file = openSync(join(this.#folder, name), 'r')
    try {
      let { offset, rest } = this.#read.get(name) ?? { offset: 0, rest: Buffer.alloc(0) }
      const pieces = [rest]
      for (;;) {
        const bytes = readSync(file, this.#chunk, 0, this.#chunk.length, offset)
        if (bytes === 0) break
        offset += bytes
        pieces.push(Buffer.from(this.#chunk.subarray(0, bytes)))
      }
      const text = Buffer.concat(pieces)
      const end = text.lastIndexOf(0x0a) + 1
      rest = text.subarray(end)
      this.#read.set(name, { offset, rest })
      return text.toString('utf8', 0, end)
    } finally {
      closeSync(file)
    }
  }
}
