import { performance } from 'node:perf_hooks'
import type { FaultName, Profile } from './simulation/conditions.ts'
import { type SimulatedViolation, simulate } from './simulation/simulate.ts'
import type { InvariantName } from './simulation/violation.ts'

export interface SweepOptions {
  readonly from: number
  readonly seeds: number
  /** Default: each seed draws its own. */
  readonly profile?: Profile
  /** Runs every so-manieth seed a second time, whose hash must be the same. 0: none. */
  readonly twiceEvery: number
  /** Ends at the first violation of one of these. */
  readonly stopAt?: readonly InvariantName[]
}

export interface Sweep {
  readonly seeds: number
  readonly events: number
  readonly eventsPerSecond: number
  readonly faults: Readonly<Partial<Record<FaultName, number>>>
  readonly violations: readonly SimulatedViolation[]
  /** The end of the run behind the last violation. */
  readonly trace: readonly string[]
  /** Seeds of which two runs differed. */
  readonly unrepeatable: readonly number[]
}

/** Runs many seeds, one after the other, and adds up what happened. */
export const sweep = (options: SweepOptions): Sweep => {
  const { from, profile, twiceEvery, stopAt = [] } = options
  const began = performance.now()
  const faults: Partial<Record<FaultName, number>> = {}
  const violations: SimulatedViolation[] = []
  const unrepeatable: number[] = []
  let trace: readonly string[] = []
  let found = false
  let events = 0
  let seeds = 0
  while (seeds < options.seeds && !found) {
    const seed = from + seeds++
    const settings = { seed, ...(profile !== undefined && { profile }) }
    const result = simulate(settings)
    events += result.events
    for (const [name, count] of Object.entries(result.faults)) {
      faults[name as FaultName] = (faults[name as FaultName] ?? 0) + count
    }
    if (result.violation !== undefined) {
      violations.push(result.violation)
      trace = result.trace()
      found = stopAt.includes(result.violation.invariant)
    }
    if (twiceEvery > 0 && seeds % twiceEvery === 0) {
      const again = simulate(settings)
      events += again.events
      if (again.hash !== result.hash) unrepeatable.push(seed)
    }
  }
  const seconds = Math.max(performance.now() - began, 1) / 1000
  return {
    seeds,
    events,
    eventsPerSecond: Math.round(events / seconds),
    faults,
    violations,
    trace,
    unrepeatable,
  }
}
