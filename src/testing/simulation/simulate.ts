import { seededRandom } from '../../core/random.ts'
import type { DiagramEvent } from '../diagram.ts'
import { Bench } from './bench.ts'
import { type Conditions, type CoreLimits, exponential, type FaultName, limited, type Profile } from './conditions.ts'
import { drawConditions } from './draw.ts'
import { arrangeFaults } from './faults.ts'
import { healingMs, pending } from './liveness.ts'
import { type InvariantName, must, Violation } from './violation.ts'
import { World } from './world.ts'

export interface SimulateCoreOptions {
  readonly seed: number
  /** Default: drawn from the seed. */
  readonly profile?: Profile | undefined
  /** Leaves out what is not named here, and the rest as it is. */
  readonly limits?: CoreLimits | undefined
  /** Keeps the whole trace, not only its end. */
  readonly trace?: boolean
  /** Keeps what a diagram is drawn from. */
  readonly story?: boolean
}

export interface SimulatedViolation {
  readonly seed: number
  readonly profile: Profile
  readonly step: number
  readonly invariant: InvariantName
  readonly message: string
  /** Real time in the made-up world. */
  readonly atMs: number
}

export interface CoreSimulation {
  readonly seed: number
  readonly profile: Profile
  readonly groups: readonly string[]
  /** Of each group, at first. */
  readonly members: number
  /** Clients of the other wire, at first. */
  readonly pollers: number
  /** For so long things went wrong, before everything was healed. */
  readonly faultsForMs: number
  /** Steps of all machines, and everything else that happened at an instant of its own. */
  readonly events: number
  /** Of everything that happened, in order: two runs of one seed have the same. */
  readonly hash: string
  readonly faults: Readonly<Partial<Record<FaultName, number>>>
  /** What was done to this world, each time by a name: the fault and a number. */
  readonly deeds: readonly string[]
  readonly violation?: SimulatedViolation
  /** The last 200 lines, or all of them if asked for. */
  trace(): readonly string[]
  /** Empty unless asked for. */
  story(): readonly DiagramEvent[]
}

/**
 * Runs one group server, its members and everything that goes wrong between them, all drawn from one seed, and checks every invariant of
 * docs/invariants.md as it goes. First under faults, then healed: within a bound everything must be whole again.
 */
export const simulateCore = (options: SimulateCoreOptions): CoreSimulation => {
  const { seed, profile, limits = {}, trace = false, story = false } = options
  const conditions = limited(drawConditions(seed, profile), limits)
  const bench = new Bench(conditions, seededRandom(seed), trace, story)
  let violation: SimulatedViolation | undefined
  try {
    run(new World(bench), conditions)
  } catch (error) {
    // A broken invariant of the core's own is a finding like any other; only its name is less telling.
    const invariant = error instanceof Violation ? error.invariant : 'core'
    const message = error instanceof Violation ? error.message : String(error instanceof Error ? error.stack : error)
    violation = { seed, profile: conditions.profile, step: bench.steps, invariant, message, atMs: bench.now }
    bench.tell({ who: 'world', kind: 'violation', what: `${invariant}:`, detail: bench.teller.rewrite(message) })
  }
  return {
    seed,
    profile: conditions.profile,
    groups: conditions.groups.map(({ name }) => name),
    members: conditions.membersPerGroup,
    pollers: conditions.poll?.clients ?? 0,
    faultsForMs: conditions.faultsForMs,
    events: bench.steps,
    hash: bench.trace.hash,
    faults: Object.fromEntries(bench.faults),
    deeds: bench.deeds,
    ...(violation !== undefined && { violation }),
    trace: () => bench.trace.lines(),
    story: () => bench.story ?? [],
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
  if (left.length === 0 && world.room.current !== undefined) world.watchers.checkEnd(world.room.current)
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
      const id = `${group.name}-m${n}`
      agenda.after(exponential(arrivals.fork(id), timing.settleMs), () => world.join(id, group))
    }
  }
  for (let n = 0; n < (poll?.clients ?? 0); n++) {
    const id = `poller-${n}`
    agenda.after(exponential(arrivals.fork(id), timing.settleMs), () => world.startPoller(id))
  }
}

/** Everything that stands still goes on, the network carries, and whoever was fenced starts again. */
const heal = (world: World): void => {
  const { bench, wires, room } = world
  bench.note('world', 'heals')
  bench.faulty = false
  bench.tell({ who: 'world', kind: 'fault', what: 'everything heals' })
  wires.network.kind = true
  if (room.foreign) world.crashCoordinator()
  room.foreign = false
  room.start()
  room.current?.goOn()
  for (const member of world.members) member.goOn()
}
