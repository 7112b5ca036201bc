import { explainRun } from './explain-run.ts'
import { readScenario } from './scenario-line.ts'
import { type Axis, type Shrunk, shrink } from './shrinker.ts'
import type { JudgedRun, RunOptions, RunViolation } from './simulation/judged-run.ts'

/** Of which a scenario may have fewer. */
interface Limited<Fault extends string> {
  readonly faults?: readonly Fault[]
  readonly deeds?: readonly string[]
  readonly faultsForMs?: number
}

/** A simulator of machines alone. */
interface Simulator<
  Profile extends string,
  Invariant extends string,
  Fault extends string,
  Limits extends Limited<Fault>,
  Run extends JudgedRun<Profile, Invariant, Fault>,
> {
  readonly profiles: readonly Profile[]
  readonly faults: readonly Fault[]
  simulate(options: RunOptions<Profile, Limits>): Run
  /** What else there may be fewer of, beside deeds and faults: its name in the limits, and how many a run may not go below. */
  readonly counted?: { readonly name: keyof Limits & keyof Run & string; readonly least: number }
}

/** What is done about a violation that such a simulator found. */
export interface Explaining<Profile extends string, Invariant extends string, Limits extends object, Run> {
  /** What the simulator takes, of a line that a failure was told in; refuses others with `CAUCUS_INVALID_ARGUMENT`. */
  parse(line: string): RunOptions<Profile, Limits>
  /** A short scenario that breaks the same invariant: fewer deeds and faults, less time, and fewer of what is counted. */
  shrink(whole: Run): Shrunk<Limits, Run>
  /**
   * Everything that is known about a violation, as text: the line that names it, the last 200 lines of its trace, a short scenario that
   * breaks the same, and a space-time diagram of that. It runs the simulator again, up to 300 times.
   */
  explain(found: RunViolation<Profile, Invariant>): string
}

/** Cheap beside what reading a longer scenario costs. */
const RUNS = 300

export const explaining = <
  Profile extends string,
  Invariant extends string,
  Fault extends string,
  Limits extends Limited<Fault>,
  Run extends JudgedRun<Profile, Invariant, Fault>,
>({
  profiles,
  faults,
  simulate,
  counted,
}: Simulator<Profile, Invariant, Fault, Limits, Run>): Explaining<Profile, Invariant, Limits, Run> => {
  const numbers = counted ? [counted.name, 'faultsForMs'] : ['faultsForMs']
  const words = { numbers, lists: ['faults', 'deeds'], profiles, faults }
  // The names are those of `Limited` and of `counted`, which the compiler cannot put together to a `Limits` again.
  const limited = (limits: object) => limits as Limits
  const axes: Axis<Limits, Run>[] = [
    { least: 0, list: ({ deeds }) => deeds, limit: (deeds) => limited({ deeds }) },
    { least: 0, list: ({ faults }) => Object.keys(faults), limit: (faults) => limited({ faults }) },
  ]
  if (counted) {
    const { name, least } = counted
    axes.push({ least, count: (run) => Number(run[name]), limitTo: (count) => limited({ [name]: count }) })
  }
  const shrunk = (whole: Run): Shrunk<Limits, Run> => {
    const { seed, profile } = whole
    return shrink<Limits, Run>(whole, limited({}), {
      run: (limits) => simulate({ seed, profile, limits }),
      done: ({ deeds }) => limited({ deeds }),
      first: [],
      axes,
      shorter: (faultsForMs) => limited({ faultsForMs }),
      runs: RUNS,
    })
  }
  return {
    parse: (line) => {
      const { seed, profile, ...limits } = readScenario<Profile>(line, words)
      return { seed, profile, limits: limited(limits) }
    },
    shrink: shrunk,
    explain: (found) => {
      const { seed, profile } = found
      return explainRun<Limits, Run>(found, (kept) => simulate({ seed, profile, ...kept }), shrunk)
    },
  }
}
