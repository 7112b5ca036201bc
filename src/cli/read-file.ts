import { readFileSync } from 'node:fs'
import { UsageError } from './errors.ts'

/** The bytes of a file that the user named; `option` is how, unless the file itself is the argument. */
export const readBytes = (file: string, option?: string): Buffer => {
  try {
    return readFileSync(file)
  } catch (error) {
    throw new UsageError(`${option === undefined ? '' : `${option}: `}cannot read ${file}: ${whyUnread(error)}`)
  }
}

/** The same as text. */
export const readText = (file: string, option?: string): string => readBytes(file, option).toString('utf8')

const REASONS: Readonly<Record<string, string>> = {
  ENOENT: 'there is no such file',
  ENOTDIR: 'a part of its path is no folder',
  EISDIR: 'it is a folder',
  EACCES: 'this user may not read it',
  EPERM: 'this user may not read it',
}

const whyUnread = (error: unknown): string => {
  const { code } = error as NodeJS.ErrnoException
  // Without a code it is no fault of the system's: a path with a null byte, a file beyond what fits into memory.
  if (code === undefined || !/^E[A-Z0-9]+$/.test(code)) return error instanceof Error ? error.message : String(error)
  return REASONS[code] ?? `the system says ${code}`
}
