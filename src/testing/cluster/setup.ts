import { checkGroupName, checkMemberId, checkOptions, checkShare, checkWeight } from '../../client/options.ts'
import { checkTiming, requireSafe } from '../../config/safety.ts'
import { resolveTiming, type Timing, type TimingPreset } from '../../config/timing.ts'
import type { ShareKind } from '../../core/group/messages.ts'
import { type Random, seededRandom } from '../../core/random.ts'
import { DEFAULT_DRIFT, type Millis } from '../../core/time.ts'
import type { Protocol } from '../../wire/versions.ts'
import { checkBoolean, checkProtocols, refuse, shown, wholeWithin, within } from './arguments.ts'
import { BeliefBook } from './beliefs.ts'
import type { Bench, ClusterConditions } from './bench.ts'
import { Chronicle } from './chronicle.ts'
import { EpochBook } from './epochs.ts'
import type { EventLoop } from './event-loop.ts'
import { COORDINATOR, type MembersNetwork, Network } from './network.ts'
import type { Handlers } from './program.ts'
import { Resource } from './resource.ts'
import { Timeline } from './timeline.ts'
import { TopicBook } from './topic-book.ts'
import { Findings } from './violation.ts'
import type { Travel } from './wire.ts'
import { WorkBook } from './work-book.ts'

/** What is in a simulated cluster: its members and their programs, the group, timing, and a seed for all that is left to chance. */
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
  /**
   * Older builds: which version of the links' protocol each speaks, such as `{ coordinator: 1, m2: 1 }`. Default: everybody the newest.
   * How long an older one is spoken: docs/stability.md.
   */
  readonly protocols?: Readonly<Record<string, Protocol>>
  /** What members weigh, by id, such as `{ m1: 2 }`. Default: all the same. */
  readonly weights?: Readonly<Record<string, number>>
  /** Ids of members whose place is kept while they restart. Default: nobody's. */
  readonly statics?: readonly string[]
  /** Keeps every line of the trace, not only the last ones. Default `true`. */
  readonly keepTrace?: boolean
}

const BUFFERS = { windowBytes: 16 * 2 ** 10, linkBufferBytes: 64 * 2 ** 10 }
/** What is sent before anybody looks whether the rest was taken: some frames of one turn. */
const FRAMES_BYTES = 2 * 2 ** 10

/** What a cluster takes. */
export const CLUSTER_OPTIONS: readonly string[] = [
  ...['members', 'group', 'share', 'timing', 'seed', 'handlers', 'delayMs', 'drift', 'lateMs', 'durable', 'configured'],
  ...['buffers', 'afterlife', 'keepTrace', 'protocols', 'weights', 'statics'],
]
const MOST_MEMBERS = 100
const MOST_BYTES = 2 ** 30

/** The ids of the members that a cluster begins with. Throws `CAUCUS_INVALID_ARGUMENT`. */
export const memberIdsOf = ({ members = 3 }: ClusterOptions): readonly string[] => {
  const takes = `give a whole number from 0 to ${MOST_MEMBERS}, or a list of up to so many ids`
  if (typeof members !== 'number' && !Array.isArray(members)) refuse(`members is ${shown(members)}; ${takes}`)
  const count = typeof members === 'number' ? members : members.length
  if (!(Number.isInteger(count) && count >= 0 && count <= MOST_MEMBERS)) refuse(`members is ${count}; ${takes}`)
  const ids = typeof members === 'number' ? Array.from({ length: members }, (_, n) => `m${n + 1}`) : members
  for (const id of ids) checkMemberId(id)
  if (new Set(ids).size < ids.length) refuse('members: two of them have the same id')
  return ids
}

