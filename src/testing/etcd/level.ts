import type { BrokenInvariant, Level, Outcome } from '../sweep/level.ts'
import { ETCD_PROFILES } from './conditions.ts'
import { explainEtcd, simulateEtcd } from './simulate.ts'

const settings = (seed: number, name: string | undefined) => ({
  seed,
  profile: ETCD_PROFILES.find((known) => known === name),
})

const run = async (seed: number, profile: string | undefined): Promise<Outcome> => {
  const { events, hash, faults, drawn, violations } = await simulateEtcd(settings(seed, profile))
  const first = violations.filter(
    ({ invariant }, index) => violations.findIndex((other) => other.invariant === invariant) === index,
  )
  return {
    events,
    hash,
    faults,
    drawn,
    violations: first.map(({ invariant, atMs, message }) => ({ seed, step: Math.round(atMs), invariant, message })),
  }
}

const explain = async ({ seed, step, invariant, message }: BrokenInvariant, profile: string | undefined) => {
  const found = await simulateEtcd(settings(seed, profile))
  return `seed=${seed} step=${step} invariant=${invariant}: ${message}\n\n${await explainEtcd(found)}`
}

/** Processes on a simulated etcd, one of which coordinates. A step is a simulated millisecond. */
export const etcdLevel: Level = { run, explain }
