// One voter, as a program of somebody's would run it. It claims leadership in an interval log for as long as its check says so, and says
// what happens: one line of JSON each, and to whoever has a channel to it. SIGUSR2 hands leadership over, SIGTERM ends it.
// Usage: node voter.js ORDER, where ORDER is a VoterOrder in JSON.
import { type Cluster, isCaucusError, type PeerOptions, peer } from '../../../index.ts'
import { type Belief, ClaimLog } from '../claim-log.ts'
import { clockNs } from '../things.ts'
import { type DiskState, diskUnder } from './disk.ts'
import { LEADERSHIP, TERMS } from './reigns.ts'

export interface VoterOrder {
  /** The name of this process, which no other one has. */
  readonly who: string
  readonly options: PeerOptions
  /** The interval log. */
  readonly log: string
}

/** What it says. */
export interface FromVoter {
  readonly type: 'listening' | 'failed' | 'fault' | 'event' | 'woke' | 'transferred' | 'disk' | 'closed'
  /** Of an event. */
  readonly event?: string
  readonly peer?: string | undefined
  readonly because?: string | undefined
  readonly reason?: string | undefined
  readonly code?: string
  readonly message?: string
  readonly identifier?: string
  readonly isLeader?: boolean
  readonly stillMs?: number
  readonly guarantees?: { readonly exclusion: string }
}

const LOOK_EVERY_MS = 1
const WRITE_EVERY_MS = 20
const STOOD_STILL_MS = 500

const { who, options, log } = JSON.parse(process.argv[2] ?? '') as VoterOrder
const say = (line: FromVoter) => {
  process.stdout.write(`${JSON.stringify({ ...line, atMs: Math.round(clockNs() / 1e6) })}\n`)
  if (process.connected) process.send?.(line, () => undefined)
}
const setDisk = options.dataDir === undefined ? undefined : diskUnder(options.dataDir)
process.on('message', (message: { readonly type?: unknown; readonly state?: DiskState }) => {
  if (message?.type !== 'disk' || message.state === undefined) return
  setDisk?.(message.state)
  say({ type: 'disk' })
})
// Ctrl-C in a terminal reaches every process of a trial; the one that the user sees decides what becomes of the others.
if (process.connected) process.on('SIGINT', () => undefined)

const claims = new ClaimLog(who, log, { writeEveryMs: WRITE_EVERY_MS })
const begin = async (): Promise<Cluster> => {
  try {
    return await peer({ ...options, onFault: (error) => say({ type: 'fault', message: String(error) }) })
  } catch (error) {
    say({ type: 'failed', code: isCaucusError(error) ? error.code : 'none', message: String(error) })
    process.exit(1)
  }
}
const cluster = await begin()
say({ type: 'listening', guarantees: cluster.guarantees })

let lastToken = 0
/** Its own word that it leads is what counts, whatever it says of its token. */
function* beliefs(): Iterable<Belief> {
  if (!cluster.isLeader) return
  const { token = lastToken, term } = cluster
  lastToken = token
  yield { what: LEADERSHIP, epoch: token }
  yield { what: TERMS, epoch: term }
}

const tell = async () => {
  for await (const event of cluster.events()) {
    const { peer: about, by, because, error } = event as Readonly<Record<string, unknown>>
    const reason = error instanceof Error ? error.message : undefined
    const named = about ?? by
    const peerOf = typeof named === 'string' ? named : undefined
    say({ type: 'event', event: event.type, peer: peerOf, because: because as string | undefined, reason })
  }
}
void tell()
// A leadership is looked at from its first instant on.
const watch = async () => {
  for await (const _leader of cluster.watch()) claims.look(beliefs)
}
void watch()

let lookedAt = performance.now()
const look = () => {
  // Before anything else is done: after a standstill this timer is overdue, and no packet has been read yet.
  const { isLeader } = cluster
  const stillMs = performance.now() - lookedAt
  claims.look(beliefs)
  if (stillMs > STOOD_STILL_MS) say({ type: 'woke', stillMs, isLeader })
  lookedAt = performance.now()
}
const looking = setInterval(look, LOOK_EVERY_MS)

process.on('SIGUSR2', async () => {
  const done = await cluster.transfer().then(
    ({ identifier }) => ({ identifier }),
    (error: unknown) => ({ code: isCaucusError(error) ? error.code : String(error) }),
  )
  say({ type: 'transferred', ...done })
})
process.on('SIGTERM', async () => {
  await cluster.close()
  clearInterval(looking)
  claims.look(() => [])
  claims.flush()
  say({ type: 'closed' })
  process.exit(0)
})
