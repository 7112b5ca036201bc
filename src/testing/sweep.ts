import { CaucusError } from '../errors.ts'
import { type CoverageReport, reportCoverage } from './sweep/coverage-report.ts'
import { fingerprint } from './sweep/fingerprint.ts'
import { type BrokenInvariant, type LevelName, PROFILES_AT, SCOPES } from './sweep/level.ts'
import { type Explanation, type LostChunk, RunningSweep, type RunOptions } from './sweep/running-sweep.ts'
import { SweepState } from './sweep/state.ts'
import { type Asked, SweepThread } from './sweep/sweep-thread.ts'
import { missingFaults } from './sweep/tally.ts'

export interface SweepOptions extends RunOptions {
  readonly level: LevelName
  /** Default: each seed draws its own. */
  readonly profile?: string | undefined
  /** The file that says what is done, for going on later. */
  readonly state?: string | undefined
  /** The folder of the built code; default: the one that this file is in. */
  readonly built?: URL
  /** Default: a thread of this process. */
  readonly open?: (covered: boolean) => Asked
}

export interface Sweep {
  readonly seeds: number
  readonly events: number
  readonly eventsPerSecond: number
  /** Of one thread, for the time that it ran. */
  readonly eventsPerSecondPerJob: number
  readonly jobs: number
  readonly elapsedMs: number
  readonly faults: Readonly<Record<string, number>>
  /** Faults that many seeds switched on and that never happened. */
  readonly missingFaults: readonly string[]
  readonly violations: readonly BrokenInvariant[]
  /** Seeds of which two runs differed. */
  readonly unrepeatable: readonly number[]
  /** Undefined when nothing was counted. */
  readonly coverage?: CoverageReport
  readonly lost: readonly LostChunk[]
  readonly interrupted: boolean
  /** What is to be read about the first few violations. */
  readonly explanations: readonly Explanation[]
}

/** Runs many seeds on many threads and adds up what happened. Resolves also when it is ended early, with what was done. */
export const sweep = async (options: SweepOptions): Promise<Sweep> => {
  const { level, profile, built = new URL('../', import.meta.url) } = options
  if (profile !== undefined && !PROFILES_AT[level].includes(profile)) {
    const known = PROFILES_AT[level].join(', ')
    throw new CaucusError('CAUCUS_INVALID_ARGUMENT', `level ${level} has no profile ${profile}; take one of ${known}`)
  }
  const scope = SCOPES[level]
  const entry = new URL('testing/sweep/thread.js', built)
  const open = options.open ?? ((covered: boolean) => new SweepThread(entry, { level, profile, covered }))
  const running = new RunningSweep(options, open, await begin(options, built))
  const { tally, lost, interrupted, elapsedMs, explanations } = await running.finish()
  const perSecond = (ms: number) => Math.round(tally.events / (Math.max(ms, 1) / 1000))
  return {
    seeds: tally.seeds,
    events: tally.events,
    eventsPerSecond: perSecond(elapsedMs),
    eventsPerSecondPerJob: perSecond(tally.busyMs),
    jobs: options.jobs,
    elapsedMs: Math.round(elapsedMs),
    faults: sortedByName(tally.faults),
    missingFaults: missingFaults(tally),
    violations: tally.violations,
    unrepeatable: tally.unrepeatable,
    ...(tally.coveredSeeds > 0 && {
      coverage: reportCoverage(tally.coverage, { root: built, folders: scope.covers, seeds: tally.coveredSeeds }),
    }),
    lost,
    interrupted,
    explanations,
  }
}

const begin = async (options: SweepOptions, built: URL) => {
  const { state, level, profile = 'drawn', from, seeds, twiceEvery, coverage } = options
  if (state === undefined) return undefined
  const code = fingerprint(built, SCOPES[level].parts)
  return SweepState.open(state, { from, seeds, level, profile, twiceEvery, coverage, code })
}

const sortedByName = <T>(record: Readonly<Record<string, T>>): Record<string, T> =>
  Object.fromEntries(Object.entries(record).sort(([a], [b]) => (a < b ? -1 : 1)))
