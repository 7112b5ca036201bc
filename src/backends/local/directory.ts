import { lstat } from 'node:fs/promises'
import { dirname } from 'node:path'
import { CaucusError } from '../../errors.ts'
import { clearly, create } from '../../stores/file-store.ts'

/** What others than the owner may do. */
const OTHERS = 0o077

/**
 * Makes the directory where there is none. Resolves once it is there, and nobody else's: whoever can write in it decides who coordinates, and
 * whoever can read in it may do everything there. Rejects with `CAUCUS_INVALID_CONFIG` otherwise.
 */
export const openDirectory = async (directory: string, isTemporary: boolean): Promise<void> => {
  await clearly(directory, async () => {
    // Under a directory for everybody, somebody else may have been faster with the name. One after the other: nothing is made behind a link.
    for (const each of isTemporary ? [dirname(directory), directory] : [directory]) {
      await create(each)
      await requireOwn(each)
    }
  })
}

const requireOwn = async (directory: string): Promise<void> => {
  const stats = await lstat(directory)
  const own = process.geteuid?.()
  if (!stats.isDirectory()) throw notOurs(directory, 'it is no directory, or a link to one')
  // Where users have no numbers, modes say nothing either.
  if (own === undefined) return
  if (stats.uid !== own) throw notOurs(directory, 'it belongs to another user')
  if ((stats.mode & OTHERS) !== 0)
    throw notOurs(directory, `others may use it (mode ${octal(stats.mode)}, and 700 is needed)`)
}

const octal = (mode: number): string => (mode & 0o777).toString(8)

// Not how to change its mode: of a directory that is for more than this, as /tmp is, that would take it from the others.
const notOurs = (directory: string, why: string): CaucusError =>
  new CaucusError(
    'CAUCUS_INVALID_CONFIG',
    `local() cannot use the directory ${directory}: ${why}; give one that is for this alone, and is made if it is not there`,
    { details: { directory } },
  )
