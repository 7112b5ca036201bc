import { checkGroupName, checkMemberId, checkOptions, checkShare } from '../../client/options.ts'
import { checkTiming, requireSafe } from '../../config/safety.ts'
import { resolveTiming, type Timing, type TimingPreset } from '../../config/timing.ts'
import type { ShareKind } from '../../core/group/messages.ts'
import { seededRandom } from '../../core/random.ts'
import { DEFAULT_DRIFT, type Millis } from '../../core/time.ts'
import { CaucusError } from '../../errors.ts'
import { BeliefBook } from './beliefs.ts'
import type { Bench, ClusterConditions } from './bench.ts'
import { Chronicle } from './chronicle.ts'
import { EpochBook } from './epochs.ts'
import type { EventLoop } from './event-loop.ts'
import { COORDINATOR, Network } from './network.ts'
import type { Handlers } from './program.ts'
import { Resource } from './resource.ts'
import { Timeline } from './timeline.ts'
import { Findings } from './violation.ts'
import { WorkBook } from './work-book.ts'

export interface ClusterOptions {
  /** How many members, `m1` and so on, or their ids. Default 3. */
  readonly members?: number | readonly string[]
  /** Default `group`. */
  readonly group?: string
  /** Default `{ partitions: 16 }`. */
  readonly share?: ShareKind
  /** Default `lan`. */
  readonly timing?: TimingPreset | Partial<Timing>
  /** Everything that is left to chance is drawn from it: the same seed and the same calls give the same run. Default 1. */
  readonly seed?: number
  /** What each process does with its membership. Default: nothing. */
  readonly handlers?: Handlers
  /** How long a packet takes one way, about. Default: 1. */
  readonly delayMs?: Millis
  /** Every clock runs at a rate within 1 ± this. Default 0.01; more than that is outside of what is promised, and only `Effect` is judged. */
  readonly drift?: number
  /** By how much timers come late, at most. Default 0. */
  readonly lateMs?: Millis
  /** Whether the coordinator's store outlives its processes. Default `true`. */
  readonly durable?: boolean
  /** Whether the operator has fixed what the group shares; then members take what is there. Default: `false`, and they say it. */
  readonly configured?: boolean
  /** How much may wait on one connection: with its receiver, and then with the server. Default: 16 KiB and 64 KiB. */
  readonly buffers?: { readonly windowBytes: number; readonly linkBufferBytes: number }
  /** How often, from 0 to 1, what was under way on a connection that is cut off still arrives. Default 0.5. */
  readonly afterlife?: number
  /** Keeps every line of the trace, not only the last ones. Default `true`. */
  readonly keepTrace?: boolean
}

const BUFFERS = { windowBytes: 16 * 2 ** 10, linkBufferBytes: 64 * 2 ** 10 }
/** What is sent before anybody looks whether the rest was taken: some frames of one turn. */
const FRAMES_BYTES = 2 * 2 ** 10

const KNOWN = [
  ...['members', 'group', 'share', 'timing', 'seed', 'handlers', 'delayMs', 'drift', 'lateMs', 'durable', 'configured'],
  ...['buffers', 'afterlife', 'keepTrace'],
]
const MOST_MEMBERS = 100

const refuse = (message: string): never => {
  throw new CaucusError('CAUCUS_INVALID_ARGUMENT', message)
}

/** The ids of the members that a cluster begins with. Throws `CAUCUS_INVALID_ARGUMENT`. */
export const memberIdsOf = ({ members = 3 }: ClusterOptions): readonly string[] => {
  const ids = typeof members === 'number' ? Array.from({ length: members }, (_, n) => `m${n + 1}`) : members
  for (const id of ids) checkMemberId(id)
  if (new Set(ids).size < ids.length) refuse('members: two of them have the same id')
  return ids
}

const within = (name: string, value: number, least: number, most: number): number =>
  value >= least && value <= most ? value : refuse(`${name} is ${value}; give a number from ${least} to ${most}`)

