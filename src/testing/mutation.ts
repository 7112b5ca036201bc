import { copyFileSync, existsSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { fileURLToPath, pathToFileURL } from 'node:url'
import { CaucusError } from '../errors.ts'
import { copyBuilt } from './built-copy.ts'
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

/** The folder that this file was built into. */
const BUILT = fileURLToPath(new URL('..', import.meta.url))

/** Runs the simulator on one mutant, in a copy that is removed afterwards. */
export const sweepMutant = async (mutant: Mutant, options: MutantSweepOptions): Promise<MutantSweep> => {
  const copy = new MutantCopy(options.built)
  try {
    return await copy.sweep(mutant, options)
  } finally {
    copy.remove()
  }
}

/**
 * A copy of the built code in which the text of one mutant at a time is replaced: to make one takes longer than most mutants are undiscovered.
 * A package of its own among the temporary files, with the same dependencies.
 */
export class MutantCopy {
  readonly #built: string
  readonly #folder: string

  constructor(built: string = BUILT) {
    if (!existsSync(join(built, 'testing'))) {
      throw new CaucusError(
        'CAUCUS_INVALID_ARGUMENT',
        `mutants are made of built code, and ${join(built, 'testing')} is not there; run npm run build`,
      )
    }
    this.#built = built
    this.#folder = mkdtempSync(join(tmpdir(), 'caucus-mutant-'))
    try {
      copyBuilt(built, join(this.#folder, 'dist'))
      copyFileSync(join(built, '../package.json'), join(this.#folder, 'package.json'))
      const dependencies = dependenciesOf(built)
      if (dependencies !== undefined) symlinkSync(dependencies, join(this.#folder, 'node_modules'), 'junction')
    } catch (error) {
      this.remove()
      throw error
    }
  }

  /** Runs the simulator until the first violation that the mutant is meant to cause. One sweep at a time. */
  async sweep(mutant: Mutant, options: Omit<MutantSweepOptions, 'built'>): Promise<MutantSweep> {
    const { from, seeds, profile = mutant.profile, signal } = options
    const file = join(this.#folder, 'dist', mutant.file)
    const sound = this.#textOf(mutant)
    writeFileSync(file, mutated(mutant, sound))
    const entry = pathToFileURL(join(this.#folder, 'dist/testing/sweep/thread.js'))
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
      writeFileSync(file, sound)
    }
  }

  remove(): void {
    rmSync(this.#folder, { recursive: true, force: true })
  }

  #textOf({ file }: Mutant): string {
    const path = join(this.#folder, 'dist', file)
    if (existsSync(path)) return readFileSync(path, 'utf8')
    throw new CaucusError(
      'CAUCUS_INVALID_ARGUMENT',
      `mutants are made of built code, and ${join(this.#built, file)} is not there; run npm run build`,
    )
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
