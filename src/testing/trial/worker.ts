// A member of a trial: joins a group that shares partitions and one that shares an index, and writes down what it believes.
// Usage: node worker.js ORDER, where ORDER is a WorkerOrder in JSON. SIGTERM makes it leave.
import { setTimeout as sleep } from 'node:timers/promises'
import type { Timing } from '../../config/timing.ts'
import { seededRandom } from '../../core/random.ts'
import { connect, type Membership, remote } from '../../index.ts'
import { askAlways } from './asker.ts'
import { Candidate } from './candidate.ts'
import { type Belief, ClaimLog } from './claim-log.ts'
import { FenceClient } from './fence.ts'
import { clockNs, PARTITION_KEYS, PARTS, PROBES, SLOTS, thing } from './things.ts'

export interface WorkerOrder {
  /** The name of this process, which no other one has. */
  readonly who: string
  /** The member's id, which another process may have, too. */
  readonly id: string
  /** A server, or peers of a cluster: any of them will do. */
  readonly url: string | readonly string[]
  /** The interval log. */
  readonly log: string
  readonly seed: number
  /** The port of the fenced resource, if there is one. */
  readonly fence?: number
  readonly timing?: Partial<Timing>
  /** It is a candidate in the trial's election, too; one in so many of its tenures it resigns by itself. 0: it gives up nothing by itself, and drains soon. */
  readonly resigns?: number
  /** It answers on the trial's topic and asks there, and writes that down. */
  readonly asks?: { readonly log: string; readonly everyMs: number }
}

/** What it tells the trial. */
export type FromWorker =
  | { readonly type: 'joined' }
  /** A membership is over that nobody left. */
  | { readonly type: 'fenced'; readonly why: string }
  /** A write was refused although this member owned the thing before and after, under the same epoch. */
  | { readonly type: 'wronged'; readonly what: string; readonly epoch: number }

const LOOK_EVERY_MS = 5
const WRITE_EVERY_MS = 20
const SLOW_WORK_MS = 3_000

/** On a busy machine the start of a process can take longer than anything else here. */
const loadedMs = Math.round(performance.now())
const startedNs = clockNs()
const msSince = (ns: number) => Math.round((clockNs() - ns) / 1e6)
const order = JSON.parse(process.argv[2] ?? '') as WorkerOrder
const tell = (message: FromWorker) => void (process.connected && process.send?.(message, () => undefined))
const random = seededRandom(order.seed)
const log = new ClaimLog(order.who, order.log)
const over = new AbortController()
// Ctrl-C in a terminal reaches every process of a trial; the one that the user sees decides what becomes of the others.
process.on('SIGINT', () => undefined)
process.on('SIGTERM', () => over.abort())

/** Resolves once it is a member of both groups. Asked to end meanwhile, it ends. */
const enter = async () => {
  try {
    const { signal } = over
    const options = { ...(order.timing && { timing: order.timing }), connectTimeoutMs: 60_000 }
    const caucus = await connect(remote(order.url, options), { signal })
    const metadata = { who: order.who }
    const [parts, slots] = await Promise.all([
      caucus.group(PARTS.group).join({ id: order.id, share: { partitions: PARTS.partitions }, metadata, signal }),
      caucus.group(SLOTS.group).join({ id: order.id, share: 'index', metadata, signal }),
    ])
    return { caucus, parts, slots }
  } catch (error) {
    if (over.signal.aborted) process.exit(0)
    throw error
  }
}
const { caucus, parts, slots } = await enter()
tell({ type: 'joined' })
console.log(
  `${clockNs()} joined ${msSince(startedNs)} ms after it could begin, which was ${loadedMs} ms after the start of the process`,
)
void (async () => {
  for await (const event of caucus.events()) {
    const why = event.type === 'link.refused' ? event.error.message : event.type === 'link.lost' ? event.reason : ''
    console.log(`${clockNs()} ${event.type} ${why}`)
  }
})()

