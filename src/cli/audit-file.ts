import { appendFile, stat } from 'node:fs/promises'
import { CaucusError } from '../errors.ts'
import type { AuditSink } from '../server/access/audit.ts'
import type { Logger } from './logging.ts'

/** So many lines may wait for a slow disk. */
const MAX_WAITING = 10_000

/** Appends one line of JSON for each entry. The file is opened for each write, so that it can be moved away at any time. */
export class AuditFile {
  readonly #file: string
  readonly #logger: Logger
  #waiting: string[] = []
  #dropped = 0
  #writing: Promise<void> | undefined
  /** The last line may be half a line: the disk was full in the middle of it. */
  #torn = false

  /** Rejects with `CAUCUS_INVALID_CONFIG` when nothing can be written there: better at the start than at the first line. */
  static async open(file: string, logger: Logger): Promise<AuditFile> {
    try {
      if (await isFileOrNone(file)) await appendFile(file, '', { mode: 0o600 })
    } catch (error) {
      const why = (error as NodeJS.ErrnoException).code ?? String(error)
      throw new CaucusError(
        'CAUCUS_INVALID_CONFIG',
        `the audit log ${file} cannot be written (${why}); name a file in a folder that is there and that this user may write`,
        { cause: error },
      )
    }
    return new AuditFile(file, logger)
  }

  constructor(file: string, logger: Logger) {
    this.#file = file
    this.#logger = logger
  }

  readonly write: AuditSink = (entry) => {
    if (this.#waiting.length >= MAX_WAITING) {
      this.#dropped++
      return
    }
    this.#waiting.push(`${JSON.stringify(entry)}\n`)
    this.#writing ??= this.#writeAll()
  }

  async #writeAll(): Promise<void> {
    while (this.#waiting.length > 0) {
      const lines = this.#waiting
      this.#waiting = []
      try {
        await appendFile(this.#file, `${this.#torn ? '\n' : ''}${lines.join('')}`, { mode: 0o600 })
        this.#torn = false
      } catch (err) {
        this.#torn = true
        // In the log at least, where somebody may find it.
        this.#logger.error(
          { event: 'audit.failed', err, lines },
          `the audit log ${this.#file} cannot be written; its lines stand here until it can, which needs no restart`,
        )
      }
    }
    this.#writing = undefined
    if (this.#dropped === 0) return
    this.#logger.error(
      { event: 'audit.dropped', dropped: this.#dropped },
      `lines of the audit log ${this.#file} were dropped: its disk is too slow`,
    )
    this.#dropped = 0
  }

  /** Resolves once everything is written. */
  async close(): Promise<void> {
    await this.#writing
  }
}

/** A pipe whose reader is not there yet would keep us waiting. */
const isFileOrNone = async (file: string): Promise<boolean> => {
  try {
    return !(await stat(file)).isFIFO()
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return true
    throw error
  }
}
