import { checkOptions } from '../../client/options.ts'
import type { Millis } from '../../core/time.ts'
import { isCaucusError } from '../../errors.ts'
import { type DiagramEvent, type DiagramOptions, diagram } from '../diagram.ts'
import { checkMs, LONGEST_MS, oneOf, refuse, wholeWithin } from './arguments.ts'
import { MemoryCluster } from './cluster.ts'
import { FaultPlayer } from './deeds.ts'
import { CLUSTER_PROFILES, type ClusterProfile, drawCluster } from './draw.ts'
import type { Fault, FaultName } from './fault.ts'
import { type CheckedFaults, checkFaults, type GivenFaults, withoutStrangers } from './given-faults.ts'
import { expectedOf, Judge } from './judge.ts'
import { residents } from './residents.ts'
import { callRoll } from './roll-call.ts'
import { drawFaultNames, drawSchedule } from './schedule.ts'
import { CLUSTER_OPTIONS, type ClusterOptions, memberIdsOf } from './setup.ts'
import { shrinkSchedule } from './shrink.ts'
import { scheduleText, telling, violationText } from './story.ts'
import { drawTopics } from './topic-plans.ts'
import type { ClusterViolation } from './violation.ts'

/** Of one simulation: the seed, what goes wrong and for how long, and the cluster it goes wrong in. */
export interface SimulateOptions extends ClusterOptions {
  readonly seed: number
  /** What goes wrong: what the seed draws of everything (`all`, the default) or of some faults, nothing (`none`), or exactly this schedule. */
  readonly faults?: GivenFaults
  /** How long things go wrong. Default: ten leases, and until the last of the schedule is over. */
  readonly forMs?: Millis
  /** What a run without handlers is about. Default: drawn from the seed. */
  readonly profile?: ClusterProfile
}

/** What a simulation found, and how to see it again. */
export interface SimulationResult {
  /** Nothing was found broken. */
  readonly ok: boolean
  readonly seed: number
  /** In order of time. */
  readonly violations: readonly ClusterViolation[]
  /** What was done, as data: `simulate({ seed, faults: result.schedule })` does the same again. */
  readonly schedule: readonly Fault[]
  /** What was done, in sentences. */
  readonly story: readonly string[]
  /** How often each fault happened. */
  readonly faults: Readonly<Partial<Record<FaultName, number>>>
  /** How much has happened. */
  readonly events: number
  readonly simulatedMs: Millis
  /** Of everything that happened, in order: two runs of one seed have the same. */
  readonly hash: string
  /** Gives everything that happened, a line each. */
  trace(): readonly string[]
  /** Draws what happened last, as text. */
  diagram(options?: DiagramOptions): string
  /** The shortest schedule found in at most `runs` runs (default 100) that breaks the same; `undefined` when nothing was broken. */
  shrink(options?: { readonly runs?: number }): Promise<SimulationResult | undefined>
  /** What broke, the shortest schedule that breaks it, and a diagram of that: for a person. */
  explain(options?: { readonly runs?: number }): Promise<string>
}

/**
 * Runs a cluster of real parts through faults that are drawn from one seed, and judges it. First things go wrong, then everything is healed
 * and must be whole again within a bound; at the end everything is closed, and nothing may be left.
 *
 * Without `handlers` a program of its own is run, and what is not given is drawn from the seed, too.
 */
export const simulate = async (options: SimulateOptions): Promise<SimulationResult> => {
  checkSimulation(options)
  const { seed } = options
  const own = options.handlers === undefined ? drawCluster(seed, options.profile) : undefined
  const { faults = own?.faults ?? 'all', forMs, profile: _profile, ...given } = options
  const clusterOptions: ClusterOptions = { keepTrace: own === undefined, ...own?.options, ...given }
  const checked = checkFaults(faults, memberIdsOf(clusterOptions))
  const calm = own !== undefined && own.profile !== 'swarm' && own.profile !== 'beyond'
  const cluster = new MemoryCluster(clusterOptions, (bench) => {
    bench.topics.isQuiet = own?.profile === 'quiet'
    return residents(bench, calm, drawTopics(bench))
  })
  const run = new Run(cluster, checked, forMs)
  await run.play()
  return run.result(options)
}

class Run {
  readonly #cluster: MemoryCluster
  readonly #player: FaultPlayer
  readonly #schedule: readonly Fault[]
  /** Who is there from the start. */
  readonly #ids: readonly string[]
  readonly #forMs: Millis
  readonly #judge: Judge
  /** Drawn, so that leaving is tried without a coordinator, too. */
  readonly #coordinatorFirst: boolean
  #beganMs: Millis = 0

