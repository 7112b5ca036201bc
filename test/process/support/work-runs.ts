import { existsSync, mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { isAlive } from '../../../src/testing/trial/processes.ts'
import { type Running, repository, startCaucus } from './processes.ts'

export { isAlive }

interface Beat {
  readonly who: string
  readonly pid: number
  readonly index?: string
  readonly total?: string
  readonly epoch: string
  readonly partitions?: string
  readonly atNs: number
}

/** One process that worked with one share, from its first beat to its last. */
export interface Run extends Omit<Beat, 'atNs'> {
  readonly startNs: number
  readonly endNs: number
}

export interface Wrapped {
  readonly who: string
  readonly process: Running
  readonly log: string
}

/** The wrappers of one test, and what their programs wrote down. */
export class WorkRuns {
  readonly folder = mkdtempSync(join(tmpdir(), 'caucus-work-'))
  readonly #wrapped: Wrapped[] = []

  /** Starts `caucus work`, or `caucus elect`, around the program that writes down how long it works with what. */
  start(
    who: string,
    server: string,
    { traits = [], options = [], election }: { traits?: string[]; options?: string[]; election?: string } = {},
  ): Wrapped {
    const log = join(this.folder, `${who}.ndjson`)
    const program = [process.execPath, join(repository, 'test/process/support/work-program.mjs'), log, ...traits]
    const args = [
      ...(election === undefined ? ['work', '--group', 'jobs'] : ['elect', election]),
      '--id',
      who,
      '--server',
      server,
      '--log-level',
      'debug',
      ...options,
      '--',
      ...program,
    ]
    const wrapped = { who, log, process: startCaucus(args, { WORKER: who }) }
    this.#wrapped.push(wrapped)
    return wrapped
  }

  /** What ran so far, in order of the first beats. */
  of(...wrapped: readonly Wrapped[]): Run[] {
    const beats = wrapped.flatMap(({ log }) => (existsSync(log) ? readBeats(log) : []))
    const runs = new Map<number, Run>()
    for (const { atNs, ...beat } of beats.sort((a, b) => a.atNs - b.atNs)) {
      const run = runs.get(beat.pid)
      runs.set(beat.pid, run === undefined ? { ...beat, startNs: atNs, endNs: atNs } : { ...run, endNs: atNs })
    }
    return [...runs.values()]
  }

  /** The run that beats now; undefined while nothing does. */
  current(wrapped: Wrapped): Run | undefined {
    return this.of(wrapped).findLast(({ pid }) => isAlive(pid))
  }

  /**
   * Pairs of runs of two members that worked at one instant and may not: members of one view have one epoch and different
   * indexes, so whatever else overlaps is wrong.
   */
  overlaps(): [Run, Run][] {
    const runs = this.of(...this.#wrapped)
    return runs.flatMap((later, place) =>
      runs
        .slice(0, place)
        .filter((earlier) => earlier.who !== later.who && earlier.endNs >= later.startNs)
        .filter((earlier) => earlier.epoch !== later.epoch || earlier.index === later.index)
        .map((earlier): [Run, Run] => [earlier, later]),
    )
  }

  remove(): void {
    rmSync(this.folder, { recursive: true, force: true })
  }
}

/** The last line may be in the middle of being written. */
const readBeats = (log: string): Beat[] =>
  readFileSync(log, 'utf8')
    .split('\n')
    .slice(0, -1)
    .map((line) => JSON.parse(line))
