import { drawCluster } from '../cluster/draw.ts'
import { simulate } from '../cluster/simulate.ts'
import type { ClusterViolation } from '../cluster/violation.ts'
import { type BrokenInvariant, DRIVER_PROFILES, type Level, type Outcome } from './level.ts'

const settings = (seed: number, name: string | undefined) => {
  const profile = DRIVER_PROFILES.find((known) => known === name)
  return { seed, ...(profile !== undefined && { profile }) }
}

const run = async (seed: number, profile: string | undefined): Promise<Outcome> => {
  const given = settings(seed, profile)
  const { events, hash, faults, violations } = await simulate(given)
  const drawn = drawCluster(seed, given.profile).faults
  return { events, hash, faults, drawn, violations: firstOfEach(seed, violations) }
}

/** What breaks once often breaks again and again. */
const firstOfEach = (seed: number, violations: readonly ClusterViolation[]): BrokenInvariant[] =>
  violations
    .filter(({ invariant }, index) => violations.findIndex((other) => other.invariant === invariant) === index)
    .map(({ invariant, atMs, message }) => ({ seed, step: Math.round(atMs), invariant, message }))

const explain = async ({ seed, step, invariant, message }: BrokenInvariant, profile: string | undefined) => {
  const result = await simulate(settings(seed, profile))
  const head = `seed=${seed} step=${step} invariant=${invariant}: ${message}`
  return `${head}\n\n${result.ok ? 'It did not happen again.' : await result.explain()}`
}

/** The real SDK, drivers, links and server in a made-up world. A step is a millisecond of it. */
export const driverLevel: Level = { run, explain }
