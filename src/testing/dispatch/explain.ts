import { explainRun } from '../explain-run.ts'
import { readScenario } from '../scenario-line.ts'
import { shrink } from '../shrinker.ts'
import {
  DISPATCH_FAULTS,
  DISPATCH_PROFILES,
  type DispatchFault,
  type DispatchLimits,
  type DispatchProfile,
} from './conditions.ts'
import {
  type DispatchSimulation,
  type DispatchViolation,
  type SimulateDispatchOptions,
  simulateDispatch,
} from './simulate.ts'

/** Cheap beside what reading a longer scenario costs. */
const RUNS = 300

const WORDS = {
  numbers: ['clients', 'faultsForMs'],
  lists: ['faults', 'deeds'],
  profiles: DISPATCH_PROFILES,
  faults: DISPATCH_FAULTS,
}

/** What `simulateDispatch` takes, of a line that a failure was told in. */
export const parseDispatchScenario = (line: string): SimulateDispatchOptions => {
  const { seed, profile, ...limits } = readScenario<DispatchProfile>(line, WORDS)
  return { seed, profile, limits: limits as DispatchLimits }
}

/**
 * Everything that is known about a violation, as text: the line that names it, the last 200 lines of its trace, a short scenario that breaks
 * the same, and a space-time diagram of that. It runs the simulator again, up to 300 times.
 */
export const explainDispatch = (found: DispatchViolation): string => {
  const { seed, profile } = found
  return explainRun<DispatchLimits, DispatchSimulation>(
    found,
    (kept) => simulateDispatch({ seed, profile, ...kept }),
    shrunk,
  )
}

const shrunk = (whole: DispatchSimulation) => {
  const { seed, profile } = whole
  return shrink<DispatchLimits, DispatchSimulation>(
    whole,
    {},
    {
      run: (limits) => simulateDispatch({ seed, profile, limits }),
      done: ({ deeds }) => ({ deeds }),
      first: [],
      axes: [
        { least: 0, list: ({ deeds }) => deeds, limit: (deeds) => ({ deeds }) },
        {
          least: 0,
          list: ({ faults }) => Object.keys(faults),
          limit: (faults) => ({ faults: faults as readonly DispatchFault[] }),
        },
        { least: 1, count: ({ clients }) => clients, limitTo: (clients) => ({ clients }) },
      ],
      shorter: (faultsForMs) => ({ faultsForMs }),
      runs: RUNS,
    },
  )
}