/** What is true of a cluster with these options. Throws `CAUCUS_INVALID_ARGUMENT` or `CAUCUS_INVALID_CONFIG`. */
export const conditionsOf = (options: ClusterOptions): ClusterConditions => {
  checkOptions(options, CLUSTER_OPTIONS, 'memoryCluster()')
  memberIdsOf(options)
  const { seed = 1, group = 'group', share = { partitions: 16 }, timing = 'lan' } = options
  const {
    delayMs = 1,
    drift = DEFAULT_DRIFT,
    lateMs = 0,
    durable = true,
    configured = false,
    buffers = BUFFERS,
    afterlife = 0.5,
    protocols = {},
    weights = {},
    statics = [],
    keepTrace = true,
    handlers,
  } = options
  checkGroupName(group)
  checkShare(share)
  for (const [name, value] of Object.entries({ durable, configured, keepTrace })) checkBoolean(name, value)
  if (handlers !== undefined && typeof handlers !== 'function') {
    refuse(
      `handlers is ${shown(handlers)}; give a function, called once for each process: (context) => ({ run, onRevoke })`,
    )
  }
  if (typeof weights !== 'object' || weights === null)
    refuse(`weights is ${shown(weights)}; give them by id: { m1: 2 }`)
  for (const [id, weight] of Object.entries(weights)) checkWeight(weight, `weights.${checkMemberId(id)}`)
  if (!Array.isArray(statics)) refuse(`statics is ${shown(statics)}; give a list of ids: ['m1']`)
  for (const id of statics) checkMemberId(id)
  checkOptions(buffers, ['windowBytes', 'linkBufferBytes'], 'buffers')
  for (const name of ['windowBytes', 'linkBufferBytes'] as const) {
    wholeWithin(`buffers.${name}`, buffers[name], 1, MOST_BYTES)
  }
  const resolved = resolveTiming(timing)
  requireSafe(checkTiming(resolved))
  return {
    seed: wholeWithin('seed', seed, 0, Number.MAX_SAFE_INTEGER),
    group,
    share,
    timing: resolved,
    delayMs: within('delayMs', delayMs, 0, resolved.leaseMs),
    drift: within('drift', drift, 0, 0.5),
    lateMs: within('lateMs', lateMs, 0, resolved.leaseMs),
    durable,
    configured,
    afterlife: within('afterlife', afterlife, 0, 1),
    protocols: checkProtocols(protocols),
    weights,
    statics,
    ...buffers,
  }
}

/** What a network is made of. */
export interface NetworkParts {
  readonly timeline: Timeline
  readonly chronicle: Chronicle
  readonly random: Random
  readonly findings: Findings
}

/** Everything that the parts of a cluster share. `keptGeneration`: what the coordinator has made durable. */
export const newBench = (
  conditions: ClusterConditions,
  keepTrace: boolean,
  keptGeneration: () => number,
): Bench<Network> => {
  const { delayMs, afterlife, durable, windowBytes } = conditions
  return benchOn(conditions, keepTrace, ({ findings, ...parts }) => {
    const onSent = (travel: Travel, frame: string) => {
      if (travel === 'down' && durable) checkDurable(findings, frame, keptGeneration())
    }
    return new Network({ ...parts, delayMs, afterlife, windowBytes, onSent })
  })
}

/** As `newBench`, on another network. */
export const benchOn = <Net extends MembersNetwork>(
  conditions: ClusterConditions,
  keepTrace: boolean,
  makeNetwork: (parts: NetworkParts) => Net,
): Bench<Net> => {
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
  const { delayMs, drift, linkBufferBytes } = conditions
  const network = makeNetwork({ timeline, chronicle, findings, random: random.fork('network') })
  const promised = drift <= DEFAULT_DRIFT
  const beliefs = new BeliefBook(timeline, findings, promised)
  const stirred = new Set<EventLoop>()
  timeline.onSettled = () => {
    for (const loop of stirred) {
      beliefs.look(loop)
      checkUnsent(findings, network, loop, linkBufferBytes + FRAMES_BYTES)
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
    onLost: () => undefined,
    epochs: new EpochBook(findings, promised),
    work: new WorkBook(timeline, findings, promised),
    topics: new TopicBook(timeline, findings, conditions),
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
const checkUnsent = (findings: Findings, network: MembersNetwork, loop: EventLoop, limit: number): void => {
  const unsent = network.unsentBytesOf(loop)
  if (unsent > limit)
    findings.add('U4', COORDINATOR, `${limit} bytes may wait for a link that is not read; ${unsent} do`)
}
