import { type FileHandle, open } from 'node:fs/promises'
import { createRequire, syncBuiltinESMExports } from 'node:module'
import { sep } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'

/** `full`: nothing can be written. `slow`: every write takes that long. */
export interface DiskState {
  readonly full?: boolean
  readonly slowMs?: number
}

/**
 * Puts a disk under this process whose state can be set while it runs: whatever is written below `directory` meets it. A real one that is
 * full would take the interval log along. Gives what sets it.
 */
export const diskUnder = (directory: string): ((state: DiskState) => void) => {
  let state: DiskState = {}
  const real = open
  const promises = createRequire(import.meta.url)('node:fs/promises') as { open: typeof open }
  promises.open = async (path, ...more) => {
    const handle = await real(path, ...more)
    if (String(path).startsWith(`${directory}${sep}`)) meet(handle, () => state)
    return handle
  }
  syncBuiltinESMExports()
  return (next) => {
    state = next
  }
}

const meet = (handle: FileHandle, stateOf: () => DiskState): void => {
  const real = handle.writeFile.bind(handle)
  handle.writeFile = async (...given) => {
    const { full = false, slowMs = 0 } = stateOf()
    if (slowMs > 0) await sleep(slowMs)
    if (full) throw Object.assign(new Error('ENOSPC: no space left on device, write'), { code: 'ENOSPC' })
    return real(...given)
  }
}
