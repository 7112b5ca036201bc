import { createHash } from 'node:crypto'
import { readFile } from 'node:fs/promises'
import { basename, dirname, resolve } from 'node:path'
import { CaucusError } from '../../errors.ts'
import { removeLeftovers, replaceFile } from '../../stores/atomic-file.ts'
import type { Range } from './chunks.ts'
import { emptyTally, type Tally } from './tally.ts'

/** What a sweep is of. Results of two that differ in any of it say nothing together. */
export interface SweepIdentity {
  readonly from: number
  readonly seeds: number
  readonly level: string
  readonly profile: string
  readonly twiceEvery: number
  readonly coverage: string
  /** Of the built code; see fingerprint.ts. */
  readonly code: string
}

export interface SweepRecord {
  readonly identity: SweepIdentity
  /** In order and apart. */
  readonly done: readonly Range[]
  readonly elapsedMs: number
  readonly tally: Tally
}

const FORMAT = 1

const OPTION: Readonly<Record<Exclude<keyof SweepIdentity, 'code'>, string>> = {
  from: '--seed',
  seeds: '--seeds',
  level: '--level',
  profile: '--profile',
  coverage: '--coverage',
  twiceEvery: 'runs twice every so many seeds:',
}

/** What of a sweep is done, in a file that is whole at every instant, so that it goes on where it was killed. */
export class SweepState {
  readonly #file: string
  readonly #identity: SweepIdentity
  #next: Omit<SweepRecord, 'identity'> | undefined
  #writing: Promise<void> | undefined

  private constructor(file: string, identity: SweepIdentity) {
    this.#file = resolve(file)
    this.#identity = identity
  }

  /**
   * Resolves with the state in `file` and with what it says was done; a file that does not exist is begun. Rejects with
   * `CAUCUS_INVALID_ARGUMENT` when it is damaged, or belongs to a sweep of something else.
   */
  static async open(file: string, identity: SweepIdentity): Promise<{ state: SweepState; record: SweepRecord }> {
    const state = new SweepState(file, identity)
    const text = await readIfThere(file)
    const record = text === undefined ? { identity, done: [], elapsedMs: 0, tally: emptyTally() } : parse(file, text)
    refuseOther(file, record.identity, identity)
    try {
      await removeLeftovers(dirname(state.#file), basename(state.#file))
      // Now rather than after the first chunk: a place that cannot be written to is told at once.
      await state.#replace(record)
    } catch (error) {
      throw unusable(file, `cannot be written: ${describe(error)}; name another place`, error)
    }
    return { state, record }
  }

  /** Resolves once the file says this, or what was given later still. Rejects with `CAUCUS_BACKEND` when it cannot be written any more. */
  save({ done, elapsedMs, tally }: Omit<SweepRecord, 'identity'>): Promise<void> {
    this.#next = { done, elapsedMs, tally }
    this.#writing ??= this.#write()
    return this.#writing
  }

  async #write(): Promise<void> {
    try {
      for (let next = this.#next; next !== undefined; next = this.#next) {
        this.#next = undefined
        await this.#replace(next)
      }
    } catch (error) {
      throw new CaucusError(
        'CAUCUS_BACKEND',
        `--state: ${this.#file} cannot be written any more: ${describe(error)}; it still says what was done until then, so mend that and give the same command again`,
        { cause: error },
      )
    } finally {
      // In the same step as the last look for something new, so that nothing is given in between.
      this.#writing = undefined
    }
  }

  #replace({ done, elapsedMs, tally }: Omit<SweepRecord, 'identity'>): Promise<void> {
    const text = encode({ identity: this.#identity, done, elapsedMs, tally })
    return replaceFile(dirname(this.#file), basename(this.#file), text)
  }
}

const digestOf = (body: string): string => createHash('sha256').update(body).digest('hex')

const encode = (record: SweepRecord): string => {
  const body = JSON.stringify(record)
  return `{"format":${FORMAT},"sha256":"${digestOf(body)}","sweep":${body}}\n`
}

const parse = (file: string, text: string): SweepRecord => {
  let read: { format?: unknown; sha256?: unknown; sweep?: SweepRecord }
  try {
    read = JSON.parse(text)
  } catch (error) {
    throw damaged(file, describe(error))
  }
  if (typeof read !== 'object' || read === null || read.sweep === undefined)
    throw damaged(file, 'there is no sweep in it')
  if (read.format !== FORMAT) {
    throw unusable(file, `has format ${read.format}, and this version reads ${FORMAT}; remove it to begin anew`)
  }
  // Also a number that was edited: what the file says is added to what is counted from now on.
  if (read.sha256 !== digestOf(JSON.stringify(read.sweep))) throw damaged(file, 'its checksum is another')
  return read.sweep
}

const refuseOther = (file: string, theirs: SweepIdentity, ours: SweepIdentity): void => {
  const differences = (Object.keys(OPTION) as (keyof typeof OPTION)[])
    .filter((key) => theirs[key] !== ours[key])
    .map((key) => `${OPTION[key]} ${theirs[key]}, not ${ours[key]}`)
  if (differences.length > 0) {
    throw unusable(file, `belongs to a sweep with ${differences.join(' and ')}; give the same, or another file`)
  }
  if (theirs.code !== ours.code) {
    throw unusable(
      file,
      'was counted on another build of the code or of the simulator, and the results of two say nothing together; remove it to begin anew, or go back to that build',
    )
  }
}

const readIfThere = async (file: string): Promise<string | undefined> => {
  try {
    return await readFile(file, 'utf8')
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined
    throw unusable(file, `cannot be read: ${describe(error)}`, error)
  }
}

const describe = (error: unknown): string => (error instanceof Error ? error.message : String(error))

const unusable = (file: string, why: string, cause?: unknown): CaucusError =>
  new CaucusError('CAUCUS_INVALID_ARGUMENT', `--state: ${file} ${why}`, { cause })

const damaged = (file: string, why: string): CaucusError =>
  unusable(file, `is damaged (${why}); remove it to begin anew`)
