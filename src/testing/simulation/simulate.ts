import { seededRandom } from '../../core/random.ts'
import { Bench } from './bench.ts'
import { type Conditions, drawConditions, exponential, type FaultName, type Profile } from './conditions.ts'
import { arrangeFaults } from './faults.ts'
import { healingMs, pending } from './liveness.ts'
import { type InvariantName, must, Violation } from './violation.ts'
import { World } from './world.ts'

export interface SimulateOptions {
  readonly seed: number
  /** Default: drawn from the seed. */
  readonly profile?: Profile | undefined
  /** Keeps the whole trace, not only its end. */
  readonly trace?: boolean
}

export interface SimulatedViolation {
  readonly seed: number
  readonly step: number
  readonly invariant: InvariantName
  readonly message: string
}

export interface SimulationResult {
  readonly seed: number
  readonly profile: Profile
  /** Steps of all machines, and everything else that happened at an instant of its own. */
  readonly events: number
  /** Of everything that happened, in order: two runs of one seed have the same. */
  readonly hash: string
  readonly faults: Readonly<Partial<Record<FaultName, number>>>
  readonly violation?: SimulatedViolation
  /** The last 200 lines, or all of them if asked for. */
  trace(): readonly string[]
}

/**
 * Runs one group server, its members and everything that goes wrong between them, all drawn from one seed, and checks every invariant of
 * docs/invariants.md as it goes. First under faults, then healed: within a bound everything must be whole again.
 */
export const simulate = ({ seed, profile, trace = false }: SimulateOptions): SimulationResult => {
  const conditions = drawConditions(seed, profile)
  const bench = new Bench(conditions, seededRandom(seed), trace)
  let violation: SimulatedViolation | undefined
  try {
    run(new World(bench), conditions)
  } catch (error) {
    // A broken invariant of the core's own is a finding like any other; only its name is less telling.
    const invariant = error instanceof Violation ? error.invariant : 'core'
    const message = error instanceof Violation ? error.message : String(error instanceof Error ? error.stack : error)
    violation = { seed, step: bench.steps, invariant, message }
  }
  return {
    seed,
    profile: conditions.profile,
    events: bench.steps,
    hash: bench.trace.hash,
    faults: Object.fromEntries(bench.faults),
    ...(violation !== undefined && { violation }),
    trace: () => bench.trace.lines(),
  }
}

const run = (world: World, conditions: Conditions): void => {
  const { bench } = world
  populate(world, conditions)
  arrangeFaults(world)
  runUntil(world, conditions.faultsForMs)
  if (conditions.profile === 'churn') world.watchers.checkChurn()
  heal(world)
  runUntil(world, bench.now + healingMs(world))
  world.watchers.judge()
  const left = pending(world)
  must(left.length === 0, 'G6', () => `not whole again after ${healingMs(world)} ms: ${left.join('; ')}`)
}

const runUntil = ({ bench: { agenda } }: World, at: number): void => {
  agenda.after(at - agenda.now, () => {})
  while (agenda.nextAt <= at) agenda.runNext()
}

const populate = (world: World, { groups, membersPerGroup, timing, poll }: Conditions): void => {
  const { agenda, random } = world.bench
  const arrivals = random.fork('arrivals')
  agenda.after(0, () => world.room.start())
  for (const group of groups) {
    for (let n = 0; n < membersPerGroup; n++) {
      agenda.after(exponential(arrivals, timing.settleMs), () => world.join(`${group.name}-m${n}`, group))
    }
  }
  for (let n = 0; n < (poll?.clients ?? 0); n++) {
    agenda.after(exponential(arrivals, timing.settleMs), () => world.startPoller(`poller-${n}`))
  }
}

/** Everything that stands still goes on, the network carries, and whoever was fenced starts again. */
const heal = (world: World): void => {
  const { bench, wires, room } = world
  bench.note('world', 'heals')
  bench.faulty = false
  wires.network.kind = true
  room.start()
  room.current?.goOn()
  for (const member of world.members) member.goOn()
}
