import { cpSync, existsSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { fileURLToPath, pathToFileURL } from 'node:url'
import { CaucusError } from '../errors.ts'
import { mutated } from './mutants/mutant.ts'
import { MUTANTS, type Mutant } from './mutants.ts'
import type { BrokenInvariant } from './sweep/level.ts'
import { SweepThread } from './sweep/sweep-thread.ts'
import type { Tally } from './sweep/tally.ts'

export const mutantNamed = (name: string): Mutant => {
  const mutant = MUTANTS.find((candidate) => candidate.name === name)
  if (mutant === undefined) {
    const words = new Set(name.toLowerCase().split('-'))
    const close = MUTANTS.filter((candidate) => candidate.name.split('-').some((word) => words.has(word)))
    const advice =
      close.length === 0
        ? ''
        : `; close to it: ${close
            .slice(0, 8)
            .map((each) => each.name)
            .join(', ')}`
    const where = 'src/testing/mutants has all of them'
    throw new CaucusError('CAUCUS_INVALID_ARGUMENT', `there is no mutant ${JSON.stringify(name)}; ${where}${advice}`)
  }
  return mutant
}

export interface MutantSweepOptions {
  readonly from: number
  readonly seeds: number
  /** Default: the one in which the mutant shows. */
  readonly profile?: string | undefined
  /** Also says what is to be read about the violation. */
  readonly explain?: boolean
  /** Ends it at once; the returned promise rejects. */
  readonly signal?: AbortSignal
  /** What is copied; default: the folder that this file was built into. */
  readonly built?: string
}

export interface MutantSweep {
  readonly tally: Tally
  /** The first violation that the mutant is meant to cause. */
  readonly caught: BrokenInvariant | undefined
  readonly explanation?: string
}

/**
 * Runs the simulator in a copy of the built code in which the mutant's text is replaced, until the first violation that the mutant is meant to
 * cause; the copy is removed afterwards.
 */
export const sweepMutant = async (mutant: Mutant, options: MutantSweepOptions): Promise<MutantSweep> => {
  const { from, seeds, profile = mutant.profile, signal } = options
  const copy = copyWith(mutant, options.built ?? fileURLToPath(new URL('..', import.meta.url)))
  const entry = pathToFileURL(join(copy, 'dist/testing/sweep/thread.js'))
  const thread = new SweepThread(entry, { level: mutant.level ?? 'core', profile, covered: false })
  const end = () => void thread.end()
  signal?.addEventListener('abort', end)
  try {
    signal?.throwIfAborted()
    const stopAt = mutant.breaks
    const tally = await thread.run({ type: 'run', from, seeds, first: from, twiceEvery: 0, stopAt })
    const caught = tally.violations.find(({ invariant }) => stopAt.some((name) => name === invariant))
    if (caught === undefined || options.explain !== true) return { tally, caught }
    return { tally, caught, explanation: await thread.explain(caught) }
  } catch (error) {
    signal?.throwIfAborted()
    const why = error instanceof Error ? error.message : String(error)
    throw new CaucusError('CAUCUS_BACKEND', `the simulator on mutant "${mutant.name}" did not end well: ${why}`, {
      cause: error,
    })
  } finally {
    signal?.removeEventListener('abort', end)
    await thread.end()
    rmSync(copy, { recursive: true, force: true })
  }
}

/** A package of its own among the temporary files, with the same dependencies. Gives its folder. */
const copyWith = (mutant: Mutant, built: string): string => {
  if (!existsSync(join(built, mutant.file))) {
    throw new CaucusError(
      'CAUCUS_INVALID_ARGUMENT',
      `mutants are made of built code, and ${join(built, mutant.file)} is not there; run npm run build`,
    )
  }
  const text = mutated(mutant, readFileSync(join(built, mutant.file), 'utf8'))
  const copy = mkdtempSync(join(tmpdir(), 'caucus-mutant-'))
  try {
    const filter = (file: string) => !/\.(map|d\.ts)$/.test(file)
    cpSync(built, join(copy, 'dist'), { recursive: true, filter })
    cpSync(join(built, '../package.json'), join(copy, 'package.json'))
    writeFileSync(join(copy, 'dist', mutant.file), text)
    const dependencies = dependenciesOf(built)
    if (dependencies !== undefined) symlinkSync(dependencies, join(copy, 'node_modules'), 'junction')
    return copy
  } catch (error) {
    rmSync(copy, { recursive: true, force: true })
    throw error
  }
}

/** The folder that holds what this package depends on: its own, or the one that it is installed in. */
const dependenciesOf = (folder: string): string | undefined => {
  for (let at = folder; dirname(at) !== at; at = dirname(at)) {
    const candidate = join(dirname(at), 'node_modules')
    if (existsSync(join(candidate, 'commander'))) return candidate
  }
  return undefined
}
