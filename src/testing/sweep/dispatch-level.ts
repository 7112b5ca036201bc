import { DISPATCH_PROFILES } from '../dispatch/conditions.ts'
import { drawDispatch } from '../dispatch/draw.ts'
import { dispatchExplaining } from '../dispatch/explain.ts'
import { simulateDispatch } from '../dispatch/simulate.ts'
import type { BrokenInvariant, Level, Outcome } from './level.ts'

const profileNamed = (name: string | undefined) => DISPATCH_PROFILES.find((profile) => profile === name)

const run = (seed: number, name: string | undefined): Outcome => {
  const profile = profileNamed(name)
  const { events, hash, faults, violation } = simulateDispatch({ seed, profile })
  const drawn = [...drawDispatch(seed, profile).faults]
  return { events, hash, faults, drawn, violations: violation === undefined ? [] : [violation] }
}

const explain = ({ seed, step, invariant, message }: BrokenInvariant, name: string | undefined): string => {
  // Once more, for what a state file has cut.
  const { violation } = simulateDispatch({ seed, profile: profileNamed(name) })
  if (violation !== undefined) return dispatchExplaining.explain(violation)
  return `seed=${seed} step=${step} invariant=${invariant}: ${message}\nIt did not happen again.`
}

/** The hub of topics and the desks of producers in a made-up world. */
export const dispatchLevel: Level = { run, explain }
