import { randomUUID } from 'node:crypto'
import { open, readdir, rename, rm } from 'node:fs/promises'
import { join } from 'node:path'

const TEMPORARY = '.new-'

/** Makes what happened in a directory durable: a new name in it is not, before the directory itself is on the disk. */
export const syncDirectory = async (directory: string): Promise<void> => {
  const handle = await open(directory, 'r')
  try {
    await handle.sync()
  } finally {
    await handle.close()
  }
}

/** Resolves once `name` durably has `text`. At every instant, a crash included, it has either the old text or the new. */
export const replaceFile = async (directory: string, name: string, text: string): Promise<void> => {
  const temporary = join(directory, `${name}${TEMPORARY}${randomUUID()}`)
  try {
    const handle = await open(temporary, 'wx', 0o600)
    try {
      await handle.writeFile(text)
      await handle.sync()
    } finally {
      await handle.close()
    }
    await rename(temporary, join(directory, name))
  } catch (error) {
    await rm(temporary, { force: true })
    throw error
  }
  await syncDirectory(directory)
}

/** Removes what a crash in the middle of a replacement left. Only whoever has the directory to itself may do so. */
export const removeLeftovers = async (directory: string, name: string): Promise<void> => {
  for (const entry of await readdir(directory)) {
    if (entry.startsWith(`${name}${TEMPORARY}`)) await rm(join(directory, entry), { force: true })
  }
}
