import { readFile } from 'node:fs/promises'
import { join, resolve } from 'node:path'
import type { ElectionRecord } from '../core/election/record.ts'
import { CaucusError } from '../errors.ts'
import type { VoterStore } from '../ports/voter-store.ts'
import { removeLeftovers, replaceFile } from './atomic-file.ts'
import { type DirectoryLock, lockDirectory, type Pause } from './directory-lock.ts'
import { clearly, create } from './file-store.ts'
import { decodeVoterRecord, encodeVoterRecord } from './voter-record.ts'

const NAME = 'election.json'

export interface VoterStoreOptions {
  readonly cluster: string
  /** Whose record it is. */
  readonly voter: string
  readonly pause?: Pause
}

/**
 * Opens (and creates) a voter's data directory and keeps it to itself until `close`.
 *
 * Rejects with `CAUCUS_CONFLICT` when another process has it, `CAUCUS_INVALID_CONFIG` when it cannot be one or is another voter's, and
 * `CAUCUS_BACKEND` when the disk fails or the record in it is damaged.
 */
export const voterStore = async (
  directory: string,
  { cluster, voter, pause }: VoterStoreOptions,
): Promise<VoterStore> => {
  const path = resolve(directory)
  await clearly(path, () => create(path))
  const lock = await clearly(path, () => lockDirectory(path, pause))
  try {
    const found = await clearly(path, async () => {
      await removeLeftovers(path, NAME)
      return read(path)
    })
    if (found !== undefined) requireOwn(found, { cluster, voter }, path)
    return new OpenVoterStore(path, lock, found)
  } catch (error) {
    await lock.release()
    throw error
  }
}

const read = async (directory: string): Promise<ElectionRecord | undefined> => {
  const file = join(directory, NAME)
  try {
    return decodeVoterRecord(await readFile(file, 'utf8'), file)
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined
    throw error
  }
}

const requireOwn = (found: ElectionRecord, own: { cluster: string; voter: string }, directory: string): void => {
  if (found.cluster === own.cluster && found.voter === own.voter) return
  const { cluster, voter } = found
  throw new CaucusError(
    'CAUCUS_INVALID_CONFIG',
    `the data directory ${directory} is that of the voter "${voter}" of the cluster "${cluster}", not of "${own.voter}" of "${own.cluster}"; give each voter a directory of its own`,
    { details: { directory, cluster, voter } },
  )
}

class OpenVoterStore implements VoterStore {
  readonly lost: Promise<CaucusError>
  readonly found: ElectionRecord | undefined
  readonly #directory: string
  readonly #lock: DirectoryLock
  /** The end of what has been asked for so far; it never rejects. */
  #queue: Promise<unknown> = Promise.resolve()
  #closed: Promise<void> | undefined

  constructor(directory: string, lock: DirectoryLock, found: ElectionRecord | undefined) {
    this.#directory = directory
    this.#lock = lock
    this.lost = lock.lost
    this.found = found
  }

  save(record: ElectionRecord): Promise<void> {
    if (this.#closed !== undefined)
      return Promise.reject(new CaucusError('CAUCUS_CLOSED', 'this store has been closed'))
    const written = this.#queue.then(() => clearly(this.#directory, () => this.#write(record)))
    // Whoever asked hears of a failure; those who come later have their own turn.
    this.#queue = written.catch(() => undefined)
    return written
  }

  async #write(record: ElectionRecord): Promise<void> {
    await this.#lock.verify()
    await replaceFile(this.#directory, NAME, encodeVoterRecord(record))
  }

  close(): Promise<void> {
    this.#closed ??= this.#queue.then(() => clearly(this.#directory, () => this.#lock.release()))
    return this.#closed
  }
}
