import { DeedPlayer } from '../cluster/deed-player.ts'
import { Judge } from '../cluster/judge.ts'
import { callRoll } from '../cluster/roll-call.ts'
import {
  explainScheduled,
  goThrough,
  outcomeOf,
  type ScheduledOptions,
  type ScheduledRun,
} from '../cluster/scheduled-run.ts'
import { msText } from '../cluster/violation.ts'
import type { PeersProfile } from './conditions.ts'
import { doAny } from './deeds.ts'
import { drawPeers } from './draw.ts'
import { type AnyFault, type AnyFaultName, anyFaultText } from './fault.ts'
import { drawPeersSchedule, faultsForMs } from './schedule.ts'
import { PeersWorld } from './world.ts'

export type SimulatePeersOptions = ScheduledOptions<PeersProfile, AnyFault>

export interface PeersSimulation extends ScheduledRun<PeersProfile, AnyFault, AnyFaultName> {
  /** Each leadership once, in order. */
  readonly led: readonly string[]
}

/**
 * Runs peers and their members, real parts in a made-up world, through what one seed draws, and judges them. First things go wrong, then
 * everything is healed and must be whole again within a bound; at the end everything is closed, and nothing may be left.
 */
export const simulatePeers = async (options: SimulatePeersOptions): Promise<PeersSimulation> => {
  const { seed, profile, keepTrace = false } = options
  const conditions = drawPeers(seed, profile)
  const world = new PeersWorld(conditions, keepTrace)
  const { bench } = world
  const peers = world.peers.map(({ id }) => id)
  const members = world.members.map(({ id }) => id)
  const own = bench.random.fork('faults')
  const schedule = options.schedule ?? drawPeersSchedule(own, conditions, peers, members)
  const player = new DeedPlayer<AnyFaultName, AnyFault>({
    bench,
    do: (fault, later) => doAny(world, fault, later),
    textOf: anyFaultText,
  })
  const { profile: about } = conditions
  const keeps = about === 'quiet' || about === 'failover'
  const judge = new Judge(world, { patient: about === 'quiet', failovers: about === 'failover', keeps })
  // Drawn, so that leaving is tried without a coordinator, too.
  const peersFirst = own.next() < 0.3
  const lastsMs = faultsForMs(conditions)
  try {
    await goThrough(world, player, { judge, schedule, lastsMs, whole: (when) => whole(world, when) })
    await callRoll(world)
  } finally {
    await world.close(peersFirst)
  }
  const outcome = outcomeOf(bench, player.counts)
  return { ...outcome, seed, schedule, profile: about, drawn: conditions.faults, led: world.leaders.led }
}

const whole = async (world: PeersWorld, when: string): Promise<void> => {
  const left = await world.untilWhole()
  if (left.length === 0) return
  const invariant = left.some((what) => what.includes('lead') || what.includes('nobody serves')) ? 'E9' : 'G6'
  world.bench.findings.add(
    invariant,
    undefined,
    `not whole after ${msText(world.healingMs)}, ${when}: ${left.join('; ')}`,
  )
}

/** The shortest schedule that breaks the same, its story and a diagram of its end. */
export const explainPeers = (found: PeersSimulation, runs?: number): Promise<string> =>
  explainScheduled(found, { name: 'simulatePeers', simulate: simulatePeers, textOf: anyFaultText }, runs)
