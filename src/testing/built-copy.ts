import { copyFileSync, mkdirSync, readdirSync } from 'node:fs'
import { join } from 'node:path'

/** Copies what of a built folder is run: two files of three describe the third to compilers and debuggers. */
export const copyBuilt = (from: string, to: string): void => {
  mkdirSync(to, { recursive: true })
  for (const entry of readdirSync(from, { withFileTypes: true })) {
    const [source, target] = [join(from, entry.name), join(to, entry.name)]
    if (entry.isDirectory()) copyBuilt(source, target)
    else if (!/\.(map|d\.c?ts)$/.test(entry.name)) copyFileSync(source, target)
  }
}
