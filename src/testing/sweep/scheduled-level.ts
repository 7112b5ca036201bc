import type { ClusterViolation } from '../cluster/violation.ts'
import type { BrokenInvariant, Level, Outcome } from './level.ts'

/** What a level of whole processes is made of. */
interface Simulated<Profile extends string, Run> {
  readonly profiles: readonly Profile[]
  readonly simulate: (settings: { readonly seed: number; readonly profile?: Profile | undefined }) => Promise<Run>
  explain(run: Run): Promise<string>
}

type Told = Omit<Outcome, 'violations'> & { readonly violations: readonly ClusterViolation[] }

/** A level of whole processes in a made-up world. A step is a simulated millisecond. */
export const scheduledLevel = <Profile extends string, Run extends Told>({
  profiles,
  simulate,
  explain,
}: Simulated<Profile, Run>): Level => {
  const again = (seed: number, name: string | undefined) =>
    simulate({ seed, profile: profiles.find((known) => known === name) })
  return {
    run: async (seed, profile) => {
      const { events, hash, faults, drawn, violations } = await again(seed, profile)
      return { events, hash, faults, drawn, violations: firstOfEach(seed, violations) }
    },
    explain: async ({ seed, step, invariant, message }, profile) =>
      `seed=${seed} step=${step} invariant=${invariant}: ${message}\n\n${await explain(await again(seed, profile))}`,
  }
}

/** What breaks once often breaks again and again. */
const firstOfEach = (seed: number, violations: readonly ClusterViolation[]): BrokenInvariant[] =>
  violations
    .filter(({ invariant }, index) => violations.findIndex((other) => other.invariant === invariant) === index)
    .map(({ invariant, atMs, message }) => ({ seed, step: Math.round(atMs), invariant, message }))
