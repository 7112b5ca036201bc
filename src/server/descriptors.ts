import { readFileSync } from 'node:fs'

/** What a server needs besides its connections: its pipes, its loop, its data directory, its logs. */
const OWN = 64
/** So many connections beyond the limit are taken all the same, to be told so; where there are few, fewer. */
const TOLD = 100

/** How many connections there may be, and how many more that are only told that there are too many. */
export interface Room {
  readonly connections: number
  readonly told: number
}

export interface RoomOptions {
  readonly openFiles?: number
  /** How many descriptors each connection may take. */
  readonly ends?: number
}

/**
 * No more connections than this process may have open. Without a descriptor left it could accept nobody, write nothing, and not even show that its
 * data directory is its own, which would end it: whoever opens connections could stop it.
 */
export const roomFor = (connections: number, { openFiles = openFilesLimit(), ends = 1 }: RoomOptions = {}): Room => {
  const spare = Math.max(2, Math.floor((openFiles - OWN) / ends))
  const told = Math.min(TOLD, Math.floor(spare / 4) + 1)
  return { connections: Math.min(connections, spare - told), told }
}

/** As `ulimit -n` says it; infinite where the system does not tell. Node has raised it to what it may be at its start. */
const openFilesLimit = (): number => {
  try {
    const soft = /^Max open files\s+(\d+)/m.exec(readFileSync('/proc/self/limits', 'utf8'))?.[1]
    return soft === undefined ? Number.POSITIVE_INFINITY : Number(soft)
  } catch {
    // Not every system has it.
    return Number.POSITIVE_INFINITY
  }
}
