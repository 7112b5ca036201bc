import { spawn } from 'node:child_process'
import { existsSync, readdirSync, readFileSync } from 'node:fs'

/** Waits for the end of its input, which comes by itself when the trial is gone, however it ended. */
const GUARD = 'trap "" HUP INT TERM; read -r _; kill -CONT "$0" 2>/dev/null'

/**
 * Sends a signal to a process that may have ended. One that is stopped stands when this returns: SIGSTOP alone is an order, and on a busy
 * machine one of its threads may answer another request before it comes. Some seconds are waited for that at most.
 */
export const signalProcess = (pid: number, signal: NodeJS.Signals): void => {
  try {
    process.kill(pid, signal)
  } catch (error) {
    // It has ended meanwhile, and needs no signal any more.
    if (!(error instanceof Error && 'code' in error && error.code === 'ESRCH')) throw error
  }
  if (signal === 'SIGSTOP') untilItStands(pid)
}

const untilItStands = (pid: number): void => {
  for (let looks = 0; looks < MOST_LOOKS && threadsOf(pid).some((stat) => /\) [RSD] /.test(stat)); looks++)
    Atomics.wait(NOBODY_WAKES_US, 0, 0, LOOK_MS)
}

const LOOK_MS = 1
const MOST_LOOKS = 5_000
const NOBODY_WAKES_US = new Int32Array(new SharedArrayBuffer(4))

/** What /proc says of each thread: `PID (NAME) STATE …`; nothing where there is no /proc, or it has ended. */
const threadsOf = (pid: number): string[] => {
  try {
    return readdirSync(`/proc/${pid}/task`).map((thread) => read(`/proc/${pid}/task/${thread}/stat`) ?? '')
  } catch {
    return []
  }
}

/**
 * Stops a process in its tracks; call the result to let it go on. A stopped process notices nothing, not even that the trial is gone, so a
 * guard of its own continues it then.
 */
export const freeze = (pid: number): (() => void) => {
  const guard = spawn('sh', ['-c', GUARD, String(pid)], { stdio: ['pipe', 'ignore', 'ignore'] })
  guard.on('error', () => undefined) // Without a shell there is no guard; the result of this needs none.
  guard.stdin.on('error', () => undefined) // It has ended before us, and then there is nobody to tell.
  signalProcess(pid, 'SIGSTOP')
  return () => {
    signalProcess(pid, 'SIGCONT')
    guard.stdin.end()
  }
}

/** This process's environment for one that it starts. Settings of a real cluster (a server, a token) are not meant for a trial or a test. */
export const ownEnvironment = (): NodeJS.ProcessEnv =>
  Object.fromEntries(Object.entries(process.env).filter(([name]) => !name.startsWith('CAUCUS_')))

/** Whether this system tells about processes in /proc. */
export const HAS_PROC = existsSync('/proc/self/status')

/** The processes that this one started; none where there is no /proc, or it has ended. */
export const childrenOf = (pid: number): number[] => {
  const text = read(`/proc/${pid}/task/${pid}/children`) ?? ''
  return text.split(' ').filter(Boolean).map(Number)
}

/** A process that ended and that nobody waited for is not alive. */
export const isAlive = (pid: number): boolean => {
  if (HAS_PROC) {
    const status = read(`/proc/${pid}/status`)
    return status !== undefined && !/^State:\s+[ZX]/m.test(status)
  }
  try {
    process.kill(pid, 0)
    return true
  } catch {
    // There is no such process.
    return false
  }
}

/** What a process has open, and how much memory; `undefined` where there is no /proc, or it has ended. */
export const usageOf = (pid: number): { readonly residentBytes: number; readonly files: number } | undefined => {
  const kilobytes = /^VmRSS:\s+(\d+) kB/m.exec(read(`/proc/${pid}/status`) ?? '')?.[1]
  if (kilobytes === undefined) return undefined
  try {
    return { residentBytes: Number(kilobytes) * 1024, files: readdirSync(`/proc/${pid}/fd`).length }
  } catch {
    // It ended between the two.
    return undefined
  }
}

const read = (path: string): string | undefined => {
  try {
    return readFileSync(path, 'utf8')
  } catch {
    // There is no such process, or no /proc.
    return undefined
  }
}
