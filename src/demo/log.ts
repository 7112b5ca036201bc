import { appendFileSync, closeSync, openSync, readdirSync, readSync } from 'node:fs'
import { join } from 'node:path'

/**
 * A log of lines that only its own process appends to. Each call is one write, so a process that is killed loses at most the
 * line that it was writing, and nobody else's.
 */
export class LineLog {
  readonly #file: number

  constructor(file: string) {
    this.#file = openSync(file, 'ax')
  }

  append(records: readonly object[]): void {
    if (records.length > 0) appendFileSync(this.#file, records.map((record) => `${JSON.stringify(record)}\n`).join(''))
  }

  close(): void {
    closeSync(this.#file)
  }
}

/** Reads the logs of a folder whose names begin with `prefix`, each line once; a line without its end is left for the next time. */
export class LogReader {
  readonly #folder: string
  readonly #prefix: string
  readonly #read = new Map<string, { offset: number; rest: Buffer }>()
  readonly #chunk = Buffer.allocUnsafe(1 << 16)

  constructor(folder: string, prefix: string) {
    this.#folder = folder
    this.#prefix = prefix
  }

  /** What was completed since the last call. */
  lines(): string[] {
    const names = readdirSync(this.#folder).filter((name) => name.startsWith(this.#prefix))
    return names.sort().flatMap((name) => this.#linesOf(name))
  }

  #linesOf(name: string): string[] {
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
      return end === 0 ? [] : text.toString('utf8', 0, end - 1).split('\n')
    } finally {
      closeSync(file)
    }
  }
}
