import { explainRun } from '../explain-run.ts'
import { readScenario } from '../scenario-line.ts'
import { shrink } from '../shrinker.ts'
import {
  REPLICATION_FAULTS,
  REPLICATION_PROFILES,
  type ReplicationFault,
  type ReplicationLimits,
  type ReplicationProfile,
} from './conditions.ts'
import {
  type ReplicationSimulation,
  type SimulatedReplicationViolation,
  type SimulateReplicationOptions,
  simulateReplication,
} from './simulate.ts'

/** Cheap beside what reading a longer scenario costs. */
const RUNS = 300

const WORDS = {
  numbers: ['faultsForMs'],
  lists: ['faults', 'deeds'],
  profiles: REPLICATION_PROFILES,
  faults: REPLICATION_FAULTS,
}

/** What `simulateReplication` takes, of a line that a failure was told in. */
export const parseReplicationScenario = (line: string): SimulateReplicationOptions => {
  const { seed, profile, ...limits } = readScenario<ReplicationProfile>(line, WORDS)
  return { seed, profile, limits: limits as ReplicationLimits }
}

/** A short scenario that breaks the same invariant: fewer deeds and faults, and less time. */
export const shrinkReplication = (whole: ReplicationSimulation) => {
  const { seed, profile } = whole
  return shrink<ReplicationLimits, ReplicationSimulation>(
    whole,
    {},
    {
      run: (limits) => simulateReplication({ seed, profile, limits }),
      done: ({ deeds }) => ({ deeds }),
      first: [],
      axes: [
        { least: 0, list: ({ deeds }) => deeds, limit: (deeds) => ({ deeds }) },
        {
          least: 0,
          list: ({ faults }) => Object.keys(faults),
          limit: (faults) => ({ faults: faults as readonly ReplicationFault[] }),
        },
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
export const explainReplication = (found: SimulatedReplicationViolation): string => {
  const { seed, profile } = found
  return explainRun<ReplicationLimits, ReplicationSimulation>(
    found,
    (kept) => simulateReplication({ seed, profile, ...kept }),
    shrinkReplication,
  )
}
