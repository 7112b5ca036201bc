import type { Stats } from 'node:fs'
import { link, open, readdir, rename, rm, stat, utimes } from 'node:fs/promises'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { CaucusError } from '../errors.ts'
import { decodeOwner, isInSight, isRunning, type Owner, thisProcess } from './owner.ts'

/** A data directory belongs to one process at a time. */
export interface DirectoryLock {
  /** Resolves with the reason once the directory is not ours any more, at most a few seconds later. Stays pending after `release`. */
  readonly lost: Promise<CaucusError>
  /** Rejects with `CAUCUS_CONFLICT` when somebody else has taken the directory meanwhile. */
  verify(): Promise<void>
  /** Gives it back, if it is still ours. */
  release(): Promise<void>
}

/** Lets time pass. `ref`: the process must live to see the end of it. */
export type Pause = (forMs: number, options: { readonly ref: boolean }) => Promise<unknown>

const inRealTime: Pause = (forMs, options) => sleep(forMs, undefined, options)

const NAME = 'lock'
/** How often a holder touches its lock, and looks whether it still is its own. */
const TOUCH_MS = 1_000
/** After so many failures in a row a holder gives up: before anybody else may take the lock for a dead one's. */
const MAX_FAILURES = 3
/** For how long an untouched lock of an owner out of sight is watched, in looks, before it is taken over. */
const LOOK_MS = 500
const LOOKS = 9
/** Each round but the last found another lock. So many are a file that can neither be read nor linked. */
const MAX_ROUNDS = 20
/** What a crash left next to the lock, and not what somebody needs who is taking it right now. */
const LEFTOVER_MS = 60_000

/**
 * Takes the directory, and keeps it until `release`. One whose owner is gone is taken over: at once when this process can see that it is
 * gone, and after 4.5 s in which its lock was not touched when it cannot (another container, another machine, another boot).
 */
export const lockDirectory = async (directory: string, pause: Pause = inRealTime): Promise<DirectoryLock> => {
  const self = await thisProcess()
  const mine = join(directory, `${NAME}-${self.token}`)
  try {
    await writeSynced(mine, JSON.stringify(self))
    const file = join(directory, NAME)
    // A link appears with its content or not at all, so nobody ever reads half a lock.
    for (let round = 0; !(await linked(mine, file)); round++) {
      if (round === MAX_ROUNDS) throw unusable(file)
      await clearStale(directory, self, pause)
    }
  } finally {
    await rm(mine, { force: true })
  }
  const lock = new HeldLock(directory, self, pause)
  try {
    await removeLeftovers(directory)
  } catch (error) {
    await lock.release()
    throw error
  }
  return lock
}

class HeldLock implements DirectoryLock {
  readonly lost: Promise<CaucusError>
  readonly #directory: string
  readonly #file: string
  readonly #self: Owner
  #released = false
  /** Of the lock as it was seen last, which was ours. */
  #seen: string | undefined

