import { randomUUID } from 'node:crypto'
import { access, mkdir, readFile } from 'node:fs/promises'
import { dirname, join, resolve } from 'node:path'
import type { Foundation } from '../core/group/foundation.ts'
import { CaucusError, isCaucusError } from '../errors.ts'
import type { FoundationStore } from '../ports/store.ts'
import { removeLeftovers, replaceFile, syncDirectory } from './atomic-file.ts'
import { type DirectoryLock, lockDirectory, type Pause } from './directory-lock.ts'
import { decodeRecord, encodeRecord, type StoredRecord } from './record.ts'

/** A store over a data directory, which also remembers the cluster that it belongs to. */
export interface FileStore extends FoundationStore {
  readonly clusterId: string
}

const NAME = 'foundation.json'

/**
 * Opens (and creates) a data directory and keeps it to itself until `close`.
 *
 * `clusterId` is what the directory must belong to; a new one without it gets a random one. Rejects with `CAUCUS_CONFLICT` when another
 * process has it (after 4.5 s when that one is out of sight, in another container), `CAUCUS_INVALID_CONFIG` when it cannot be one or belongs to another cluster, `CAUCUS_BACKEND` when the disk fails.
 */
export const fileStore = async (
  directory: string,
  { clusterId, pause }: { readonly clusterId?: string | undefined; readonly pause?: Pause } = {},
): Promise<FileStore> => {
  const path = resolve(directory)
  await clearly(path, () => create(path))
  const lock = await clearly(path, () => lockDirectory(path, pause))
  try {
    return await clearly(path, () => open(path, lock, clusterId))
  } catch (error) {
    await lock.release()
    throw error
  }
}

const open = async (directory: string, lock: DirectoryLock, clusterId: string | undefined): Promise<FileStore> => {
  await removeLeftovers(directory, NAME)
  let record = await read(directory)
  if (record === undefined) {
    record = { instanceId: randomUUID(), clusterId: clusterId ?? randomUUID() }
    await replaceFile(directory, NAME, encodeRecord(record))
  }
  if (clusterId !== undefined && clusterId !== record.clusterId) {
    throw new CaucusError(
      'CAUCUS_INVALID_CONFIG',
      `the data directory ${directory} belongs to the cluster "${record.clusterId}", not to "${clusterId}"; give each cluster a directory of its own`,
      { details: { directory, clusterId: record.clusterId } },
    )
  }
  return new OpenFileStore(directory, lock, record)
}

class OpenFileStore implements FileStore {
  readonly durable = true
  readonly instanceId: string
  readonly clusterId: string
  readonly lost: Promise<CaucusError>
  readonly #directory: string
  readonly #lock: DirectoryLock
  #record: StoredRecord
  /** The end of what has been asked for so far; it never rejects. */
  #queue: Promise<unknown> = Promise.resolve()
  #closed = false

  constructor(directory: string, lock: DirectoryLock, record: StoredRecord) {
    this.#directory = directory
    this.#lock = lock
    this.lost = lock.lost
    this.#record = record
    this.instanceId = record.instanceId
    this.clusterId = record.clusterId
  }

  load(): Promise<Foundation | undefined> {
    return this.#inTurn(async () => this.#record.foundation)
  }

  save(foundation: Foundation): Promise<void> {
    return this.#inTurn(() =>
      clearly(this.#directory, async () => {
        await this.#lock.verify()
        const record = { ...this.#record, foundation }
        await replaceFile(this.#directory, NAME, encodeRecord(record))
        this.#record = record
      }),
    )
  }

  #inTurn<Result>(action: () => Promise<Result>): Promise<Result> {
    if (this.#closed) return Promise.reject(new CaucusError('CAUCUS_CLOSED', 'this store has been closed'))
    const result = this.#queue.then(action)
    // Whoever asked hears of a failure; those who come later have their own turn.
    this.#queue = result.catch(() => undefined)
    return result
  }

  async close(): Promise<void> {
    if (this.#closed) return
    this.#closed = true
    await this.#queue
    await clearly(this.#directory, () => this.#lock.release())
  }
}

const read = async (directory: string): Promise<StoredRecord | undefined> => {
  const file = join(directory, NAME)
  try {
    return decodeRecord(await readFile(file, 'utf8'), file)
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined
    throw error
  }
}

/**
 * Every directory that had to be made is durable in its own parent. One by one: `mkdir`'s own `recursive` never ends where the parent is
 * there and says that it is not, as /proc does.
 */
export const create = async (directory: string): Promise<void> => {
  const missing: string[] = []
  for (let each = directory; !(await isThere(each)); each = dirname(each)) missing.unshift(each)
  for (const each of missing) {
    await makeDirectory(each)
    await syncDirectory(dirname(each))
  }
}

const isThere = async (path: string): Promise<boolean> => {
  try {
    await access(path)
    return true
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return false
    throw error
  }
}

const makeDirectory = async (path: string): Promise<void> => {
  try {
    await mkdir(path, { mode: 0o700 })
  } catch (error) {
    // Somebody else, who starts at the same time, made it.
    if ((error as NodeJS.ErrnoException).code !== 'EEXIST') throw error
  }
}

/** The errors of the file system that an operator can do something about, by their codes. */
const ADVICE: Readonly<Record<string, readonly ['CAUCUS_INVALID_CONFIG' | 'CAUCUS_BACKEND', string]>> = {
  ENOTDIR: ['CAUCUS_INVALID_CONFIG', 'it, or something on the way to it, is not a directory; give another path'],
  ENOENT: ['CAUCUS_INVALID_CONFIG', 'it is not there, and no directory or file can be made there; give another path'],
  EACCES: ['CAUCUS_INVALID_CONFIG', 'this user may not read and write it; change its owner or give another path'],
  EPERM: ['CAUCUS_INVALID_CONFIG', 'this user may not write it, or it allows no hard links; give another path'],
  EROFS: [
    'CAUCUS_INVALID_CONFIG',
    'it is on a file system that is read-only; mount it for writing or give another path',
  ],
  ENOSPC: ['CAUCUS_BACKEND', 'the disk is full; make room'],
  EDQUOT: ['CAUCUS_BACKEND', 'the quota of the disk is used up; make room'],
  EIO: ['CAUCUS_BACKEND', 'the disk reports an error; replace it'],
}

export const clearly = async <Result>(directory: string, action: () => Promise<Result>): Promise<Result> => {
  try {
    return await action()
  } catch (error) {
    if (isCaucusError(error)) throw error
    const code = String((error as NodeJS.ErrnoException).code)
    const [ours, advice] = ADVICE[code] ?? ['CAUCUS_BACKEND' as const, `the system says ${code}`]
    throw new CaucusError(ours, `the data directory ${directory} cannot be used: ${advice}`, {
      cause: error,
      details: { directory, system: code },
    })
  }
}
