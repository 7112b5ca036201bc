import { existsSync, readdirSync, readFileSync } from 'node:fs'

export const codeOf = (error: unknown): string | undefined =>
  error instanceof Error && 'code' in error && typeof error.code === 'string' ? error.code : undefined

/** `refused`: somebody is there, and none of them is ours to signal (another user's). `nobody`: not even a dead one. */
export type Signalled = 'sent' | 'refused' | 'nobody'

/** Sends `signal` to every process of the group that we may signal. */
export const signalGroup = (pgid: number, signal: NodeJS.Signals | 0): Signalled => {
  try {
    process.kill(-pgid, signal)
    return 'sent'
  } catch (error) {
    return codeOf(error) === 'EPERM' ? 'refused' : 'nobody'
  }
}

/**
 * True once no process of the group can do anything any more; for a group whose program has ended or has to. A dead process that nobody
 * waited for still answers signals (in a container whose first process waits for nobody, for ever), so where there is a /proc its state
 * counts. Somebody who answers and is not to be seen there (another user's, behind `hidepid`) is taken for alive.
 *
 * If all seem dead they are killed and looked at once more: one of them may have had a child after the list of processes was read, which
 * is missing there. Nobody is born to a group after SIGKILL, so the second look sees everybody.
 */
export const isGroupGone = (pgid: number): boolean =>
  seemsGone(pgid) && signalGroup(pgid, 'SIGKILL') !== 'refused' && seemsGone(pgid)

const seemsGone = (pgid: number): boolean => {
  if (signalGroup(pgid, 0) === 'nobody') return true
  const members = existsSync('/proc/self/stat') ? membersOf(pgid) : []
  return members.length > 0 && members.every(({ isDead }) => isDead)
}

interface Process {
  readonly group: number
  readonly isDead: boolean
}

const membersOf = (pgid: number): Process[] =>
  readdirSync('/proc').flatMap((name) => {
    const found = /^\d+$/.test(name) ? statOf(name) : undefined
    return found?.group === pgid ? [found] : []
  })

/**
 * proc(5): `pid (name) state parent group …`; the name may hold anything, also spaces and parentheses. A process whose first thread
 * has ended says Z while its other threads work on.
 */
const statOf = (pid: string): Process | undefined => {
  try {
    const text = readFileSync(`/proc/${pid}/stat`, 'utf8')
    const fields = text.slice(text.lastIndexOf(')') + 2).split(' ')
    const [state, , group] = fields
    const threads = Number(fields[17])
    return { isDead: (state === 'Z' || state === 'X') && threads <= 1, group: Number(group) }
  } catch {
    // It ended between the listing and the reading: no longer alive.
    return undefined
  }
}
