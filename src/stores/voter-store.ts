import { readFile } from 'node:fs/promises'
import { join, resolve } from 'node:path'
import type { ElectionRecord } from '../core/election/record.ts'
import type { ReplicaRecord } from '../core/replication/messages.ts'
import { CaucusError } from '../errors.ts'
import type { ReplicaStore } from '../ports/replica-store.ts'
import type { VoterStore } from '../ports/voter-store.ts'
import { removeLeftovers, replaceFile } from './atomic-file.ts'
import { type DirectoryLock, lockDirectory, type Pause } from './directory-lock.ts'
import { clearly, create } from './file-store.ts'
import { decodeReplicaRecord, encodeReplicaRecord } from './replica-record.ts'
import { decodeVoterRecord, encodeVoterRecord } from './voter-record.ts'

const ELECTION = 'election.json'
const CHARTER = 'charter.json'

/** A voter's directory: what its election must find again, and its copy of the charter. */
export interface VoterDirectory extends VoterStore {
  readonly charter: ReplicaStore
}

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
 * `CAUCUS_BACKEND` when the disk fails or a record in it is damaged.
 */
export const voterStore = async (
  directory: string,
  { cluster, voter, pause }: VoterStoreOptions,
): Promise<VoterDirectory> => {
  const path = resolve(directory)
  await clearly(path, () => create(path))
  const lock = await clearly(path, () => lockDirectory(path, pause))
  try {
    const found = await clearly(path, async () => {
      for (const name of [ELECTION, CHARTER]) await removeLeftovers(path, name)
      return {
        election: await read(path, ELECTION, decodeVoterRecord),
        charter: await read(path, CHARTER, decodeReplicaRecord),
      }
    })
    if (found.election !== undefined) requireOwn(found.election, { cluster, voter }, path)
    return new OpenVoterDirectory(path, lock, found)
  } catch (error) {
    await lock.release()
    throw error
  }
}

const read = async <Record>(
  directory: string,
  name: string,
  decode: (text: string, file: string) => Record,
): Promise<Record | undefined> => {
  const file = join(directory, name)
  try {
    return decode(await readFile(file, 'utf8'), file)
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

interface Found {
  readonly election: ElectionRecord | undefined
  readonly charter: ReplicaRecord | undefined
}

class OpenVoterDirectory implements VoterDirectory {
  readonly lost: Promise<CaucusError>
  readonly found: ElectionRecord | undefined
  readonly charter: ReplicaStore
  readonly #directory: string
  readonly #lock: DirectoryLock
  /** For each file the end of what has been asked for so far; it never rejects. A slow charter holds no vote up. */
  readonly #queues = new Map<string, Promise<unknown>>()
  #closed: Promise<void> | undefined

  constructor(directory: string, lock: DirectoryLock, { election, charter }: Found) {
    this.#directory = directory
    this.#lock = lock
    this.lost = lock.lost
    this.found = election
    this.charter = { found: charter, save: (record) => this.#save(CHARTER, () => encodeReplicaRecord(record)) }
  }

  save(record: ElectionRecord): Promise<void> {
    return this.#save(ELECTION, () => encodeVoterRecord(record))
  }

  #save(name: string, encode: () => string): Promise<void> {
    if (this.#closed !== undefined)
      return Promise.reject(new CaucusError('CAUCUS_CLOSED', 'this store has been closed'))
    const before = this.#queues.get(name) ?? Promise.resolve()
    const written = before.then(() => clearly(this.#directory, () => this.#write(name, encode())))
    // Whoever asked hears of a failure; those who come later have their own turn.
    this.#queues.set(
      name,
      written.catch(() => undefined),
    )
    return written
  }

  async #write(name: string, text: string): Promise<void> {
    await this.#lock.verify()
    await replaceFile(this.#directory, name, text)
  }

  close(): Promise<void> {
    this.#closed ??= Promise.all(this.#queues.values()).then(() => clearly(this.#directory, () => this.#lock.release()))
    return this.#closed
  }
}
