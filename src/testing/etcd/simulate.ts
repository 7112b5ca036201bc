import type { Millis } from '../../core/time.ts'
import { DeedPlayer } from '../cluster/deed-player.ts'
import { type Expected, Judge } from '../cluster/judge.ts'
import { shrinkSchedule } from '../cluster/shrink.ts'
import { telling, violationText } from '../cluster/story.ts'
import { type ClusterViolation, msText } from '../cluster/violation.ts'
import { diagram } from '../diagram.ts'
import type { EtcdConditions, EtcdProfile } from './conditions.ts'
import { doAny } from './deeds.ts'
import { drawEtcd } from './draw.ts'
import { type AnyFault, anyFaultText, type EtcdFaultName } from './fault.ts'
import type { Reign } from './oracle.ts'
import { drawEtcdSchedule, faultsForMs } from './schedule.ts'
import { EtcdWorld } from './world.ts'

export interface SimulateEtcdOptions {
  readonly seed: number
  /** Default: drawn from the seed. */
  readonly profile?: EtcdProfile | undefined
  /** Default: drawn from the seed. */
  readonly schedule?: readonly AnyFault[]
  /** Keeps the whole trace, not its end alone. */
  readonly keepTrace?: boolean
}

export interface EtcdSimulation {
  readonly seed: number
  readonly profile: EtcdProfile
  readonly violations: readonly ClusterViolation[]
  readonly schedule: readonly AnyFault[]
  readonly faults: Readonly<Record<string, number>>
  /** What the seed switched on. */
  readonly drawn: readonly EtcdFaultName[]
  readonly events: number
  /** Of everything that happened, in order. */
  readonly hash: string
  /** Each generation once, with who began it. */
  readonly reigns: readonly Reign[]
  trace(): readonly string[]
  diagram(events: number): string
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
  await run(world, player, schedule)
  return {
    seed,
    profile: conditions.profile,
    violations: bench.findings.list,
    schedule,
    faults: Object.fromEntries(player.counts),
    drawn: conditions.faults,
    events: bench.timeline.entries,
    hash: bench.chronicle.hash,
    reigns: world.oracle.reigns,
    trace: () => bench.chronicle.lines(),
    diagram: (events) => diagram(telling(bench.chronicle.events()), { events }),
  }
}

const run = async (
  world: EtcdWorld,
  player: DeedPlayer<EtcdFaultName, AnyFault>,
  schedule: readonly AnyFault[],
): Promise<void> => {
  const { conditions } = world
  const judge = new Judge(world, expectedIn(conditions))
  try {
    await whole(world, 'from the start')
    judge.begin()
    player.arrange(schedule)
    await world.play(lastingMs(conditions, schedule))
    world.heal()
    player.heal()
    await whole(world, 'once everything worked again')
    // What is whole stays whole.
    await world.play(2 * world.settings.heartbeatMs)
    judge.end()
  } finally {
    await world.close()
  }
}

/** Nothing goes wrong with any member, so nobody is expired and nobody loses anything. */
const expectedIn = ({ profile }: EtcdConditions): Expected => {
  const patient = profile === 'quiet' || profile === 'failover' || profile === 'watches'
  return { patient, failovers: profile === 'failover', keeps: patient }
}

const lastingMs = (conditions: EtcdConditions, schedule: readonly AnyFault[]): Millis =>
  Math.max(faultsForMs(conditions), ...schedule.map(({ atMs, forMs = 0 }) => atMs + forMs))

const whole = async (world: EtcdWorld, when: string): Promise<void> => {
  const left = await world.untilWhole()
  if (left.length > 0)
    world.bench.findings.add('G6', undefined, `not whole after ${msText(world.healingMs)}, ${when}: ${left.join('; ')}`)
}

/** The shortest schedule that breaks the same, its story and a diagram of its end. */
export const explainEtcd = async (found: EtcdSimulation, runs = 60): Promise<string> => {
  const { seed, profile } = found
  const [first] = found.violations
  if (first === undefined) return 'It did not happen again.'
  const again = (schedule: readonly AnyFault[]) => simulateEtcd({ seed, profile, schedule, keepTrace: true })
  const fails = async (schedule: readonly AnyFault[]) =>
    (await again(schedule)).violations.some(({ invariant }) => invariant === first.invariant)
  const shortest = await again(await shrinkSchedule(found.schedule, fails, runs))
  const [broken = first] = shortest.violations
  const story = shortest.schedule.map((fault) => `${msText(fault.atMs).padStart(12)}  ${anyFaultText(fault)}`)
  return [
    `seed ${seed}, profile ${profile}: ${violationText(broken)}`,
    '',
    'What went wrong around it, counted from when the faults began:',
    ...(story.length === 0 ? ['nothing had to go wrong for it'] : story),
    '',
    shortest.diagram(80),
    '',
    `simulateEtcd({ seed: ${seed}, profile: '${profile}', schedule: ${JSON.stringify(shortest.schedule)} })`,
  ].join('\n')
}
