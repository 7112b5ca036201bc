import type { Timing } from '../../config/timing.ts'
import type { Holding, ShareKind } from '../../core/group/messages.ts'
import type { Random } from '../../core/random.ts'
import type { Millis } from '../../core/time.ts'
import { PROTOCOLS, type Protocol } from '../../wire/versions.ts'
import { MachineClock } from '../simulation/machine-clock.ts'
import type { BeliefBook } from './beliefs.ts'
import type { Chronicle } from './chronicle.ts'
import type { EpochBook } from './epochs.ts'
import { EventLoop } from './event-loop.ts'
import type { MembersNetwork } from './network.ts'
import type { Resource } from './resource.ts'
import type { Timeline } from './timeline.ts'
import type { TopicBook } from './topic-book.ts'
import type { Findings } from './violation.ts'
import type { WatchedMembership } from './watched-backend.ts'
import type { WorkBook } from './work-book.ts'

/** What is true of a whole cluster, decided before it starts. */
export interface ClusterConditions {
  readonly seed: number
  readonly group: string
  readonly share: ShareKind
  readonly timing: Timing
  /** How long a packet takes one way, about. */
  readonly delayMs: Millis
  /** ε: every clock runs at a rate within 1 ± this. */
  readonly drift: number
  /** By how much timers come late, at most. */
  readonly lateMs: Millis
  /** Whether the coordinator's store outlives its processes. */
  readonly durable: boolean
  /** Whether the operator has fixed what the group shares; otherwise its members say it. */
  readonly configured: boolean
  /** How often what was under way on a connection that was cut off still arrives. */
  readonly afterlife: number
  /** How much is under way on one connection before its sender has to keep the rest. */
  readonly windowBytes: number
  /** How much the server keeps for a link that is not read. */
  readonly linkBufferBytes: number
  /** What members weigh, by id; a member that is not named weighs 1. */
  readonly weights: Readonly<Record<string, number>>
  /** Ids whose place is kept when they stop. */
  readonly statics: readonly string[]
  /** Who begins with another version of the links' protocol than the newest. */
  readonly protocols: Readonly<Record<string, Protocol>>
}

/** What everything in one cluster shares: time, chance, the network, and the books by which it is judged. */
export interface Bench<Net extends MembersNetwork = MembersNetwork> {
  readonly conditions: ClusterConditions
  readonly timeline: Timeline
  readonly chronicle: Chronicle
  readonly findings: Findings
  readonly random: Random
  readonly network: Net
  readonly beliefs: BeliefBook
  readonly epochs: EpochBook
  readonly work: WorkBook
  readonly resource: Resource
  readonly topics: TopicBook
  /** Told of what a membership lost that it did not let go. */
  onLost: (who: string, watched: WatchedMembership, items: readonly Holding[], because: string) => void
  /** Processes in which something has run since the books were brought up to date. */
  readonly stirred: Set<EventLoop>
}

/** A wall clock's beginning: any instant will do, as long as runs can be repeated. */
const WALL_AT_ZERO_MS = Date.UTC(2030, 0, 1)

/** The version of the links' protocol that this process begins with. */
export const protocolOf = ({ protocols }: ClusterConditions, who: string): Protocol => protocols[who] ?? PROTOCOLS[0]

/** A computer whose clocks run at a rate of their own, and show a time of their own. */
export const newMachine = (random: Random, drift: number): MachineClock => {
  const rate = 1 + drift * (2 * random.next() - 1)
  return new MachineClock(rate, 1_000_000 * random.next(), WALL_AT_ZERO_MS + 600_000 * (random.next() - 0.5))
}

export const newLoop = (bench: Bench, who: string, machine: MachineClock, random: Random): EventLoop => {
  const { timeline, conditions, findings, stirred } = bench
  return new EventLoop({
    timeline,
    machine,
    lateMs: () => (conditions.lateMs === 0 ? 0 : conditions.lateMs * random.next() ** 4),
    onRan: (loop) => stirred.add(loop),
    onUncaught: (error) =>
      findings.add('U2', who, `${who} would have ended of what nobody caught: ${faultText(error)}`),
  })
}

export const faultText = (error: unknown): string => {
  if (!(error instanceof Error)) return String(error)
  const [, frame] = (error.stack ?? '').split('\n').map((line) => line.trim())
  return `${error.name}: ${error.message}${frame === undefined ? '' : ` (${frame})`}`
}
