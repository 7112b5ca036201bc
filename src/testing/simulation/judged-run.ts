import type { DiagramEvent } from '../diagram.ts'
import type { RunBench } from './run-bench.ts'

/** What a run of any made-up world is asked for by. */
export interface RunOptions<Profile extends string, Limits> {
  readonly seed: number
  /** Default: drawn from the seed. */
  readonly profile?: Profile | undefined
  /** Leaves out what is not named here, and the rest as it is. */
  readonly limits?: Limits | undefined
  /** Keeps the whole trace, not only its end. */
  readonly trace?: boolean
  /** Keeps what a diagram is drawn from. */
  readonly story?: boolean
}

export interface RunViolation<Profile extends string, Invariant extends string> {
  readonly seed: number
  readonly profile: Profile
  readonly step: number
  readonly invariant: Invariant
  readonly message: string
  /** Real time in the made-up world. */
  readonly atMs: number
}

/** What is known of a run, whatever its world is made of. */
export interface JudgedRun<Profile extends string, Invariant extends string, Fault extends string> {
  readonly seed: number
  readonly profile: Profile
  /** For so long things went wrong, before everything was healed. */
  readonly faultsForMs: number
  /** Steps of all machines, and everything else that happened at an instant of its own. */
  readonly events: number
  /** Of everything that happened, in order: two runs of one seed have the same. */
  readonly hash: string
  readonly faults: Readonly<Partial<Record<Fault, number>>>
  /** What was done to this world, each time by a name: the fault and a number. */
  readonly deeds: readonly string[]
  readonly violation?: RunViolation<Profile, Invariant>
  /** The last 200 lines, or all of them if asked for. */
  trace(): readonly string[]
  /** Empty unless asked for. */
  story(): readonly DiagramEvent[]
}

interface Judging<Profile extends string, Invariant extends string> {
  readonly conditions: { readonly seed: number; readonly profile: Profile; readonly faultsForMs: number }
  /** What is thrown where an invariant of this world is broken. */
  readonly broken: abstract new (
    ...given: never[]
  ) => Error & { readonly invariant: Invariant }
  /** How a diagram says a message. Default: as it is. */
  readonly inWords?: (message: string) => string
}

/** Runs a world to its end, or up to the event that breaks an invariant. */
export const judgedRun = <Profile extends string, Invariant extends string, Fault extends string>(
  bench: RunBench<Fault>,
  { conditions, broken, inWords = (message) => message }: Judging<Profile, Invariant>,
  run: () => void,
): JudgedRun<Profile, Invariant | 'core', Fault> => {
  const { seed, profile, faultsForMs } = conditions
  let violation: RunViolation<Profile, Invariant | 'core'> | undefined
  try {
    run()
  } catch (error) {
    // A broken invariant of the core's own is a finding like any other; only its name is less telling.
    const known = error instanceof broken
    const invariant = known ? error.invariant : 'core'
    const message = known ? error.message : String(error instanceof Error ? error.stack : error)
    violation = { seed, profile, step: bench.steps, invariant, message, atMs: bench.now }
    bench.tell({ who: 'world', kind: 'violation', what: `${invariant}:`, detail: inWords(message) })
  }
  const faults: Partial<Record<Fault, number>> = {}
  for (const [fault, count] of bench.faults) faults[fault] = count
  return {
    seed,
    profile,
    faultsForMs,
    events: bench.steps,
    hash: bench.trace.hash,
    faults,
    deeds: bench.deeds,
    ...(violation !== undefined && { violation }),
    trace: () => bench.trace.lines(),
    story: () => bench.story ?? [],
  }
}
