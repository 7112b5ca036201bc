import { seededRandom } from '../../core/random.ts'
import { exponential } from '../simulation/conditions.ts'
import { type JudgedRun, judgedRun, type RunOptions, type RunViolation } from '../simulation/judged-run.ts'
import { ReplicationBench } from './bench.ts'
import {
  limitedReplication,
  type ReplicationConditions,
  type ReplicationFault,
  type ReplicationLimits,
  type ReplicationProfile,
} from './conditions.ts'
import { arrangeReplicationFaults } from './deeds.ts'
import { drawReplication } from './draw.ts'
import { HEALING_RETRIES, pendingReplication } from './liveness.ts'
import { must, type ReplicationInvariant, ReplicationViolation } from './violation.ts'
import { ReplicationWorld } from './world.ts'

export type SimulateReplicationOptions = RunOptions<ReplicationProfile, ReplicationLimits>

export type SimulatedReplicationViolation = RunViolation<ReplicationProfile, ReplicationInvariant>

export interface ReplicationSimulation extends JudgedRun<ReplicationProfile, ReplicationInvariant, ReplicationFault> {
  readonly voters: number
  /** The terms that were given out. */
  readonly terms: number
}

/**
 * Runs the register of one cluster and everything that goes wrong between its voters, all drawn from one seed, and checks R1 to R5 and the
 * rules that keep them as it goes. First under faults, then healed: within a bound everybody must have what the last leader saved.
 */
export const simulateReplication = (options: SimulateReplicationOptions): ReplicationSimulation => {
  const { seed, profile, limits = {}, trace = false, story = false } = options
  const conditions = limitedReplication(drawReplication(seed, profile), limits)
  const bench = new ReplicationBench(conditions, seededRandom(seed), trace, story)
  const world = new ReplicationWorld(bench)
  const judged = judgedRun(bench, { conditions, broken: ReplicationViolation }, () => run(world, conditions))
  return { ...judged, voters: conditions.voters, terms: world.oracle.term }
}

const run = (world: ReplicationWorld, conditions: ReplicationConditions): void => {
  const { bench, oracle } = world
  const arrivals = bench.random.fork('arrivals')
  for (const id of world.ids)
    bench.agenda.after(exponential(arrivals.fork(id), conditions.retryMs), () => world.start(id))
  const elections = (): void => {
    bench.agenda.after(conditions.retryMs * 3, () => {
      oracle.electIfNobody([...world.voters.values()])
      elections()
    })
  }
  elections()
  arrangeReplicationFaults(world)
  bench.agenda.runUntil(conditions.faultsForMs)
  heal(world)
  // As often as not nothing more is saved, so that nobody hears of anything but by what is said again.
  oracle.closed = bench.random.fork('healing').next() < 0.5
  const healingMs = conditions.retryMs * HEALING_RETRIES
  bench.agenda.runUntil(bench.now + healingMs / 2)
  oracle.closed = true
  bench.agenda.runUntil(bench.now + healingMs / 2)
  const left = pendingReplication(world)
  must(left.length === 0, 'R5', () => left.join('; '))
}

/** Everything that stands still goes on, the network carries, disks take what is written, and whoever is down starts again. */
const heal = (world: ReplicationWorld): void => {
  const { bench } = world
  bench.note('world', 'heals')
  bench.faulty = false
  bench.tell({ who: 'world', kind: 'fault', what: 'everything heals' })
  world.network.heal()
  for (const { disk } of world.platters.values()) disk.full = false
  for (const voter of world.voters.values()) voter.goOn()
  for (const id of world.ids) world.start(id)
  // Where two had one term, the election would have given another one.
  if (!bench.conditions.store && !world.oracle.isOne)
    for (const voter of world.oracle.leaders) world.oracle.retire(voter)
}