/** What is being drained, for as long as that may still be worked on. */
const drains = new Set<{ readonly beliefs: readonly Belief[]; readonly signal: AbortSignal }>()

const { resigns, asks, who, id } = order
const failed = (error: unknown) => tell({ type: 'fenced', why: String(error) })
const candidate =
  resigns === undefined ? undefined : new Candidate(caucus, { id, random, resigns, signal: over.signal, failed })
if (asks !== undefined) askAlways(caucus, { who, ...asks, signal: over.signal }).catch(failed)

/** Every answer is asked for now, in the way that users ask: `token(key)` is the check at use. */
function* beliefs(): Iterable<Belief> {
  for (const [partition, key] of PARTITION_KEYS.entries()) {
    const epoch = parts.token(key)
    if (epoch !== undefined) yield { what: thing(PARTS.group, partition), epoch }
  }
  for (const key of PROBES) {
    const epoch = slots.token(key)
    if (epoch !== undefined) yield { what: thing(SLOTS.group, key), epoch }
  }
  if (candidate !== undefined) yield* candidate.beliefs()
  for (const drain of drains) if (!drain.signal.aborted) yield* drain.beliefs
}

/** Works on what moves for a moment; now and then until the lease ends it. */
const drainOf = (
  membership: Membership,
  moving: (moved: Parameters<Parameters<Membership['onRevoke']>[0]>[0]) => Belief[],
) =>
  membership.onRevoke(async (moved, { signal }) => {
    const drain = { beliefs: moving(moved), signal }
    drains.add(drain)
    const isEndless = order.resigns !== 0 && random.below(20) === 0
    const untilMs = performance.now() + (isEndless ? 60_000 : random.below(150))
    try {
      while (!signal.aborted && performance.now() < untilMs) await sleep(LOOK_EVERY_MS)
    } finally {
      log.look(beliefs)
      drains.delete(drain)
    }
  })
drainOf(parts, (moved) =>
  moved.partitions.flatMap((partition) => {
    const epoch = moved.epoch(partition)
    return epoch === undefined ? [] : [{ what: thing(PARTS.group, partition), epoch }]
  }),
)
drainOf(slots, ({ slot, owns }) =>
  slot === undefined ? [] : PROBES.filter(owns).map((key) => ({ what: thing(SLOTS.group, key), epoch: slot.epoch })),
)

/**
 * Writes under the epoch that it was told, now and then much later, as a slow piece of work would. Any time can pass between a check and its
 * effect, so a refusal of what is owned no more is right.
 */
const writeNow = async (fence: FenceClient): Promise<void> => {
  const [membership, keys] = random.below(2) === 0 ? [parts, PARTITION_KEYS] : [slots, PROBES]
  const place = random.below(keys.length)
  const key = keys[place] as string
  const epoch = membership.token(key)
  if (epoch === undefined) return
  const what = membership === parts ? thing(PARTS.group, place) : thing(SLOTS.group, key)
  if (random.below(8) === 0) await sleep(random.below(SLOW_WORK_MS))
  const ok = await fence.write(what, epoch)
  if (ok === false && membership.token(key) === epoch) tell({ type: 'wronged', what, epoch })
}
if (order.fence !== undefined) {
  const fence = new FenceClient(order.who, order.fence)
  void (async () => {
    while (!over.signal.aborted) {
      void writeNow(fence)
      await sleep(WRITE_EVERY_MS)
    }
  })()
}

while (!over.signal.aborted) {
  log.look(beliefs)
  const error = parts.error ?? slots.error
  if (error !== undefined) {
    tell({ type: 'fenced', why: error.message })
    break
  }
  await sleep(LOOK_EVERY_MS)
}
const looking = setInterval(() => log.look(beliefs), LOOK_EVERY_MS)
await caucus.close()
clearInterval(looking)
log.look(beliefs)
process.exit(0)
