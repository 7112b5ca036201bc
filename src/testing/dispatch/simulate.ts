import { seededRandom } from '../../core/random.ts'
import type { DiagramEvent } from '../diagram.ts'
import { exponential } from '../simulation/conditions.ts'
import { type InvariantName, Violation } from '../simulation/violation.ts'
import { DispatchBench } from './bench.ts'
import {
  type DispatchConditions,
  type DispatchFault,
  type DispatchLimits,
  type DispatchProfile,
  limitedDispatch,
} from './conditions.ts'
import { arrangeDeeds } from './deeds.ts'
import { drawDispatch } from './draw.ts'
import { DispatchWorld } from './world.ts'

export interface SimulateDispatchOptions {
  readonly seed: number
  /** Default: drawn from the seed. */
  readonly profile?: DispatchProfile | undefined
  /** Leaves out what is not named here, and the rest as it is. */
  readonly limits?: DispatchLimits | undefined
  /** Keeps the whole trace, not only its end. */
  readonly trace?: boolean
  /** Keeps what a diagram is drawn from. */
  readonly story?: boolean
}

export interface DispatchViolation {
  readonly seed: number
  readonly profile: DispatchProfile
  readonly step: number
  readonly invariant: InvariantName
  readonly message: string
  /** Real time in the made-up world. */
  readonly atMs: number
}

export interface DispatchSimulation {
  readonly seed: number
  readonly profile: DispatchProfile
  /** Processes beside the server, at first. */
  readonly clients: number
  readonly faultsForMs: number
  /** Steps of all processes. */
  readonly events: number
  /** Of everything that happened, in order: two runs of one seed have the same. */
  readonly hash: string
  readonly faults: Readonly<Partial<Record<DispatchFault, number>>>
  readonly deeds: readonly string[]
  readonly violation?: DispatchViolation
  trace(): readonly string[]
  story(): readonly DiagramEvent[]
}

/**
 * Runs one server with the hub of all topics, and processes that ask, produce and listen, all drawn from one seed, and checks P1 to P6 and what
 * belongs to them as it goes. First under faults, then healed: everything must end, and nothing may be left.
 */
export const simulateDispatch = (options: SimulateDispatchOptions): DispatchSimulation => {
  const { seed, profile, limits = {}, trace = false, story = false } = options
  const conditions = limitedDispatch(drawDispatch(seed, profile), limits)
  const bench = new DispatchBench(conditions, seededRandom(seed), trace, story)
  let violation: DispatchViolation | undefined
  try {
    run(new DispatchWorld(bench), conditions)
  } catch (error) {
    // A broken invariant of the core's own is a finding like any other; only its name is less telling.
    const invariant = error instanceof Violation ? error.invariant : 'core'
    const message = error instanceof Violation ? error.message : String(error instanceof Error ? error.stack : error)
    violation = { seed, profile: conditions.profile, step: bench.steps, invariant, message, atMs: bench.now }
    bench.tell({ who: 'world', kind: 'violation', what: `${invariant}:`, detail: message })
  }
  return {
    seed,
    profile: conditions.profile,
    clients: conditions.clients,
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

const run = (world: DispatchWorld, conditions: DispatchConditions): void => {
  const { bench } = world
  const { delayMs, workMs, reconnectMs, withinMs, clients, faultsForMs, drift, limits, faults } = conditions
  // Small limits are no event, but something to be met.
  if (faults.has('limits') && limits.asks > 0) bench.count('limits')
  const arrivals = bench.random.fork('arrivals')
  world.start()
  for (let n = 0; n < clients; n++) {
    bench.agenda.after(exponential(arrivals.fork(`c${n}`), reconnectMs), () => world.join(`c${n}`))
  }
  arrangeDeeds(world)
  runUntil(world, faultsForMs)
  world.heal()
  // What is under way on a slow link comes late; then the longest limit by the slowest clock, and what is said at its end.
  const quietMs = 10 * reconnectMs + 200 * (delayMs + workMs) + (Math.max(...withinMs) + delayMs) * (1 + 2 * drift)
  runUntil(world, bench.now + quietMs)
  world.judgeQuiet()
  world.everybodyGoes()
  runUntil(world, bench.now + 20 * delayMs)
  world.judgeEmpty()
}

const runUntil = ({ bench: { agenda } }: DispatchWorld, at: number): void => {
  agenda.after(at - agenda.now, () => {})
  while (agenda.nextAt <= at) agenda.runNext()
}
