import { randomUUID } from 'node:crypto'
import { readFile, readlink } from 'node:fs/promises'

/** Names one process for good: a pid alone comes again, and in a container it is 1 every time. */
export interface Owner {
  readonly bootId: string
  /** Where its pid means something. */
  readonly pidNamespace: string
  readonly pid: number
  /** As the kernel counts it; `undefined` where there is no /proc. */
  readonly startedAt?: string
  readonly token: string
}

export const thisProcess = async (): Promise<Owner> => {
  const token = randomUUID()
  const startedAt = await ownStart()
  return {
    bootId: (await orUndefined(readFile('/proc/sys/kernel/random/boot_id', 'utf8')))?.trim() ?? '',
    pidNamespace: await pidNamespace(token),
    pid: process.pid,
    ...(startedAt !== undefined && { startedAt }),
    token,
  }
}

/** Whether `self` can tell by the pid of `owner` if that one still runs: it has the same kernel, and sees the same processes. */
export const isInSight = (owner: Owner, self: Owner): boolean =>
  owner.bootId === self.bootId && owner.pidNamespace === self.pidNamespace

/** Of a process in sight. One that cannot be looked at is taken to run: what it has must not be taken from it because this process is out of descriptors. */
export const isRunning = async ({ pid, startedAt }: Owner): Promise<boolean> => {
  let started: string | undefined
  try {
    started = await startOf(pid)
  } catch {
    // Nothing is known of it now; whoever asks looks again.
    return true
  }
  if (started !== undefined || startedAt !== undefined) return started === startedAt
  return isAlive(pid)
}

/** What nobody of ours can have written names a process that nobody can see. */
export const decodeOwner = (text: string): Owner => {
  try {
    const { bootId, pidNamespace, pid, startedAt, token } = JSON.parse(text) as Partial<Owner>
    if (typeof bootId === 'string' && typeof pid === 'number' && typeof token === 'string') {
      const where = typeof pidNamespace === 'string' ? pidNamespace : 'unknown'
      return { bootId, pidNamespace: where, pid, token, ...(typeof startedAt === 'string' && { startedAt }) }
    }
  } catch {
    // Not JSON: whatever it is, no process of ours wrote it.
  }
  return { bootId: 'unknown', pidNamespace: 'unknown', pid: 0, token: 'unknown' }
}

/** Empty where there is no /proc. One that was mounted for another namespace shows other processes by our pids: then none is in sight. */
const pidNamespace = async (token: string): Promise<string> => {
  const self = await orUndefined(readlink('/proc/self'))
  if (self === undefined) return ''
  const namespace = self === String(process.pid) ? await orUndefined(readlink('/proc/self/ns/pid')) : undefined
  return namespace ?? `none-${token}`
}

/**
 * The 22nd field of `stat`, counted after the name, which is in brackets and may hold anything. A process that has ended and was
 * not waited for (the third field) does nothing any more: under a first process that reaps nobody it would hold its lock for ever.
 */
const startOf = async (pid: number): Promise<string | undefined> => {
  let stat: string
  try {
    stat = await readFile(`/proc/${pid}/stat`, 'utf8')
  } catch (error) {
    // No such process, or no /proc on this system.
    if (NOT_THERE.includes(codeOf(error))) return undefined
    throw error
  }
  const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ')
  return fields[0] === 'Z' || fields[0] === 'X' ? undefined : fields[19]
}

/** Others would take a process for ended that does not say what they read, so it is not left out for a passing reason. */
const ownStart = async (): Promise<string | undefined> => {
  try {
    return await startOf(process.pid)
  } catch (error) {
    if (FORBIDDEN.includes(codeOf(error))) return undefined
    throw error
  }
}

/** The second one: it ended while it was read. */
const NOT_THERE = ['ENOENT', 'ESRCH']
const FORBIDDEN = ['EACCES', 'EPERM']

const codeOf = (error: unknown): string => String((error as NodeJS.ErrnoException).code)

const orUndefined = async (reading: Promise<string>): Promise<string | undefined> => {
  try {
    return await reading
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
