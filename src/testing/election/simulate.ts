import { seededRandom } from '../../core/random.ts'
import type { DiagramEvent } from '../diagram.ts'
import { exponential } from '../simulation/conditions.ts'
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

export interface SimulateElectionOptions {
  readonly seed: number
  /** Default: drawn from the seed. */
  readonly profile?: ElectionProfile | undefined
  /** Leaves out what is not named here, and the rest as it is. */
  readonly limits?: ElectionLimits | undefined
  /** Keeps the whole trace, not only its end. */
  readonly trace?: boolean
  /** Keeps what a diagram is drawn from. */
  readonly story?: boolean
}

export interface SimulatedElectionViolation {
  readonly seed: number
  readonly profile: ElectionProfile
  readonly step: number
  readonly invariant: ElectionInvariant
  readonly message: string
  /** Real time in the made-up world. */
  readonly atMs: number
}

export interface ElectionSimulation {
  readonly seed: number
  readonly profile: ElectionProfile
  readonly voters: number
  readonly observers: number
  readonly faultsForMs: number
  /** Steps of all voters. */
  readonly events: number
  /** Of everything that happened, in order: two runs of one seed have the same. */
  readonly hash: string
  readonly faults: Readonly<Partial<Record<ElectionFault, number>>>
  readonly deeds: readonly string[]
  /** Who led, in order. */
  readonly led: readonly string[]
  readonly violation?: SimulatedElectionViolation
  trace(): readonly string[]
  story(): readonly DiagramEvent[]
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
  let violation: SimulatedElectionViolation | undefined
  try {
    run(world, conditions)
  } catch (error) {
    // A broken invariant of the core's own is a finding like any other; only its name is less telling.
    const known = error instanceof ElectionViolation
    const invariant = known ? error.invariant : 'core'
    const message = known ? error.message : String(error instanceof Error ? error.stack : error)
    violation = { seed, profile: conditions.profile, step: bench.steps, invariant, message, atMs: bench.now }
    bench.tell({ who: 'world', kind: 'violation', what: `${invariant}:`, detail: message })
  }
  return {
    seed,
    profile: conditions.profile,
    voters: conditions.voters,
    observers: conditions.observers,
    faultsForMs: conditions.faultsForMs,
    events: bench.steps,
    hash: bench.trace.hash,
    faults: Object.fromEntries(bench.faults),
    deeds: bench.deeds,
    led: world.judge.reigns.led,
    ...(violation !== undefined && { violation }),
    trace: () => bench.trace.lines(),
    story: () => bench.story ?? [],
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
  runUntil(world, conditions.faultsForMs)
  heal(world)
  runUntil(world, bench.now + electionHealingMs(world))
  const left = pendingElection(world)
  must(left.length === 0, conditions.faults.has('hugeTerm') ? 'E10' : 'E9', () => left.join('; '))
}

/** Without any fault there is one election, and nobody ever needs another one. */
const runQuiet = (world: ElectionWorld, conditions: ElectionConditions): void => {
  runUntil(world, conditions.timing.electionMaxMs * 20)
  const left = pendingElection(world)
  must(left.length === 0, 'E9', () => left.join('; '))
  const { led } = world.judge.reigns
  const before = led.length
  runUntil(world, world.bench.now + conditions.faultsForMs)
  must(led.length === before, 'Quiet', () => `without any fault the leader changed: ${led.join(', ')}`)
}

const runUntil = ({ bench: { agenda } }: ElectionWorld, at: number): void => {
  agenda.after(at - agenda.now, () => {})
  while (agenda.nextAt <= at) agenda.runNext()
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
