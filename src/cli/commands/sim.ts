import { availableParallelism } from 'node:os'
import { type Command, Option } from 'commander'
import { isCaucusError } from '../../errors.ts'
import { mutantNamed, sweepMutant } from '../../testing/mutation.ts'
import { type BrokenInvariant, LEVELS, type LevelName, PROFILES_AT } from '../../testing/sweep/level.ts'
import type { SweepProgress } from '../../testing/sweep/running-sweep.ts'
import { type Sweep, sweep } from '../../testing/sweep.ts'
import type { CommandModule } from '../command.ts'
import { describeFailure, EXIT, UsageError } from '../errors.ts'
import { wholeNumber } from '../options.ts'
import { ProgressLine } from '../sim/progress.ts'
import { describeFaults, describeSweep, violationLine } from '../sim/report.ts'
import { onStop } from '../stopping.ts'

export interface SimOptions {
  readonly seed: number
  readonly seeds: number
  readonly profile?: string
  readonly level: LevelName
  readonly jobs: number
  readonly state?: string
  readonly coverage: 'sample' | 'all' | 'none'
  readonly mutant?: string
  readonly json?: boolean
}

const HELP = `
Each seed is one run. The same seed gives the same run, and what is counted does not depend on --jobs. On stdout: the summary, whose last
line with --json is { seeds, events, eventsPerSecond, faults: { name: count }, violations: [{ seed, step, invariant }], … }. On stderr: how far
it is, and what went wrong. Exit codes: 0 no invariant broken, 1 one was, or a thread died, 2 wrong usage, 130 interrupted.`

const TWICE_EVERY = 100
const ALL_PROFILES = [...new Set(Object.values(PROFILES_AT).flat())]

export const define: CommandModule['define'] = (command: Command, run) => {
  command
    .option('--seed <n>', 'the first seed', wholeNumber(0, 1e15), 1)
    .option('--seeds <n>', 'how many seeds', wholeNumber(1, 1e9), 200)
    .addOption(new Option('--profile <name>', 'what goes wrong; by default each seed draws it').choices(ALL_PROFILES))
    .addOption(
      new Option('--level <name>', 'the pure machines alone, or with the drivers, SDK and server code around them')
        .choices(LEVELS)
        .default('core'),
    )
    .option('--jobs <n>', 'threads; by default one for each core', wholeNumber(1, 1024), availableParallelism())
    .option('--state <file>', 'write down what is done, and go on there the next time')
    .addOption(
      new Option('--coverage <seeds>', 'in which seeds to count the branches of the code that were reached')
        .choices(['sample', 'all', 'none'])
        .default('sample'),
    )
    .option('--mutant <name>', 'break one rule of the code on purpose, and stop at the first seed that notices')
    .option('--json', 'the last line as JSON')
    .addHelpText('after', HELP)
    .action((options: SimOptions) => run(() => runSim(options)))
}

/** Runs the simulator over many seeds, on the code as it is or on a mutant of it. 1 when an invariant was broken. */
export const runSim = async (options: SimOptions): Promise<number> => {
  const stopping = new AbortController()
  const quiet = onStop(
    () => stopping.abort(),
    ({ exitCode }) => process.exit(exitCode),
  )
  try {
    return await (options.mutant === undefined
      ? runSweep(options, stopping.signal)
      : runMutant(options, options.mutant, stopping.signal))
  } catch (error) {
    if (stopping.signal.aborted && error === stopping.signal.reason) return EXIT.interrupted
    const isRefusal = isCaucusError(error) && error.code === 'CAUCUS_INVALID_ARGUMENT'
    throw isRefusal ? new UsageError(describeFailure(error)) : error
  } finally {
    quiet()
  }
}

const runSweep = async (options: SimOptions, signal: AbortSignal): Promise<number> => {
  const { seed, json = false, profile, level } = options
  const known = PROFILES_AT[level]
  if (profile !== undefined && !known.includes(profile))
    throw new UsageError(`--profile ${profile}: is one of another level; at ${level} take ${known.join(', ')}`)
  const line = new ProgressLine(stderrIo())
  const onProgress = (progress: SweepProgress) => line.update(progress)
  let result: Sweep
  try {
    result = await sweep({ ...options, from: seed, twiceEvery: TWICE_EVERY, signal, onProgress })
  } finally {
    line.end()
  }
  const again = (one: number) =>
    `caucus sim --seed ${one} --seeds 1${profile ? ` --profile ${profile}` : ''}${level === 'core' ? '' : ` --level ${level}`}`
  for (const text of describeFaults(result, again)) process.stderr.write(`${text}\n`)
  if (json) process.stdout.write(`${JSON.stringify(jsonOf(result))}\n`)
  else for (const text of describeSweep(result, options.seeds)) process.stdout.write(`${text}\n`)
  if (result.interrupted) return EXIT.interrupted
  return result.violations.length + result.unrepeatable.length + result.lost.length > 0 ? EXIT.failed : EXIT.done
}

const jsonOf = ({ violations, explanations, ...result }: Sweep) => ({
  ...result,
  violations: violations.map(briefly),
})

const briefly = ({ seed, step, invariant }: BrokenInvariant) => ({ seed, step, invariant })

const runMutant = async (options: SimOptions, name: string, signal: AbortSignal): Promise<number> => {
  const { seed, seeds, profile, level, state, json = false } = options
  const mutant = mutantNamed(name)
  if (state !== undefined) throw new UsageError('--state: a mutant runs until it is caught, and has none')
  if (level === 'drivers' && mutant.level !== level) throw new UsageError(`--level: ${name} is a mutant of the core`)
  const { tally, caught, explanation } = await sweepMutant(mutant, {
    from: seed,
    seeds,
    profile,
    signal,
    explain: true,
  })
  if (explanation !== undefined) process.stderr.write(`${explanation}\n`)
  if (caught !== undefined)
    process.stderr.write(`${violationLine(caught)}\nAgain: ${again(name, caught.seed, profile)}\n`)
  const { events, faults, busyMs } = tally
  const eventsPerSecond = Math.round(events / (Math.max(busyMs, 1) / 1000))
  const violations = tally.violations.map(briefly)
  const verdict = caught === undefined ? `not caught: ${mutant.rule}` : `caught by ${caught.invariant}`
  process.stdout.write(
    json
      ? `${JSON.stringify({ seeds: tally.seeds, events, eventsPerSecond, faults, violations })}\n`
      : `${tally.seeds} seeds, ${events} events, ${eventsPerSecond} a second: ${verdict}\n`,
  )
  return violations.length > 0 ? EXIT.failed : EXIT.done
}

const again = (mutant: string, seed: number, profile: string | undefined): string =>
  `caucus sim --mutant ${mutant} --seed ${seed} --seeds 1${profile === undefined ? '' : ` --profile ${profile}`}`

const stderrIo = () => {
  const { stderr } = process
  return {
    write: (text: string) => void stderr.write(text),
    // A terminal that does not know its size says 0.
    columns: stderr.isTTY && process.env.TERM !== 'dumb' ? () => stderr.columns || 80 : undefined,
    every: (intervalMs: number, call: () => void) => {
      const timer = setInterval(call, intervalMs)
      return () => clearInterval(timer)
    },
  }
}
