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
  const startedAt = await startOf(process.pid)
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

/** Of a process in sight. */
export const isRunning = async ({ pid, startedAt }: Owner): Promise<boolean> => {
  const started = await startOf(pid)
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
  const stat = await orUndefined(readFile(`/proc/${pid}/stat`, 'utf8'))
  const fields = stat?.slice(stat.lastIndexOf(')') + 2).split(' ') ?? []
  return fields[0] === 'Z' || fields[0] === 'X' ? undefined : fields[19]
}

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
    return (error as NodeJS.ErrnoException).code === 'EPERM'
  }
}
