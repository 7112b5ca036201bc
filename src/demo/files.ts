import { createHash } from 'node:crypto'
import { constants } from 'node:fs'
import { type FileHandle, lstat, open, readdir } from 'node:fs/promises'
import { decodePath, encodePath } from './names.ts'

/** What could not be read, and why. */
export interface Problem {
  readonly path: string
  readonly reason: string
}

/** By these a change is noticed without reading the file again. */
export interface Stamp {
  readonly bytes: number
  readonly mtimeMs: number
}

export interface Listing {
  /** Paths of all regular files below the folder, relative to it, sorted. */
  readonly files: readonly string[]
  /** Folders that could not be read. */
  readonly problems: readonly Problem[]
}

/** Lists the regular files below `dir`. Links are not followed; `isOurs` names (by full path) what belongs to the demo itself. */
export const listFiles = async (
  dir: string,
  isOurs: (file: string) => boolean,
  signal?: AbortSignal,
): Promise<Listing> => {
  const files: string[] = []
  const problems: Problem[] = []
  const folders = ['']
  for (let folder = folders.pop(); folder !== undefined; folder = folders.pop()) {
    signal?.throwIfAborted()
    const prefix = folder === '' ? '' : `${folder}/`
    try {
      for (const entry of await readdir(fullPath(dir, folder), { withFileTypes: true, encoding: 'buffer' })) {
        const path = prefix + decodePath(entry.name)
        if (isOurs(`${dir}/${path}`)) continue
        if (entry.isDirectory()) folders.push(path)
        else if (entry.isFile()) files.push(path)
      }
    } catch (error) {
      problems.push({ path: folder === '' ? '.' : folder, reason: reasonOf(error) })
    }
  }
  return { files: files.sort(), problems }
}

export const fullPath = (dir: string, path: string): Buffer => Buffer.concat([Buffer.from(`${dir}/`), encodePath(path)])

export type Digest = (Stamp & { readonly hash: string }) | { readonly problem: string }

// A file that became a link or a pipe since it was listed must neither be followed nor be waited for.
const FLAGS = constants.O_RDONLY | (constants.O_NOFOLLOW ?? 0) | (constants.O_NONBLOCK ?? 0)
const CHUNK_BYTES = 1 << 18

/**
 * The SHA-256 of a file, or why there is none; `undefined` as soon as `goOn` says that it is no longer ours to read.
 * A file that changes while it is read has no hash that would be true.
 */
export const digestOf = async (file: Buffer, goOn: () => boolean): Promise<Digest | undefined> => {
  let handle: FileHandle | undefined
  try {
    handle = await open(file, FLAGS)
    const before = await handle.stat()
    if (!before.isFile()) return { problem: 'is no longer a regular file' }
    const hash = createHash('sha256')
    const chunk = Buffer.allocUnsafe(Math.min(CHUNK_BYTES, before.size + 1))
    for (;;) {
      const { bytesRead } = await handle.read(chunk)
      if (bytesRead === 0) break
      if (!goOn()) return undefined
      hash.update(chunk.subarray(0, bytesRead))
    }
    const after = await handle.stat()
    if (after.mtimeMs !== before.mtimeMs || after.size !== before.size) return { problem: 'changed while it was read' }
    return { hash: hash.digest('hex'), bytes: after.size, mtimeMs: after.mtimeMs }
  } catch (error) {
    return { problem: reasonOf(error) }
  } finally {
    await handle?.close()
  }
}

/** Whether the file is still as it was when it was hashed; `undefined` when it is gone. */
export const isUnchanged = async (file: Buffer, { bytes, mtimeMs }: Stamp): Promise<boolean | undefined> => {
  try {
    const now = await lstat(file)
    return now.isFile() && now.size === bytes && now.mtimeMs === mtimeMs
  } catch {
    return undefined // Gone, or behind a folder that can no longer be read: either way not there for us.
  }
}

const REASONS: Readonly<Record<string, string>> = {
  ENOENT: 'vanished',
  ENOTDIR: 'vanished',
  ELOOP: 'became a link',
  ENXIO: 'is no longer a regular file',
  EACCES: 'may not be read',
  EPERM: 'may not be read',
}

/** The system's name for what went wrong; empty when it was not the system. */
export const codeOf = (error: unknown): string => (error instanceof Error && 'code' in error ? String(error.code) : '')

export const reasonOf = (error: unknown): string => {
  const code = codeOf(error)
  // Without a code it is no answer of the system's, and its message is all there is.
  if (code === '') return error instanceof Error ? error.message : String(error)
  return REASONS[code] ?? `could not be used: the system says ${code}`
}
