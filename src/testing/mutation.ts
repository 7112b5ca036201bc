import { spawnSync } from 'node:child_process'
import { cpSync, existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { CaucusError } from '../errors.ts'
import { MUTANTS, type Mutant } from './mutants.ts'
import type { Sweep, SweepOptions } from './sweep.ts'

/** What of the built code a simulation needs. */
const PARTS = ['core', 'errors.js', 'testing']

export const mutantNamed = (name: string): Mutant => {
  const mutant = MUTANTS.find((candidate) => candidate.name === name)
  if (mutant === undefined) {
    const names = MUTANTS.map((candidate) => candidate.name).join(', ')
    throw new CaucusError('CAUCUS_INVALID_ARGUMENT', `there is no mutant "${name}"; take one of ${names}`)
  }
  return mutant
}

/**
 * Runs the simulator in a copy of the built code in which the mutant's text is replaced; the copy is removed afterwards. Until the first
 * violation that the mutant is meant to cause. `built`: what is copied, by default the folder that this file was built into.
 */
export const sweepMutant = (
  mutant: Mutant,
  options: SweepOptions,
  built: string = fileURLToPath(new URL('..', import.meta.url)),
): Sweep => {
  if (!existsSync(join(built, mutant.file))) {
    throw new CaucusError(
      'CAUCUS_INVALID_ARGUMENT',
      `mutants are made of built code, and ${join(built, mutant.file)} is not there; run npm run build`,
    )
  }
  const copy = mkdtempSync(join(tmpdir(), 'caucus-mutant-'))
  try {
    for (const part of PARTS) cpSync(join(built, part), join(copy, part), { recursive: true })
    writeFileSync(join(copy, 'package.json'), '{ "type": "module" }')
    writeFileSync(join(copy, mutant.file), mutate(mutant, readFileSync(join(copy, mutant.file), 'utf8')))
    const settings = { profile: mutant.profile, stopAt: mutant.breaks, ...options }
    const child = spawnSync(process.execPath, [join(copy, 'testing/sweep-process.js'), JSON.stringify(settings)], {
      encoding: 'utf8',
      maxBuffer: 2 ** 28,
    })
    if (child.status !== 0) {
      throw new CaucusError(
        'CAUCUS_BACKEND',
        `the simulator on mutant "${mutant.name}" did not end well: ${child.stderr}`,
      )
    }
    return JSON.parse(child.stdout) as Sweep
  } finally {
    rmSync(copy, { recursive: true, force: true })
  }
}

const mutate = ({ name, file, find, replace }: Mutant, text: string): string => {
  const pieces = text.split(find)
  if (pieces.length === 2) return pieces.join(replace)
  throw new CaucusError(
    'CAUCUS_INVALID_ARGUMENT',
    `the text of mutant "${name}" occurs ${pieces.length - 1} times in ${file}, not once: the rule has changed, so look at its mutant`,
  )
}
