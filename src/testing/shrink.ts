import { explainRun } from './explain-run.ts'
import { readScenario, scenarioLine } from './scenario-line.ts'
import { shrink } from './shrinker.ts'
import { type CoreLimits, FAULTS, type FaultName, PROFILES, type Profile } from './simulation/conditions.ts'
import { type CoreSimulation, type SimulatedViolation, simulateCore } from './simulation/simulate.ts'

/** One run of the simulator, or what is left of one: `simulateCore` takes it, and it fits on one line. */
export interface CoreScenario {
  readonly seed: number
  readonly profile: Profile
  readonly limits: CoreLimits
}

/** The shortest scenario that was found to break the same invariant. */
export interface ShrunkCore {
  readonly scenario: CoreScenario
  /** What the scenario still breaks: the same invariant. */
  readonly violation: SimulatedViolation
  /** How often the simulator was run for it. */
  readonly runs: number
}

/** Cheap beside what reading a longer scenario costs; most need a third of it. */
const RUNS = 300

/**
 * Finds a short scenario that breaks the same invariant as this seed does: fewer groups, deeds, faults and members, and less time.
 * `undefined` when the seed breaks nothing.
 */
export const shrinkCore = (failing: {
  readonly seed: number
  readonly profile?: Profile | undefined
  readonly limits?: CoreLimits | undefined
  /** At most so many runs. Default: 300. */
  readonly runs?: number | undefined
}): ShrunkCore | undefined => {
  const first = simulateCore(failing)
  if (first.violation === undefined) return undefined
  const { seed, profile } = first
  const { run, limits, runs } = shrunkFrom(first, failing.limits, failing.runs)
  return run.violation && { scenario: { seed, profile, limits }, violation: run.violation, runs }
}

const shrunkFrom = (first: CoreSimulation, limits: CoreLimits = {}, runs: number = RUNS) => {
  const { seed, profile } = first
  return shrink<CoreLimits, CoreSimulation>(first, limits, {
    run: (limits) => simulateCore({ seed, profile, limits }),
    done: ({ deeds }) => ({ deeds }),
    first: [{ least: 1, list: (run, { groups = run.groups }) => groups, limit: (groups) => ({ groups }) }],
    axes: [
      { least: 0, list: ({ deeds }) => deeds, limit: (deeds) => ({ deeds }) },
      {
        least: 0,
        list: ({ faults }) => Object.keys(faults),
        limit: (faults) => ({ faults: faults as readonly FaultName[] }),
      },
      { least: 1, count: ({ members }) => members, limitTo: (members) => ({ members }) },
      { least: 0, count: ({ pollers }) => pollers, limitTo: (pollers) => ({ pollers }) },
    ],
    shorter: (faultsForMs) => ({ faultsForMs }),
    runs,
  })
}

/** One line, from which `parseScenario` makes the same scenario again. */
export const formatScenario = (scenario: CoreScenario): string => scenarioLine(scenario)

const WORDS = {
  numbers: ['members', 'pollers', 'faultsForMs'],
  lists: ['groups', 'faults', 'deeds'],
  profiles: PROFILES,
  faults: FAULTS,
}

/** The scenario that `formatScenario` wrote; refuses anything else with `CAUCUS_INVALID_ARGUMENT`. */
export const parseScenario = (line: string): CoreScenario => {
  const { seed, profile, ...limits } = readScenario<Profile>(line, WORDS)
  return { seed, profile, limits: limits as CoreLimits }
}

/**
 * Everything that is known about a violation, as text: the line that names it, the last 200 lines of its trace, a short scenario that
 * breaks the same, and a space-time diagram of that. It runs the simulator again, up to 300 times.
 */
export const explainCore = (found: SimulatedViolation): string => {
  const { seed, profile } = found
  return explainRun<CoreLimits, CoreSimulation>(
    found,
    (kept) => simulateCore({ seed, profile, ...kept }),
    (whole) => shrunkFrom(whole),
  )
}
