import { seededRandom } from '../../core/random.ts'
import { Bench } from './bench.ts'
import { type Conditions, type CoreLimits, exponential, type FaultName, limited, type Profile } from './conditions.ts'
import { drawConditions } from './draw.ts'
import { arrangeFaults } from './faults.ts'
import { type JudgedRun, judgedRun, type RunOptions, type RunViolation } from './judged-run.ts'
import { healingMs, pending } from './liveness.ts'
import { type InvariantName, must, Violation } from './violation.ts'
import { World } from './world.ts'

/** Of one run of the core: the seed, what goes wrong, and how much of it. */
export type SimulateCoreOptions = RunOptions<Profile, CoreLimits>

/** A broken invariant of the core: which one, when, and in what words. */
export type SimulatedViolation = RunViolation<Profile, InvariantName>

/** One run of the core as it was judged, and what was in it. */
export interface CoreSimulation extends JudgedRun<Profile, InvariantName, FaultName> {
  readonly groups: readonly string[]
  /** Of each group, at first. */
  readonly members: number
  /** Clients of the other wire, at first. */
  readonly pollers: number
}

/**
 * Runs one group server, its members and everything that goes wrong between them, all drawn from one seed, and checks every invariant of
 * docs/invariants.md as it goes. First under faults, then healed: within a bound everything must be whole again.
 */
export const simulateCore = (options: SimulateCoreOptions): CoreSimulation => {
  const { seed, profile, limits = {}, trace = false, story = false } = options
  const conditions = limited(drawConditions(seed, profile), limits)
  const bench = new Bench(conditions, seededRandom(seed), trace, story)
  const inWords = (message: string) => bench.teller.rewrite(message)
  const judged = judgedRun(bench, { conditions, broken: Violation, inWords }, () => run(new World(bench), conditions))
  return {
    ...judged,
    groups: conditions.groups.map(({ name }) => name),
    members: conditions.membersPerGroup,
    pollers: conditions.poll?.clients ?? 0,
  }
}

const run = (world: World, conditions: Conditions): void => {
  const { bench } = world
  populate(world, conditions)
  arrangeFaults(world)
  world.onces.arrange()
  bench.agenda.runUntil(conditions.faultsForMs)
  if (conditions.profile === 'churn') world.watchers.checkChurn()
  heal(world)
  bench.agenda.runUntil(bench.now + healingMs(world))
  world.watchers.judge()
  const left = pending(world)
  if (left.length === 0 && world.room.current !== undefined) world.watchers.checkEnd(world.room.current)
  const untold = world.onces.pending(world.members)
  must(untold.length === 0, 'N3', () => `not told after ${healingMs(world)} ms: ${untold.join('; ')}`)
  must(left.length === 0, 'G6', () => `not whole again after ${healingMs(world)} ms: ${left.join('; ')}`)
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
