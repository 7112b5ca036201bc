import { seededRandom } from '../../core/random.ts'
import { exponential } from '../simulation/conditions.ts'
import { type JudgedRun, judgedRun, type RunOptions, type RunViolation } from '../simulation/judged-run.ts'
import { ElectionBench } from './bench.ts'
import {
  type ElectionConditions,
  type ElectionFault,
  type ElectionLimits,
  type ElectionProfile,
  limitedElection,
} from './conditions.ts'
import { arrangeElectionFaults } from './deeds.ts'
import { drawElection } from './draw.ts'
import { electionHealingMs, pendingElection } from './liveness.ts'
import { RIVAL } from './peer.ts'
import { type ElectionInvariant, ElectionViolation, must } from './violation.ts'
import { ElectionWorld } from './world.ts'

export type SimulateElectionOptions = RunOptions<ElectionProfile, ElectionLimits>

export type SimulatedElectionViolation = RunViolation<ElectionProfile, ElectionInvariant>

export interface ElectionSimulation extends JudgedRun<ElectionProfile, ElectionInvariant, ElectionFault> {
  readonly voters: number
  readonly observers: number
  /** Who led, in order. */
  readonly led: readonly string[]
}

/**
 * Runs the voters of one cluster, its observers and everything that goes wrong between them, all drawn from one seed, and checks E1 to E10
 * and the rules that keep them as it goes. First under faults, then healed: within a bound everybody must know one leader.
 */
export const simulateElection = (options: SimulateElectionOptions): ElectionSimulation => {
  const { seed, profile, limits = {}, trace = false, story = false } = options
  const conditions = limitedElection(drawElection(seed, profile), limits)
  const bench = new ElectionBench(conditions, seededRandom(seed), trace, story)
  const world = new ElectionWorld(bench)
  const judged = judgedRun(bench, { conditions, broken: ElectionViolation }, () => run(world, conditions))
  return {
    ...judged,
    voters: conditions.voters,
    observers: conditions.observers,
    led: world.judge.reigns.led,
  }
}

const run = (world: ElectionWorld, conditions: ElectionConditions): void => {
  const { bench } = world
  const { electionMinMs } = conditions.timing
  const arrivals = bench.random.fork('arrivals')
  for (const id of world.ids) bench.agenda.after(exponential(arrivals.fork(id), electionMinMs), () => world.start(id))
  for (let n = 0; n < conditions.observers; n++)
    bench.agenda.after(exponential(arrivals.fork(`o${n}`), electionMinMs), () => world.watch(`o${n}`))
  arrangeElectionFaults(world)
  if (conditions.profile === 'quiet') return runQuiet(world, conditions)
  bench.agenda.runUntil(conditions.faultsForMs)
  heal(world)
  bench.agenda.runUntil(bench.now + electionHealingMs(world))
  const left = pendingElection(world)
  must(left.length === 0, conditions.faults.has('hugeTerm') ? 'E10' : 'E9', () => left.join('; '))
}

/** Without any fault there is one election, and nobody ever needs another one. */
const runQuiet = (world: ElectionWorld, conditions: ElectionConditions): void => {
  const { agenda } = world.bench
  agenda.runUntil(conditions.timing.electionMaxMs * 20)
  const left = pendingElection(world)
  must(left.length === 0, 'E9', () => left.join('; '))
  const { led } = world.judge.reigns
  const before = led.length
  agenda.runUntil(agenda.now + conditions.faultsForMs)
  must(led.length === before, 'Quiet', () => `without any fault the leader changed: ${led.join(', ')}`)
}

/** Everything that stands still goes on, the network carries, disks take what is written, and whoever is down starts again. */
const heal = (world: ElectionWorld): void => {
  const { bench } = world
  bench.note('world', 'heals')
  bench.faulty = false
  bench.tell({ who: 'world', kind: 'fault', what: 'everything heals' })
  world.network.heal()
  for (const disk of world.disks.values()) disk.full = false
  // Of two processes under one id, the one that nobody takes for the voter ends.
  for (const [address, peer] of world.peers) {
    if (!address.endsWith(RIVAL)) continue
    const took = peer.disk?.durable?.complete === true
    const loser = took ? world.peers.get(peer.id) : peer
    if (loser !== undefined) world.crash(loser, false)
  }
  for (const peer of world.peers.values()) peer.goOn()
  for (const id of world.ids) if (!world.peers.has(`${id}${RIVAL}`)) world.start(id)
}
