import type { Millis } from '../../core/time.ts'
import { DeedPlayer } from '../cluster/deed-player.ts'
import { Judge } from '../cluster/judge.ts'
import { callRoll } from '../cluster/roll-call.ts'
import { shrinkSchedule } from '../cluster/shrink.ts'
import { telling, violationText } from '../cluster/story.ts'
import { type ClusterViolation, msText } from '../cluster/violation.ts'
import { diagram } from '../diagram.ts'
import type { PeersConditions, PeersProfile } from './conditions.ts'
import { doAny } from './deeds.ts'
import { drawPeers } from './draw.ts'
import { type AnyFault, type AnyFaultName, anyFaultText } from './fault.ts'
import { drawPeersSchedule, faultsForMs } from './schedule.ts'
import { PeersWorld } from './world.ts'

export interface SimulatePeersOptions {
  readonly seed: number
  /** Default: drawn from the seed. */
  readonly profile?: PeersProfile | undefined
  /** Default: drawn from the seed. */
  readonly schedule?: readonly AnyFault[]
  /** Keeps the whole trace, not its end alone. */
  readonly keepTrace?: boolean
}

export interface PeersSimulation {
  readonly seed: number
  readonly profile: PeersProfile
  readonly violations: readonly ClusterViolation[]
  readonly schedule: readonly AnyFault[]
  readonly faults: Readonly<Record<string, number>>
  /** What the seed switched on. */
  readonly drawn: readonly AnyFaultName[]
  readonly events: number
  /** Of everything that happened, in order. */
  readonly hash: string
  /** Each leadership once, in order. */
  readonly led: readonly string[]
  trace(): readonly string[]
  diagram(events: number): string
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
  await run(world, player, schedule, own.next() < 0.3)
  return {
    seed,
    profile: conditions.profile,
    violations: bench.findings.list,
    schedule,
    faults: Object.fromEntries(player.counts),
    drawn: conditions.faults,
    events: bench.timeline.entries,
    hash: bench.chronicle.hash,
    led: world.leaders.led,
    trace: () => bench.chronicle.lines(),
    diagram: (events) => diagram(telling(bench.chronicle.events()), { events }),
  }
}

const run = async (
  world: PeersWorld,
  player: DeedPlayer<AnyFaultName, AnyFault>,
  schedule: readonly AnyFault[],
  peersFirst: boolean,
): Promise<void> => {
  const { conditions } = world
  const judge = new Judge(world, {
    patient: conditions.profile === 'quiet',
    failovers: conditions.profile === 'failover',
    keeps: conditions.profile === 'quiet' || conditions.profile === 'failover',
  })
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
    await callRoll(world)
  } finally {
    await world.close(peersFirst)
  }
}

const lastingMs = (conditions: PeersConditions, schedule: readonly AnyFault[]): Millis =>
  Math.max(faultsForMs(conditions), ...schedule.map(({ atMs, forMs = 0 }) => atMs + forMs))

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
export const explainPeers = async (found: PeersSimulation, runs = 60): Promise<string> => {
  const { seed, profile } = found
  const [first] = found.violations
  if (first === undefined) return 'It did not happen again.'
  const again = (schedule: readonly AnyFault[]) => simulatePeers({ seed, profile, schedule, keepTrace: true })
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
    `simulatePeers({ seed: ${seed}, profile: '${profile}', schedule: ${JSON.stringify(shortest.schedule)} })`,
  ].join('\n')
}
