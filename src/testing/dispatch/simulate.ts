import { seededRandom } from '../../core/random.ts'
import { exponential } from '../simulation/conditions.ts'
import { type JudgedRun, judgedRun, type RunOptions, type RunViolation } from '../simulation/judged-run.ts'
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

export type SimulateDispatchOptions = RunOptions<DispatchProfile, DispatchLimits>

export type DispatchViolation = RunViolation<DispatchProfile, InvariantName>

export interface DispatchSimulation extends JudgedRun<DispatchProfile, InvariantName, DispatchFault> {
  /** Processes beside the server, at first. */
  readonly clients: number
}

/**
 * Runs one server with the hub of all topics, and processes that ask, produce and listen, all drawn from one seed, and checks P1 to P6 and what
 * belongs to them as it goes. First under faults, then healed: everything must end, and nothing may be left.
 */
export const simulateDispatch = (options: SimulateDispatchOptions): DispatchSimulation => {
  const { seed, profile, limits = {}, trace = false, story = false } = options
  const conditions = limitedDispatch(drawDispatch(seed, profile), limits)
  const bench = new DispatchBench(conditions, seededRandom(seed), trace, story)
  const judged = judgedRun(bench, { conditions, broken: Violation }, () => run(new DispatchWorld(bench), conditions))
  return { ...judged, clients: conditions.clients }
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
  bench.agenda.runUntil(faultsForMs)
  world.heal()
  // What is under way on a slow link comes late; then the longest limit by the slowest clock, and what is said at its end.
  const quietMs = 10 * reconnectMs + 200 * (delayMs + workMs) + (Math.max(...withinMs) + delayMs) * (1 + 2 * drift)
  bench.agenda.runUntil(bench.now + quietMs)
  world.judgeQuiet()
  world.everybodyGoes()
  bench.agenda.runUntil(bench.now + 20 * delayMs)
  world.judgeEmpty()
}
