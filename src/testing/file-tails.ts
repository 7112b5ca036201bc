import { closeSync, openSync, readdirSync, readSync } from 'node:fs'
import { join } from 'node:path'

/** Reads files of a folder that grow at their end, each line once. A line without its end is left for the next time. */
export class FileTails {
  readonly #folder: string
  readonly #read = new Map<string, { offset: number; rest: Buffer }>()
  readonly #chunk = Buffer.allocUnsafe(1 << 16)

  constructor(folder: string) {
    this.#folder = folder
  }

  /** The names of the files there, in order. */
  names(): string[] {
    return readdirSync(this.#folder).sort()
  }

  /** The lines of one file, with their ends, that were completed since the last call. */
  textOf(name: string): string {
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

  /** That file is not read again. */
  forget(name: string): void {
    this.#read.delete(name)
  }
}
