import { explainRun } from '../explain-run.ts'
import { readScenario } from '../scenario-line.ts'
import { shrink } from '../shrinker.ts'
import {
  ELECTION_FAULTS,
  ELECTION_PROFILES,
  type ElectionFault,
  type ElectionLimits,
  type ElectionProfile,
} from './conditions.ts'
import {
  type ElectionSimulation,
  type SimulatedElectionViolation,
  type SimulateElectionOptions,
  simulateElection,
} from './simulate.ts'

/** Cheap beside what reading a longer scenario costs. */
const RUNS = 300

const WORDS = {
  numbers: ['observers', 'faultsForMs'],
  lists: ['faults', 'deeds'],
  profiles: ELECTION_PROFILES,
  faults: ELECTION_FAULTS,
}

/** What `simulateElection` takes, of a line that a failure was told in. */
export const parseElectionScenario = (line: string): SimulateElectionOptions => {
  const { seed, profile, ...limits } = readScenario<ElectionProfile>(line, WORDS)
  return { seed, profile, limits: limits as ElectionLimits }
}

/** A short scenario that breaks the same invariant: fewer deeds, faults and observers, and less time. */
export const shrinkElection = (whole: ElectionSimulation) => {
  const { seed, profile } = whole
  return shrink<ElectionLimits, ElectionSimulation>(
    whole,
    {},
    {
      run: (limits) => simulateElection({ seed, profile, limits }),
      done: ({ deeds }) => ({ deeds }),
      first: [],
      axes: [
        { least: 0, list: ({ deeds }) => deeds, limit: (deeds) => ({ deeds }) },
        {
          least: 0,
          list: ({ faults }) => Object.keys(faults),
          limit: (faults) => ({ faults: faults as readonly ElectionFault[] }),
        },
        { least: 0, count: ({ observers }) => observers, limitTo: (observers) => ({ observers }) },
      ],
      shorter: (faultsForMs) => ({ faultsForMs }),
      runs: RUNS,
    },
  )
}

/**
 * Everything that is known about a violation, as text: the line that names it, the last 200 lines of its trace, a short scenario that breaks
 * the same, and a space-time diagram of that. It runs the simulator again, up to 300 times.
 */
export const explainElection = (found: SimulatedElectionViolation): string => {
  const { seed, profile } = found
  return explainRun<ElectionLimits, ElectionSimulation>(
    found,
    (kept) => simulateElection({ seed, profile, ...kept }),
    shrinkElection,
  )
}