  constructor(cluster: MemoryCluster, faults: CheckedFaults, forMs: Millis | undefined) {
    const { conditions, random } = cluster.bench
    this.#cluster = cluster
    this.#player = new FaultPlayer(cluster)
    const lasts = forMs ?? 10 * conditions.timing.leaseMs
    const own = random.fork('faults')
    this.#coordinatorFirst = own.next() < 0.3
    const ids = cluster.members.map(({ id }) => id)
    this.#ids = ids
    const draw = (names: readonly FaultName[]) => drawSchedule(own, names, ids, conditions, lasts)
    if (faults === 'all') this.#schedule = draw(drawFaultNames(own))
    else this.#schedule = 'schedule' in faults ? faults.schedule : draw(faults.names)
    const end = Math.max(0, ...this.#schedule.map(({ atMs, forMs: ms = 0 }) => atMs + ms))
    this.#forMs = forMs ?? Math.min(LONGEST_MS, Math.max(lasts, end))
    this.#judge = new Judge(cluster, expectedOf(this.#schedule))
  }

  async play(): Promise<void> {
    const cluster = this.#cluster
    try {
      await this.#whole('from the start')
      this.#beganMs = cluster.nowMs
      this.#judge.begin()
      this.#player.arrange(this.#schedule)
      await cluster.play(this.#forMs)
      this.#player.heal()
      await this.#whole('once everything worked again')
      // What is whole stays whole.
      await cluster.play(2 * cluster.bench.conditions.timing.heartbeatMs)
      this.#judge.end()
      await callRoll(cluster)
    } finally {
      await cluster.close({ coordinatorFirst: this.#coordinatorFirst })
    }
  }

  async #whole(when: string): Promise<void> {
    try {
      await this.#cluster.settled()
    } catch (error) {
      if (!isCaucusError(error) || error.code !== 'CAUCUS_NOT_SETTLED') throw error
      this.#cluster.bench.findings.add('G6', undefined, `${error.message} (${when})`)
    }
  }

  result(options: SimulateOptions): SimulationResult {
    const cluster = this.#cluster
    const violations = cluster.check()
    const schedule = this.#schedule
    const beganMs = this.#beganMs
    const shrink = async ({ runs = 100 } = {}) => {
      wholeWithin('runs', runs, 1, 100_000)
      const [first] = violations
      if (first === undefined) return undefined
      const ids = this.#ids
      const again = (faults: readonly Fault[]) =>
        simulate({ ...options, faults: withoutStrangers(faults, ids), forMs: this.#forMs, keepTrace: true })
      const fails = async (faults: readonly Fault[]) =>
        (await again(faults)).violations.some(({ invariant }) => invariant === first.invariant)
      return again(await shrinkSchedule(schedule, fails, runs))
    }
    const result: SimulationResult = {
      ok: violations.length === 0,
      seed: options.seed,
      violations,
      schedule,
      story: scheduleText(schedule, beganMs),
      faults: Object.fromEntries(this.#player.counts),
      events: cluster.events,
      simulatedMs: cluster.nowMs,
      hash: cluster.hash,
      trace: () => cluster.trace(),
      diagram: (drawn) => diagram(untilViolation(telling(cluster.bench.chronicle.events()), violations[0]), drawn),
      shrink,
      explain: async (bounds) => {
        const shortest = await shrink(bounds)
        return shortest === undefined ? `seed ${options.seed}: nothing was found broken` : explained(shortest)
      },
    }
    return result
  }
}

/** A while after the first break, whatever happens has little to do with it. */
const AFTERMATH_MS: Millis = 200

/** Up to the first break, which stands where it began, and not where it was noticed. */
const untilViolation = (events: readonly DiagramEvent[], first: ClusterViolation | undefined) => {
  if (first === undefined) return events
  const violation = events.find(({ kind }) => kind === 'violation')
  const before = events.filter(({ at, kind }) => kind !== 'violation' && at <= first.atMs + AFTERMATH_MS)
  return violation === undefined ? before : [...before, { ...violation, at: first.atMs }]
}

const explained = (shortest: SimulationResult): string => {
  const [first] = shortest.violations
  if (first === undefined)
    return `seed ${shortest.seed}: the second run broke nothing, so something outside of the simulation decides`
  const done = shortest.story.length === 0 ? ['nothing had to go wrong for it'] : shortest.story
  return [
    `seed ${shortest.seed}: ${violationText(first)}`,
    '',
    'What went wrong around it:',
    ...done,
    '',
    shortest.diagram({ events: 60 }),
    '',
    `simulate({ …, seed: ${shortest.seed}, faults: ${JSON.stringify(shortest.schedule)} })`,
  ].join('\n')
}

const OPTIONS = ['faults', 'forMs', 'profile', ...CLUSTER_OPTIONS]

/** What is about the run; a cluster's own options are checked where it is made. */
const checkSimulation = (options: SimulateOptions): void => {
  if (options === undefined) refuse('simulate() takes an object of options, and in it a seed: simulate({ seed: 1 })')
  checkOptions(options, OPTIONS, 'simulate()')
  const { seed, forMs, profile, handlers } = options
  wholeWithin('seed', seed, 0, Number.MAX_SAFE_INTEGER)
  if (forMs !== undefined) checkMs('forMs', forMs)
  if (profile === undefined) return
  oneOf('profile', profile, CLUSTER_PROFILES)
  if (handlers !== undefined) refuse('profile is about runs without handlers; leave out one of the two')
}
