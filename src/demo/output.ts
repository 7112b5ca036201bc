import { accessSync, constants, existsSync, realpathSync, statSync } from 'node:fs'
import { open, rename, rm } from 'node:fs/promises'
import { basename, dirname, join, resolve } from 'node:path'
import { CaucusError } from '../errors.ts'
import { codeOf, fullPath, isUnchanged } from './files.ts'
import type { ResultTable } from './results.ts'
import { formatSums, type Sum } from './sums.ts'

/** The full path of the file to be written, or `CAUCUS_INVALID_ARGUMENT` when it could not be written at the end. */
export const writableOutput = (file: string): string => {
  const refuse = (why: string) => new CaucusError('CAUCUS_INVALID_ARGUMENT', `--output ${file}: ${why}`)
  const folder = dirname(resolve(file))
  try {
    const path = existsSync(file) ? realpathSync(file) : join(realpathSync(folder), basename(file))
    if (existsSync(path) && !statSync(path).isFile()) throw refuse('is not a regular file; name a file to write')
    accessSync(dirname(path), constants.W_OK)
    return path
  } catch (error) {
    if (error instanceof CaucusError) throw error
    const missing = !existsSync(folder)
    throw refuse(missing ? `the folder ${folder} does not exist; create it first` : `${folder}: ${whyUnwritten(error)}`)
  }
}

/** What is true at the end: hashed, and since then neither changed nor gone. */
export const sumsOf = async (dir: string, results: ResultTable): Promise<Sum[]> => {
  const sums: Sum[] = []
  for (const { path, hash, bytes, mtimeMs } of results.values()) {
    if (hash === undefined || bytes === undefined || mtimeMs === undefined) continue
    if (await isUnchanged(fullPath(dir, path), { bytes, mtimeMs })) sums.push({ path, hash })
  }
  return sums
}

/** Replaces the file as a whole: whoever reads it sees the old list or the new one. */
export const writeSums = async (file: string, sums: readonly Sum[]): Promise<void> => {
  const fresh = `${file}.${process.pid}.tmp`
  try {
    const handle = await open(fresh, 'w')
    try {
      await handle.writeFile(formatSums(sums))
      await handle.sync()
    } finally {
      await handle.close()
    }
    await rename(fresh, file)
  } catch (error) {
    await rm(fresh, { force: true })
    throw new CaucusError(
      'CAUCUS_UNAVAILABLE',
      `${file} could not be written: ${whyUnwritten(error)}; name another place with --output`,
      { cause: error },
    )
  }
}

const REASONS: Readonly<Record<string, string>> = {
  ENOENT: 'nothing can be written there',
  EACCES: 'this user may not write there',
  EPERM: 'this user may not write there',
  EROFS: 'nothing can be written there',
  ENOSPC: 'there is no room left',
}

const whyUnwritten = (error: unknown): string => REASONS[codeOf(error)] ?? `the system says ${codeOf(error)}`
