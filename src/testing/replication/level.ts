import type { BrokenInvariant, Level, Outcome } from '../sweep/level.ts'
import { REPLICATION_PROFILES } from './conditions.ts'
import { drawReplication } from './draw.ts'
import { replicationExplaining } from './explain.ts'
import { simulateReplication } from './simulate.ts'

const profileNamed = (name: string | undefined) => REPLICATION_PROFILES.find((profile) => profile === name)

const run = (seed: number, name: string | undefined): Outcome => {
  const profile = profileNamed(name)
  const { events, hash, faults, violation } = simulateReplication({ seed, profile })
  const drawn = [...drawReplication(seed, profile).faults]
  return { events, hash, faults, drawn, violations: violation === undefined ? [] : [violation] }
}

const explain = ({ seed, step, invariant, message }: BrokenInvariant, name: string | undefined): string => {
  // Once more, for what a state file has cut.
  const { violation } = simulateReplication({ seed, profile: profileNamed(name) })
  if (violation !== undefined) return replicationExplaining.explain(violation)
  return `seed=${seed} step=${step} invariant=${invariant}: ${message}\nIt did not happen again.`
}

/** The register of one cluster in a made-up world. */
export const replicationLevel: Level = { run, explain }
