import { createHash } from 'node:crypto'
import { type BigIntStats, constants } from 'node:fs'
import { open, stat } from 'node:fs/promises'
import type { AccessRule } from '../../config/access.ts'
import type { Millis } from '../../core/time.ts'
import { CaucusError, isCaucusError } from '../../errors.ts'
import type { Clock, Timer } from '../../ports/clock.ts'
import type { ServerLogger } from '../logger.ts'
import type { Access } from './access.ts'

/** Of a file of rules that is followed: what it said when it was opened, how it is read, and whose rules it sets. */
export interface RulesFileOptions {
  readonly file: string
  /** What is in force already. */
  readonly text: string
  /** What a later text of the file says. Throws when it cannot be taken. */
  read(text: string): readonly AccessRule[]
  /** What follows the file from now on. */
  readonly access: Access
  readonly logger: ServerLogger
  readonly clock: Clock
}

const LOOK_EVERY_MS: Millis = 1_000
const MAX_BYTES = 8_000_000
const GROUP_OR_WORLD = 0o077n
const WORLD_WRITES = 0o002n

/**
 * Keeps who may do what as a file says it. The file is looked at again and again and not waited for: that finds one that was replaced by
 * another name, through a link, or on a disk of another machine, which notifications miss. What stands in it counts once it has been the
 * same for two looks, so that half a file is not taken for a whole one; what cannot be taken leaves everything as it was.
 */
export class RulesFile {
  readonly #options: Omit<RulesFileOptions, 'text'>
  #timer: Timer | undefined
  /** Of the text that is in force. */
  #hash: string
  /** Of the file as it was read last, and as it was looked at last. */
  #readAs: string | undefined
  #seenAs: string | undefined
  /** What was said of the file last, while it cannot be taken. */
  #problem: string | undefined
  #closed = false

  private constructor({ file, text, read, access, logger, clock }: RulesFileOptions) {
    // Not all that was given: the text has tokens in it.
    this.#options = { file, read, access, logger, clock }
    this.#hash = hashOf(text)
  }

  /** Resolves once the file is followed. Rejects with `CAUCUS_INVALID_CONFIG` when anybody on this machine may write it. */
  static async follow(options: RulesFileOptions): Promise<RulesFile> {
    const followed = new RulesFile(options)
    const stats = await stat(options.file, { bigint: true })
    followed.#requireSafe(stats)
    followed.#warnOfReaders(stats)
    // What comes through a pipe comes once.
    if (stats.isFile()) followed.#lookLater()
    return followed
  }

  /** Stops looking at the file. What is in force stays so. */
  close(): void {
    this.#closed = true
    this.#timer?.clear()
  }

  #lookLater(): void {
    if (this.#closed) return
    const { clock } = this.#options
    // Never rejects: whatever goes wrong with the file is told, and the next look may find it mended.
    this.#timer = clock.setTimer(clock.now() + LOOK_EVERY_MS, () => void this.look().then(() => this.#lookLater()), {
      ref: false,
    })
  }

  /** One look. Takes what stands there when it has changed, and is the same as at the look before. */
  async look(): Promise<void> {
    const { file, access, logger } = this.#options
    let seenAs: string | undefined
    try {
      const stats = await stat(file, { bigint: true })
      seenAs = sightOf(stats)
      if (seenAs === this.#readAs) this.#problem = undefined
      if (this.#isOldNews(seenAs)) return
      this.#requireSafe(stats)
      const text = await this.#read(seenAs)
      if (text === undefined || this.#closed) return
      const hash = hashOf(text)
      if (hash !== this.#hash) {
        access.replace(this.#options.read(text))
        this.#warnOfReaders(stats)
        logger.info(
          { event: 'tokens.replaced', file, entries: access.size },
          'the tokens were read again, and the new ones are in force',
        )
      }
      this.#hash = hash
      this.#readAs = seenAs
      this.#problem = undefined
    } catch (error) {
      const problem = problemOf(file, error)
      // What the file says will not do until it is changed. What the system says may be over at the next look.
      if (isCaucusError(error)) this.#readAs = seenAs
      else if (seenAs === undefined && this.#isOldNews(problem)) return
      if (problem === this.#problem) return
      this.#problem = problem
      access.failed(problem)
      logger.error(
        { event: 'tokens.rejected', file },
        `the tokens stay as they were, because the file cannot be taken: ${problem}`,
      )
    }
  }

  /** The text of what was seen; `undefined` when it is something else by now, or grows. Waits for nobody to write it, as a pipe would. */
  async #read(seenAs: string): Promise<string | undefined> {
    const { file } = this.#options
    const handle = await open(file, constants.O_RDONLY | (constants.O_NONBLOCK ?? 0))
    try {
      const stats = await handle.stat({ bigint: true })
      if (sightOf(stats) !== seenAs) return undefined
      if (!stats.isFile()) throw new CaucusError('CAUCUS_INVALID_CONFIG', `${file} is no file any more; put one there`)
      if (stats.size > MAX_BYTES) {
        throw new CaucusError('CAUCUS_INVALID_CONFIG', `${file} is longer than ${MAX_BYTES} bytes`)
      }
      const bytes = Buffer.alloc(Number(stats.size))
      for (let at = 0; at < bytes.length; ) {
        const { bytesRead } = await handle.read(bytes, at, bytes.length - at, at)
        if (bytesRead === 0) return undefined
        at += bytesRead
      }
      return sightOf(await handle.stat({ bigint: true })) === seenAs ? bytes.toString('utf8') : undefined
    } finally {
      await handle.close()
    }
  }

  /** True for what is known already, and for what has been seen for the first time: it may not be all of it yet. */
  #isOldNews(seenAs: string): boolean {
    if (seenAs === this.#readAs) return true
    const first = seenAs !== this.#seenAs
    this.#seenAs = seenAs
    return first
  }

  #requireSafe({ mode }: BigIntStats): void {
    if (process.platform === 'win32' || (mode & WORLD_WRITES) === 0n) return
    throw new CaucusError(
      'CAUCUS_INVALID_CONFIG',
      `everybody on this machine may write ${this.#options.file}, and so become an admin of this server: chmod 600 it`,
    )
  }

  #warnOfReaders({ mode }: BigIntStats): void {
    if (process.platform === 'win32' || (mode & GROUP_OR_WORLD) === 0n) return
    const { file, logger } = this.#options
    const shown = (mode & 0o777n).toString(8).padStart(3, '0')
    logger.warn(
      { event: 'tokens.exposed', file, mode: shown },
      'others on this machine may open the file with the tokens: chmod 600 it',
    )
  }
}

const sightOf = ({ dev, ino, size, mtimeNs, ctimeNs, mode }: BigIntStats): string =>
  [dev, ino, size, mtimeNs, ctimeNs, mode].join(' ')

const hashOf = (text: string): string => createHash('sha256').update(text).digest('hex')

const problemOf = (file: string, error: unknown): string => {
  if (isCaucusError(error)) return error.message
  const { code } = error as NodeJS.ErrnoException
  return code === 'ENOENT'
    ? `there is no ${file} any more`
    : `cannot read ${file}: the system says ${code ?? String(error)}`
}
