import { explainCore } from '../shrink.ts'
import { PROFILES } from '../simulation/conditions.ts'
import { drawConditions } from '../simulation/draw.ts'
import { simulateCore } from '../simulation/simulate.ts'
import type { BrokenInvariant, Level, Outcome } from './level.ts'

const profileNamed = (name: string | undefined) => PROFILES.find((profile) => profile === name)

const run = (seed: number, name: string | undefined): Outcome => {
  const profile = profileNamed(name)
  const { events, hash, faults, violation } = simulateCore({ seed, profile })
  const drawn = [...drawConditions(seed, profile).faults]
  return { events, hash, faults, drawn, violations: violation === undefined ? [] : [violation] }
}

const explain = ({ seed, step, invariant, message }: BrokenInvariant, name: string | undefined): string => {
  const profile = profileNamed(name)
  // Once more, for what a state file has cut.
  const { violation } = simulateCore({ seed, profile })
  if (violation !== undefined) return explainCore(violation)
  return `seed=${seed} step=${step} invariant=${invariant}: ${message}\nIt did not happen again.`
}

/** The pure machines in a made-up world. */
export const coreLevel: Level = { run, explain }
