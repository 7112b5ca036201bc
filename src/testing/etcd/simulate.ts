import { DeedPlayer } from '../cluster/deed-player.ts'
import { type Expected, Judge } from '../cluster/judge.ts'
import {
  explainScheduled,
  goThrough,
  outcomeOf,
  type ScheduledOptions,
  type ScheduledRun,
} from '../cluster/scheduled-run.ts'
import { msText } from '../cluster/violation.ts'
import type { EtcdConditions, EtcdProfile } from './conditions.ts'
import { doAny } from './deeds.ts'
import { drawEtcd } from './draw.ts'
import { type AnyFault, anyFaultText, type EtcdFaultName } from './fault.ts'
import type { Reign } from './oracle.ts'
import { drawEtcdSchedule, faultsForMs } from './schedule.ts'
import { EtcdWorld } from './world.ts'

export type SimulateEtcdOptions = ScheduledOptions<EtcdProfile, AnyFault>

export interface EtcdSimulation extends ScheduledRun<EtcdProfile, AnyFault, EtcdFaultName> {
  /** Each generation once, with who began it. */
  readonly reigns: readonly Reign[]
}

/**
 * Runs processes on a simulated etcd, each with the real backend, through what one seed draws, and judges them. First things go wrong, then
 * everything is healed and must be whole again within a bound; at the end everything is closed, and nothing may be left.
 */
export const simulateEtcd = async (options: SimulateEtcdOptions): Promise<EtcdSimulation> => {
  const { seed, profile, keepTrace = false } = options
  const conditions = drawEtcd(seed, profile)
  const world = new EtcdWorld(conditions, keepTrace)
  const { bench } = world
  const members = world.members.map(({ id }) => id)
  const schedule = options.schedule ?? drawEtcdSchedule(bench.random.fork('faults'), conditions, members)
  const player = new DeedPlayer<EtcdFaultName, AnyFault>({
    bench,
    do: (fault, later) => doAny(world, fault, later),
    textOf: anyFaultText,
  })
  const judge = new Judge(world, expectedIn(conditions))
  const lastsMs = faultsForMs(conditions)
  try {
    await goThrough(world, player, { judge, schedule, lastsMs, whole: (when) => whole(world, when) })
  } finally {
    await world.close()
  }
  const outcome = outcomeOf(bench, player.counts)
  return {
    ...outcome,
    seed,
    schedule,
    profile: conditions.profile,
    drawn: conditions.faults,
    reigns: world.oracle.reigns,
  }
}

/** Nothing goes wrong with any member, so nobody is expired and nobody loses anything. */
const expectedIn = ({ profile }: EtcdConditions): Expected => {
  const patient = profile === 'quiet' || profile === 'failover' || profile === 'watches'
  return { patient, failovers: profile === 'failover', keeps: patient }
}

const whole = async (world: EtcdWorld, when: string): Promise<void> => {
  const left = await world.untilWhole()
  if (left.length > 0)
    world.bench.findings.add('G6', undefined, `not whole after ${msText(world.healingMs)}, ${when}: ${left.join('; ')}`)
}

/** The shortest schedule that breaks the same, its story and a diagram of its end. */
export const explainEtcd = (found: EtcdSimulation, runs?: number): Promise<string> =>
  explainScheduled(found, { name: 'simulateEtcd', simulate: simulateEtcd, textOf: anyFaultText }, runs)
