import { type Command, Option } from 'commander'
import { mutantNamed, sweepMutant } from '../../testing/mutation.ts'
import { PROFILES, type Profile } from '../../testing/simulation/conditions.ts'
import { type Sweep, sweep } from '../../testing/sweep.ts'
import type { CommandModule } from '../command.ts'
import { EXIT } from '../errors.ts'
import { wholeNumber } from '../options.ts'

export interface SimOptions {
  readonly seed: number
  readonly seeds: number
  readonly profile?: Profile
  readonly mutant?: string
  readonly json?: boolean
}

export const define: CommandModule['define'] = (command: Command, run) => {
  command
    .option('--seed <n>', 'the first seed', wholeNumber(0, 1e15), 1)
    .option('--seeds <n>', 'how many seeds', wholeNumber(1, 1e9), 200)
    .addOption(new Option('--profile <name>', 'what goes wrong; by default each seed draws it').choices(PROFILES))
    .option('--mutant <name>', 'break one rule of the core on purpose, and stop at the first seed that notices')
    .option('--json', 'the last line as JSON')
    .action((options: SimOptions) => run(() => runSim(options)))
}

/** Runs the simulator over many seeds, on the core as it is or on a mutant of it. 1 when an invariant was broken. */
export const runSim = async ({ seed, seeds, profile, mutant, json = false }: SimOptions): Promise<number> => {
  const options = { from: seed, seeds, twiceEvery: 0, ...(profile !== undefined && { profile }) }
  const result =
    mutant === undefined ? sweep({ ...options, twiceEvery: 100 }) : sweepMutant(mutantNamed(mutant), options)
  report(result, json)
  return result.violations.length + result.unrepeatable.length > 0 ? EXIT.failed : EXIT.done
}

const report = (result: Sweep, json: boolean): void => {
  const { seeds, events, eventsPerSecond, faults, violations, trace, unrepeatable } = result
  for (const line of trace) process.stderr.write(`${line}\n`)
  for (const { seed, step, invariant, message } of violations) {
    process.stderr.write(`seed=${seed} step=${step} invariant=${invariant}: ${message}\n`)
  }
  for (const seed of unrepeatable) process.stderr.write(`seed=${seed} gave another trace the second time\n`)
  if (json) {
    const brief = violations.map(({ seed, step, invariant }) => ({ seed, step, invariant }))
    process.stdout.write(`${JSON.stringify({ seeds, events, eventsPerSecond, faults, violations: brief })}\n`)
    return
  }
  const bad = violations.length === 0 ? 'no invariant broken' : `${violations.length} with a broken invariant`
  process.stdout.write(`${seeds} seeds, ${events} events, ${eventsPerSecond} a second: ${bad}\n`)
}