  constructor(directory: string, self: Owner, pause: Pause) {
    this.#directory = directory
    this.#file = join(directory, NAME)
    this.#self = self
    this.lost = new Promise((resolve) => void this.#keep(pause, resolve))
  }

  async verify(): Promise<void> {
    const found = await look(this.#file)
    if (found === undefined) throw gone(this.#file)
    if (!this.#isOurs(found)) throw taken(this.#directory, found.owner, this.#self)
  }

  async release(): Promise<void> {
    this.#released = true
    const found = await look(this.#file)
    if (found !== undefined && this.#isOurs(found)) await rm(this.#file, { force: true })
  }

  #isOurs({ owner }: Look): boolean {
    return owner.token === this.#self.token
  }

  /** False when it is not there, or the disk fails as well. */
  async #touchUnseen(): Promise<boolean> {
    try {
      // Another's is not to be kept alive: somebody may have taken over while this process was stopped.
      if (identityOf(await stat(this.#file)) !== this.#seen) return false
      await touch(this.#file)
      return true
    } catch {
      // What is wrong is said by the look before.
      return false
    }
  }

  async #keep(pause: Pause, lose: (error: CaucusError) => void): Promise<void> {
    let failures = 0
    for (;;) {
      await pause(TOUCH_MS, { ref: false })
      if (this.#released) return
      let fault: CaucusError | undefined
      try {
        const found = await look(this.#file)
        if (this.#released) return
        if (found === undefined) fault = gone(this.#file)
        else if (this.#isOurs(found)) {
          this.#seen = found.identity
          await touch(this.#file)
        } else return lose(taken(this.#directory, found.owner, this.#self))
      } catch (error) {
        fault = unkept(this.#file, error)
        // Without a descriptor nobody can look, but a lock that was ours a moment ago can be kept fresh: that needs none.
        if (hasNoDescriptor(error) && (await this.#touchUnseen())) continue
      }
      failures = fault === undefined ? 0 : failures + 1
      // Not at the first one: while a taker looks at a lock it is away for a moment, and so may the disk be.
      if (fault !== undefined && failures === MAX_FAILURES && !this.#released) return lose(fault)
    }
  }
}

const hasNoDescriptor = (error: unknown): boolean => codeOf(error) === 'EMFILE' || codeOf(error) === 'ENFILE'

const clearStale = async (directory: string, self: Owner, pause: Pause): Promise<void> => {
  const file = join(directory, NAME)
  const found = await look(file)
  if (found === undefined) return
  if (isInSight(found.owner, self)) {
    if (await isRunning(found.owner)) throw taken(directory, found.owner, self)
  } else if (await isTouched(file, found, pause)) {
    const now = await look(file)
    if (now?.owner.token === found.owner.token) throw taken(directory, found.owner, self)
    return
  }
  // Moved first and looked at again: between looking and removing, somebody else may have taken it over.
  const aside = join(directory, `${NAME}-stale-${self.token}`)
  if (!(await moved(file, aside))) return
  try {
    const got = await look(aside)
    if (got !== undefined && !isSame(got, found) && (await linked(aside, file))) throw taken(directory, got.owner, self)
  } finally {
    await rm(aside, { force: true })
  }
}

interface Look {
  readonly owner: Owner
  readonly touchedMs: number
  readonly identity: string
}

const identityOf = ({ dev, ino, birthtimeMs }: Stats): string => `${dev} ${ino} ${birthtimeMs}`

const isSame = (one: Look | undefined, other: Look): boolean =>
  one?.owner.token === other.owner.token && one.touchedMs === other.touchedMs

/** By the lock alone: the clocks of two machines need not agree. */
const isTouched = async (file: string, found: Look, pause: Pause): Promise<boolean> => {
  for (let looks = 0; looks < LOOKS; looks++) {
    await pause(LOOK_MS, { ref: true })
    if (!isSame(await look(file), found)) return true
  }
  return false
}

/** `undefined`: there is no lock. Opened each time, since a network volume may answer from memory about a file that it did not open. */
const look = async (file: string): Promise<Look | undefined> => {
  const handle = await orMissing(open(file, 'r'))
  if (handle === undefined) return undefined
  try {
    const stats = await handle.stat()
    return { touchedMs: stats.mtimeMs, identity: identityOf(stats), owner: decodeOwner(await handle.readFile('utf8')) }
  } finally {
    await handle.close()
  }
}

const touch = async (file: string): Promise<void> => {
  const now = new Date()
  await utimes(file, now, now)
}

const removeLeftovers = async (directory: string): Promise<void> => {
  for (const entry of await readdir(directory)) {
    if (!entry.startsWith(`${NAME}-`)) continue
    const path = join(directory, entry)
    const found = await orMissing(stat(path))
    if (found !== undefined && Date.now() - found.mtimeMs > LEFTOVER_MS) await rm(path, { force: true })
  }
}

const taken = (directory: string, owner: Owner, self: Owner): CaucusError => {
  const details = { directory, pid: owner.pid }
  const [who, more] = isInSight(owner, self)
    ? [`the process ${owner.pid}`, '']
    : [
        `the process ${owner.pid} of another container or machine`,
        `; if you are sure that nobody is at work there, remove ${join(directory, NAME)}`,
      ]
  return new CaucusError(
    'CAUCUS_CONFLICT',
    `the data directory ${directory} is in use by ${who}; stop that one, or give this one a directory of its own${more}`,
    { details },
  )
}

const gone = (file: string): CaucusError =>
  new CaucusError(
    'CAUCUS_CONFLICT',
    `the lock ${file} is gone, so somebody else may be at work in the data directory; see that nobody is, leave the lock of a running server alone, and start this one again`,
    { details: { file } },
  )

const unkept = (file: string, cause: unknown): CaucusError =>
  new CaucusError(
    'CAUCUS_BACKEND',
    `the lock ${file} could not be kept, and others may take it for a dead one's: the system says ${codeOf(cause)}`,
    { cause, details: { file } },
  )

const unusable = (file: string): CaucusError =>
  new CaucusError(
    'CAUCUS_INVALID_CONFIG',
    `the lock ${file} can be neither taken nor read; remove it if you are sure that nobody is at work there, or give another data directory`,
    { details: { file } },
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

/** `undefined` when there is no such file. */
const orMissing = async <Result>(action: Promise<Result>): Promise<Result | undefined> => {
  try {
    return await action
  } catch (error) {
    if (codeOf(error) === 'ENOENT') return undefined
    throw error
  }
}

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
const moved = async (from: string, to: string): Promise<boolean> =>
  (await orMissing(rename(from, to).then(() => true))) ?? false