/** What is true of a cluster with these options. Throws `CAUCUS_INVALID_ARGUMENT` or `CAUCUS_INVALID_CONFIG`. */
export const conditionsOf = (options: ClusterOptions): ClusterConditions => {
  checkOptions(options, KNOWN, 'memoryCluster()')
  const { members = 3 } = options
  if (typeof members === 'number' && !(Number.isInteger(members) && members >= 0 && members <= MOST_MEMBERS)) {
    refuse(`members is ${members}; give a whole number from 0 to ${MOST_MEMBERS}, or a list of ids`)
  }
  const { seed = 1, group = 'group', share = { partitions: 16 }, timing = 'lan' } = options
  const {
    delayMs = 1,
    drift = DEFAULT_DRIFT,
    lateMs = 0,
    durable = true,
    configured = false,
    buffers = BUFFERS,
    afterlife = 0.5,
  } = options
  checkGroupName(group)
  checkShare(share)
  const resolved = resolveTiming(timing)
  requireSafe(checkTiming(resolved))
  return {
    seed: within('seed', seed, 0, Number.MAX_SAFE_INTEGER),
    group,
    share,
    timing: resolved,
    delayMs: within('delayMs', delayMs, 0, resolved.leaseMs),
    drift: within('drift', drift, 0, 0.5),
    lateMs: within('lateMs', lateMs, 0, resolved.leaseMs),
    durable,
    configured,
    afterlife: within('afterlife', afterlife, 0, 1),
    ...buffers,
  }
}

/** Everything that the parts of a cluster share. `keptGeneration`: what the coordinator has made durable. */
export const newBench = (conditions: ClusterConditions, keepTrace: boolean, keptGeneration: () => number): Bench => {
  const random = seededRandom(conditions.seed)
  const timeline = new Timeline()
  const chronicle = new Chronicle(keepTrace)
  const findings = new Findings(
    () => timeline.nowMs,
    ({ invariant, member, message }) =>
      chronicle.note({
        at: timeline.nowMs,
        who: member ?? 'world',
        what: invariant,
        detail: message,
        kind: 'violation',
      }),
  )
  const { delayMs, afterlife, drift, durable, windowBytes } = conditions
  const network = new Network({
    timeline,
    chronicle,
    delayMs,
    afterlife,
    random: random.fork('network'),
    windowBytes,
    onSent: (travel, frame) => {
      if (travel === 'down' && durable) checkDurable(findings, frame, keptGeneration())
    },
  })
  const promised = drift <= DEFAULT_DRIFT
  const beliefs = new BeliefBook(timeline, findings, promised)
  const stirred = new Set<EventLoop>()
  timeline.onSettled = () => {
    for (const loop of stirred) {
      beliefs.look(loop)
      checkUnsent(findings, network, loop, conditions.linkBufferBytes + FRAMES_BYTES)
    }
    stirred.clear()
  }
  return {
    conditions,
    timeline,
    chronicle,
    findings,
    random,
    network,
    beliefs,
    stirred,
    epochs: new EpochBook(findings, promised),
    work: new WorkBook(timeline, findings, promised),
    resource: new Resource({ timeline, findings, random: random.fork('resource'), delayMs }),
  }
}

/** E8: nothing is said under a generation that a crash at this instant would take back. */
const checkDurable = (findings: Findings, frame: string, keptGeneration: number): void => {
  const said = /"generation":(\d+)/.exec(frame)?.[1]
  if (said === undefined || Number(said) <= keptGeneration) return
  findings.add(
    'E8',
    undefined,
    `the coordinator spoke under generation ${said}, of which only ${keptGeneration} is durable`,
  )
}

/** U4: what waits for a link that nobody reads is bounded. */
const checkUnsent = (findings: Findings, network: Network, loop: EventLoop, limit: number): void => {
  const unsent = network.unsentBytesOf(loop)
  if (unsent > limit)
    findings.add('U4', COORDINATOR, `${limit} bytes may wait for a link that is not read; ${unsent} do`)
}
