import { randomUUID } from 'node:crypto'
import { link, open, readFile, rename, rm } from 'node:fs/promises'
import { join } from 'node:path'
import { CaucusError } from '../errors.ts'

/** Names one process for good: a pid alone comes again, and in a container it is 1 every time. */
interface Owner {
  readonly bootId: string
  readonly pid: number
  /** As the kernel counts it; `undefined` where there is no /proc. */
  readonly startedAt?: string
  readonly token: string
}

/** A data directory belongs to one process at a time. */
export interface DirectoryLock {
  /** Rejects with `CAUCUS_CONFLICT` when somebody else has taken the directory meanwhile. */
  verify(): Promise<void>
  /** Gives it back, if it is still ours. */
  release(): Promise<void>
}

const NAME = 'lock'

/** Takes the directory; one that belongs to a process which is gone is taken over. */
export const lockDirectory = async (directory: string): Promise<DirectoryLock> => {
  const file = join(directory, NAME)
  const startedAt = await startOf(process.pid)
  const owner: Owner = {
    bootId: await bootId(),
    pid: process.pid,
    ...(startedAt !== undefined && { startedAt }),
    token: randomUUID(),
  }
  const mine = `${file}-${owner.token}`
  await writeSynced(mine, JSON.stringify(owner))
  try {
    // A link appears with its content or not at all, so nobody ever reads half a lock.
    while (!(await linked(mine, file))) await clearStale(file, owner)
  } finally {
    await rm(mine, { force: true })
  }
  const isOurs = async () => (await readOwner(file))?.token === owner.token
  return {
    verify: async () => {
      if (!(await isOurs())) throw taken(directory, await readOwner(file))
    },
    release: async () => {
      if (await isOurs()) await rm(file, { force: true })
    },
  }
}

const clearStale = async (file: string, self: Owner): Promise<void> => {
  const found = await readOwner(file)
  if (found === undefined) return
  if (await isRunning(found, self)) throw taken(join(file, '..'), found)
  // Moved first and looked at again: between reading and removing, somebody else may have taken it over.
  const aside = `${file}-stale-${self.token}`
  if (!(await moved(file, aside))) return
  const got = await readOwner(aside)
  try {
    if (got !== undefined && (await isRunning(got, self)) && (await linked(aside, file))) {
      throw taken(join(file, '..'), got)
    }
  } finally {
    await rm(aside, { force: true })
  }
}

const isRunning = async (owner: Owner, self: Owner): Promise<boolean> => {
  if (owner.bootId !== self.bootId) return false
  const startedAt = await startOf(owner.pid)
  if (startedAt !== undefined || owner.startedAt !== undefined) return startedAt === owner.startedAt
  return isAlive(owner.pid)
}

const taken = (directory: string, owner: Owner | undefined): CaucusError =>
  new CaucusError(
    'CAUCUS_CONFLICT',
    owner === undefined
      ? `the lock of the data directory ${directory} is gone; somebody else is at work there. Stop this server`
      : `the data directory ${directory} is in use by the process ${owner.pid}; stop that one, or give this one a directory of its own`,
    { details: { directory, ...(owner !== undefined && { pid: owner.pid }) } },
  )

const writeSynced = async (file: string, text: string): Promise<void> => {
  const handle = await open(file, 'wx', 0o600)
  try {
    await handle.writeFile(text)
    await handle.sync()
  } finally {
    await handle.close()
  }
}

const codeOf = (error: unknown): unknown => (error as NodeJS.ErrnoException).code

/** False when the target is there already. */
const linked = async (from: string, to: string): Promise<boolean> => {
  try {
    await link(from, to)
    return true
  } catch (error) {
    if (codeOf(error) === 'EEXIST') return false
    throw error
  }
}

/** False when there is nothing to move. */
const moved = async (from: string, to: string): Promise<boolean> => {
  try {
    await rename(from, to)
    return true
  } catch (error) {
    if (codeOf(error) === 'ENOENT') return false
    throw error
  }
}

/** `undefined`: there is no lock. One that nobody can have written belongs to no running process. */
const readOwner = async (file: string): Promise<Owner | undefined> => {
  const text = await readIfThere(file)
  if (text === undefined) return undefined
  try {
    const { bootId, pid, startedAt, token } = JSON.parse(text) as Partial<Owner>
    if (typeof bootId === 'string' && typeof pid === 'number' && typeof token === 'string') {
      return { bootId, pid, token, ...(typeof startedAt === 'string' && { startedAt }) }
    }
  } catch {
    // Not JSON: whatever it is, no process of ours wrote it.
  }
  return { bootId: 'unknown', pid: 0, token: 'unknown' }
}

const readIfThere = async (file: string): Promise<string | undefined> => {
  try {
    return await readFile(file, 'utf8')
  } catch (error) {
    if (codeOf(error) === 'ENOENT') return undefined
    throw error
  }
}

/** Random for every start of the kernel; empty where there is no /proc, where pids then have to do. */
const bootId = async (): Promise<string> => (await readProc('/proc/sys/kernel/random/boot_id'))?.trim() ?? ''

/** The 22nd field of `stat`, counted after the name, which is in brackets and may hold anything. */
const startOf = async (pid: number): Promise<string | undefined> => {
  const stat = await readProc(`/proc/${pid}/stat`)
  return stat?.slice(stat.lastIndexOf(')') + 2).split(' ')[19]
}

const readProc = async (file: string): Promise<string | undefined> => {
  try {
    return await readFile(file, 'utf8')
  } catch {
    // No such process, or no /proc on this system.
    return undefined
  }
}

const isAlive = (pid: number): boolean => {
  try {
    process.kill(pid, 0)
    return true
  } catch (error) {
    return codeOf(error) === 'EPERM'
  }
}
