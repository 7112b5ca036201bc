import { appendFileSync, closeSync, openSync } from 'node:fs'
import { FileTails } from '../testing/file-tails.ts'

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
  readonly #tails: FileTails
  readonly #prefix: string

  constructor(folder: string, prefix: string) {
    this.#tails = new FileTails(folder)
    this.#prefix = prefix
  }

  /** What was completed since the last call. */
  lines(): string[] {
    const names = this.#tails.names().filter((name) => name.startsWith(this.#prefix))
    return names.flatMap((name) => this.#tails.textOf(name).split('\n').slice(0, -1))
  }
}
