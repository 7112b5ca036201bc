import { createHash } from 'node:crypto'
import { readdirSync, readFileSync, statSync } from 'node:fs'
import { fileURLToPath } from 'node:url'

/** A digest of what these files and folders of the built code say: two builds with the same give the same runs. */
export const fingerprint = (root: URL, parts: readonly string[]): string => {
  const hash = createHash('sha256')
  for (const file of codeBelow(root, parts)) {
    hash
      .update(`${file}\0`)
      .update(readFileSync(new URL(file, root)))
      .update('\0')
  }
  return hash.digest('hex')
}

/** The files of code in these files and folders, as paths below `root`, in order. */
export const codeBelow = (root: URL, parts: readonly string[]): string[] =>
  parts
    .flatMap((part) => {
      const path = fileURLToPath(new URL(part, root))
      if (!statSync(path, { throwIfNoEntry: false })?.isDirectory()) return [part]
      return (readdirSync(path, { recursive: true }) as string[]).map((name) => `${part}/${name.replaceAll('\\', '/')}`)
    })
    .filter((file) => /\.[jt]s$/.test(file) && !file.endsWith('.d.ts'))
    .sort()
