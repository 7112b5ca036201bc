import type { BrokenInvariant, Level, Outcome } from '../sweep/level.ts'
import { PEERS_PROFILES } from './conditions.ts'
import { explainPeers, simulatePeers } from './simulate.ts'

const settings = (seed: number, name: string | undefined) => ({
  seed,
  profile: PEERS_PROFILES.find((known) => known === name),
})

const run = async (seed: number, profile: string | undefined): Promise<Outcome> => {
  const { events, hash, faults, drawn, violations } = await simulatePeers(settings(seed, profile))
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
  const found = await simulatePeers(settings(seed, profile))
  return `seed=${seed} step=${step} invariant=${invariant}: ${message}\n\n${await explainPeers(found)}`
}

/** Peers with their elections and coordinators, and the members of their groups. A step is a simulated millisecond. */
export const peersLevel: Level = { run, explain }
