import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'

const remove = (directory) => rmSync(directory, { recursive: true, force: true, maxRetries: 3 })

/** A directory that is gone when `remove` is called, and at the latest when this process ends. */
export const scratch = () => {
  const directory = mkdtempSync(join(tmpdir(), 'caucus-bench-'))
  const atExit = () => remove(directory)
  process.once('exit', atExit)
  return {
    directory,
    remove: () => {
      process.off('exit', atExit)
      remove(directory)
    },
  }
}
