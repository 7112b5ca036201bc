import type { Millis } from '../../core/time.ts'
import { diagram } from '../diagram.ts'
import type { Bench } from './bench.ts'
import type { DeedPlayer, Scheduled } from './deed-player.ts'
import type { Fault } from './fault.ts'
import type { Judge } from './judge.ts'
import { shrinkSchedule } from './shrink.ts'
import { telling, violationText } from './story.ts'
import { type ClusterViolation, msText } from './violation.ts'

/** What may be said of a run of whole processes: the rest is drawn from the seed. */
export interface ScheduledOptions<Profile, Done> {
  readonly seed: number
  readonly profile?: Profile | undefined
  readonly schedule?: readonly Done[]
  /** Keeps the whole trace, not its end alone. */
  readonly keepTrace?: boolean
}

export interface ScheduledRun<Profile, Done, Name> {
  readonly seed: number
  readonly profile: Profile
  readonly violations: readonly ClusterViolation[]
  readonly schedule: readonly Done[]
  readonly faults: Readonly<Record<string, number>>
  /** What the seed switched on. */
  readonly drawn: readonly Name[]
  readonly events: number
  /** Of everything that happened, in order. */
  readonly hash: string
  trace(): readonly string[]
  diagram(events: number): string
}

interface World {
  readonly bench: Bench
  readonly settings: { readonly heartbeatMs: Millis }
  play(forMs: Millis): Promise<void>
  heal(): void
}

interface Course<Done> {
  readonly judge: Judge
  readonly schedule: readonly Done[]
  readonly lastsMs: Millis
  /** Waits until everything is whole, and finds what is not. */
  whole(when: string): Promise<void>
}

/** First things go wrong, then everything is healed and must be whole again, and what is whole stays whole. */
export const goThrough = async <Name extends string, Done extends Scheduled<Name> & Pick<Fault, 'forMs'>>(
  world: World,
  player: DeedPlayer<Name, Done>,
  { judge, schedule, lastsMs, whole }: Course<Done>,
): Promise<void> => {
  await whole('from the start')
  judge.begin()
  player.arrange(schedule)
  await world.play(Math.max(lastsMs, ...schedule.map(({ atMs, forMs = 0 }) => atMs + forMs)))
  world.heal()
  player.heal()
  await whole('once everything worked again')
  await world.play(2 * world.settings.heartbeatMs)
  judge.end()
}

/** What is known of a run by everything that watched it. */
export const outcomeOf = (bench: Bench, counts: ReadonlyMap<string, number>) => ({
  violations: bench.findings.list,
  faults: Object.fromEntries(counts),
  events: bench.timeline.entries,
  hash: bench.chronicle.hash,
  trace: () => bench.chronicle.lines(),
  diagram: (events: number) => diagram(telling(bench.chronicle.events()), { events }),
})

/** The shortest schedule that breaks the same, its story and a diagram of its end. `name` is that of what simulates. */
export const explainScheduled = async <
  Profile extends string,
  Done extends Pick<Fault, 'atMs' | 'forMs'>,
  Run extends ScheduledRun<Profile, Done, unknown>,
>(
  found: Run,
  {
    name,
    simulate,
    textOf,
  }: {
    readonly name: string
    simulate(options: ScheduledOptions<Profile, Done>): Promise<Run>
    textOf(fault: Done): string
  },
  runs = 60,
): Promise<string> => {
  const { seed, profile } = found
  const [first] = found.violations
  if (first === undefined) return 'It did not happen again.'
  const again = (schedule: readonly Done[]) => simulate({ seed, profile, schedule, keepTrace: true })
  const fails = async (schedule: readonly Done[]) =>
    (await again(schedule)).violations.some(({ invariant }) => invariant === first.invariant)
  const shortest = await again(await shrinkSchedule(found.schedule, fails, runs))
  const [broken = first] = shortest.violations
  const story = shortest.schedule.map((fault) => `${msText(fault.atMs).padStart(12)}  ${textOf(fault)}`)
  return [
    `seed ${seed}, profile ${profile}: ${violationText(broken)}`,
    '',
    'What went wrong around it, counted from when the faults began:',
    ...(story.length === 0 ? ['nothing had to go wrong for it'] : story),
    '',
    shortest.diagram(80),
    '',
    `${name}({ seed: ${seed}, profile: '${profile}', schedule: ${JSON.stringify(shortest.schedule)} })`,
  ].join('\n')
}
