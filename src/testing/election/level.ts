import type { BrokenInvariant, Level, Outcome } from '../sweep/level.ts'
import { ELECTION_PROFILES } from './conditions.ts'
import { drawElection } from './draw.ts'
import { electionExplaining } from './explain.ts'
import { simulateElection } from './simulate.ts'

const profileNamed = (name: string | undefined) => ELECTION_PROFILES.find((profile) => profile === name)

const run = (seed: number, name: string | undefined): Outcome => {
  const profile = profileNamed(name)
  const { events, hash, faults, violation } = simulateElection({ seed, profile })
  const drawn = [...drawElection(seed, profile).faults]
  return { events, hash, faults, drawn, violations: violation === undefined ? [] : [violation] }
}

const explain = ({ seed, step, invariant, message }: BrokenInvariant, name: string | undefined): string => {
  // Once more, for what a state file has cut.
  const { violation } = simulateElection({ seed, profile: profileNamed(name) })
  if (violation !== undefined) return electionExplaining.explain(violation)
  return `seed=${seed} step=${step} invariant=${invariant}: ${message}\nIt did not happen again.`
}

/** The voters of one cluster in a made-up world. */
export const electionLevel: Level = { run, explain }
