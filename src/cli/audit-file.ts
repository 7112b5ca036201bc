import { appendFile } from 'node:fs/promises'
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
        await appendFile(this.#file, lines.join(''), { mode: 0o600 })
      } catch (err) {
        // In the log at least, where somebody may find it.
        this.#logger.error({ err, lines }, `the audit log ${this.#file} cannot be written`)
      }
    }
    this.#writing = undefined
    if (this.#dropped === 0) return
    this.#logger.error(
      { dropped: this.#dropped },
      `lines of the audit log ${this.#file} were dropped: its disk is too slow`,
    )
    this.#dropped = 0
  }

  /** Resolves once everything is written. */
  async close(): Promise<void> {
    await this.#writing
  }
}
