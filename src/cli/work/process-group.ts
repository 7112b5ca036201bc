import { existsSync, readdirSync, readFileSync } from 'node:fs'

const codeOf = (error: unknown): string | undefined =>
  error instanceof Error && 'code' in error && typeof error.code === 'string' ? error.code : undefined

/** Sends `signal` to every process of the group. False: there is none, not even a dead one. */
export const signalGroup = (pgid: number, signal: NodeJS.Signals | 0): boolean => {
  try {
    process.kill(-pgid, signal)
    return true
  } catch (error) {
    // EPERM: somebody is there who changed its user. It is not gone.
    return codeOf(error) === 'EPERM'
  }
}

/**
 * True once no process of the group can do anything any more. A dead process that nobody waited for still answers signals (in a
 * container whose first process waits for nobody, for ever), so where there is a /proc its state counts. Somebody who answers and is
 * not to be seen there (another user's, behind `hidepid`) is taken for alive.
 */
export const isGroupGone = (pgid: number): boolean => {
  if (!signalGroup(pgid, 0)) return true
  const states = existsSync('/proc/self/stat') ? statesIn(pgid) : []
  return states.length > 0 && states.every((state) => state === 'Z' || state === 'X')
}

const statesIn = (pgid: number): string[] =>
  readdirSync('/proc').flatMap((name) => {
    const { state, group } = /^\d+$/.test(name) ? statOf(name) : {}
    return group === pgid && state !== undefined ? [state] : []
  })

/** proc(5): `pid (name) state parent group …`; the name may hold anything, also spaces and parentheses. */
const statOf = (pid: string): { readonly state?: string | undefined; readonly group?: number } => {
  try {
    const text = readFileSync(`/proc/${pid}/stat`, 'utf8')
    const [state, , group] = text.slice(text.lastIndexOf(')') + 2).split(' ')
    return { state, group: Number(group) }
  } catch {
    // It ended between the listing and the reading: no longer alive.
    return {}
  }
}
