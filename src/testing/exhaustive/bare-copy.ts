import { copyFileSync, existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { CaucusError } from '../../errors.ts'
import { copyBuilt } from '../built-copy.ts'
import { type Mutant, mutated } from '../mutants/mutant.ts'

/** What of the built code an exploration needs. */
const PARTS = ['core', 'testing']
const BARED = ['core', 'testing/simulation', 'testing/exhaustive']

/** Private names only: what stands in a string or a comment is left as it is, except that none of ours looks like one. */
const bare = (text: string): string => text.replaceAll(/(?<=[\s.(!])#(?=[a-zA-Z])/g, 'private_')

/**
 * Makes a copy of the built code in which private fields are ordinary ones, so that a whole state can be read and compared, and in which
 * the rule of `mutant` is broken. Gives it to `use`, and removes it afterwards.
 */
export const withBareCopy = async <T>(
  mutant: Mutant | undefined,
  use: (copy: string) => Promise<T>,
  built: string = fileURLToPath(new URL('../..', import.meta.url)),
): Promise<T> => {
  if (!existsSync(join(built, 'core'))) {
    throw new CaucusError(
      'CAUCUS_INVALID_ARGUMENT',
      `states are compared in a copy of built code, and ${join(built, 'core')} is not there; run npm run build`,
    )
  }
  const copy = mkdtempSync(join(tmpdir(), 'caucus-exhaustive-'))
  try {
    for (const part of PARTS) copyBuilt(join(built, part), join(copy, part))
    copyFileSync(join(built, 'errors.js'), join(copy, 'errors.js'))
    writeFileSync(join(copy, 'package.json'), '{ "type": "module" }')
    if (mutant !== undefined) rewrite(join(copy, mutant.file), (text) => mutated(mutant, text))
    for (const folder of BARED) {
      for (const entry of readdirSync(join(copy, folder), { withFileTypes: true, recursive: true })) {
        if (entry.isFile() && entry.name.endsWith('.js')) rewrite(join(entry.parentPath, entry.name), bare)
      }
    }
    return await use(copy)
  } finally {
    rmSync(copy, { recursive: true, force: true })
  }
}

const rewrite = (file: string, change: (text: string) => string): void =>
  writeFileSync(file, change(readFileSync(file, 'utf8')))
