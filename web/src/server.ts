import type { GroupBrief } from '../../src/core/group/brief.ts'
import type { Guarantees } from '../../src/ports/hosting.ts'
import type { LeadingPeer, PeersView } from '../../src/ports/peers.ts'
import { ApiError, get, getSized, request } from './api.ts'
import { parseMetrics, type Sample, Series } from './model/prometheus.ts'
import { routeOf } from './model/route.ts'
import { poll } from './poll.ts'
import { Store } from './store.ts'

export interface Status {
  readonly version: string
  readonly guarantees: Guarantees
  readonly clusterId: string
  readonly instanceId: string
  readonly generation: number
  readonly groups: readonly GroupBrief[]
}

export type PeersAnswer = PeersView & { readonly leader?: LeadingPeer }

interface ServerState {
  readonly connection: 'connecting' | 'live' | 'lost' | 'locked'
  /** Why it is lost or locked, in a sentence. */
  readonly why: string
  readonly lostSinceMs: number
  readonly status: Status | undefined
  /** `none`: this server is no peer of a cluster. */
  readonly peers: PeersAnswer | 'none' | undefined
  readonly peersAtMs: number
  /** Rises with every reading of the metrics. */
  readonly readings: number
  /** Actions are shown. */
  readonly operates: boolean
}

export const server = new Store<ServerState>({
  connection: 'connecting',
  why: '',
  lostSinceMs: 0,
  status: undefined,
  peers: undefined,
  peersAtMs: 0,
  readings: 0,
  operates: false,
})

export const series = new Series()

/** What every answer, and every lack of one, says of the connection. */
export const heard = (error?: ApiError): void => {
  const { connection } = server.state
  if (error === undefined) {
    if (connection !== 'live') server.set({ connection: 'live', why: '' })
  } else if (error.status === 401) {
    server.set({ connection: 'locked', why: error.message })
  } else if (error.status === 0 || error.status >= 500) {
    if (error.code === 'CALLED_OFF') return
    server.set({
      connection: 'lost',
      why: error.message,
      ...(connection !== 'lost' && { lostSinceMs: Date.now() }),
    })
  }
}

export const asApiError = (error: unknown): ApiError =>
  error instanceof ApiError
    ? error
    : new ApiError(-1, 'UNEXPECTED', error instanceof Error ? error.message : 'it failed')

const RETRY_MS = 1_000
/** What nobody looks at is asked for now and then, so that it is there when somebody does. */
const ASIDE_MS = 10_000
/** Each costs its server as much as a hundred renewals. */
const METRICS_MS = 5_000

const pageNow = () => routeOf(location.hash).page

/** Runs `ask` and says what it means for the connection; false when it failed. */
const attempt = async (ask: () => Promise<void>): Promise<boolean> => {
  try {
    await ask()
    heard()
    return true
  } catch (error) {
    heard(asApiError(error))
    return false
  }
}

/** Follows the server as a whole. Gives the function that ends it. */
export const followServer = (): (() => void) => {
  const ends = [poll(askStatus), poll(askPeers), poll(askMetrics)]
  return () => {
    for (const end of ends) end()
  }
}

const askStatus = async (signal: AbortSignal): Promise<number> => {
  let afterMs = RETRY_MS
  await attempt(async () => {
    const { value, length } = await getSized<Status>('/v1/overview', signal)
    server.set({ status: value })
    const page = pageNow()
    // Where there are very many groups, less often.
    afterMs = Math.max(page === 'overview' || page === 'groups' ? 2_000 : ASIDE_MS, length / 50)
  })
  return afterMs
}

const askPeers = async (signal: AbortSignal): Promise<number> => {
  try {
    // Only a peer says who leads: asked for its peers, another server would have to refuse.
    if (server.state.peers === undefined && !('leader' in (await get<object>('/readyz', signal)))) {
      server.set({ peers: 'none' })
    }
    if (server.state.peers === 'none') return 3_600_000
    const peers = await get<PeersAnswer>('/v1/peers', signal)
    server.set({ peers, peersAtMs: Date.now() })
    // A lease is to be seen running down, and not always at its end.
    if (pageNow() === 'overview' && peers.leader !== undefined)
      return Math.max(250, Math.min(RETRY_MS, peers.leader.leaseMsLeft / 2))
  } catch {
    // What is wrong, the other questions say.
    return RETRY_MS
  }
  return pageNow() === 'overview' ? RETRY_MS : ASIDE_MS
}

const askMetrics = async (signal: AbortSignal): Promise<number> => {
  try {
    const text = await (await request('/metrics', { signal, accept: 'text/plain' })).text()
    series.add(Date.now(), [...parseMetrics(text).filter(({ name }) => name !== MEMBERS), ...membersNow()])
    server.set({ readings: server.state.readings + 1 })
  } catch {
    // The other questions say what is wrong.
    series.gap()
  }
  return pageNow() === 'metrics' ? METRICS_MS : ASIDE_MS
}

const MEMBERS = 'caucus_members'

/** As everybody who may see them counts them: a peer that does not lead knows of no members itself. */
const membersNow = (): Sample[] => {
  const { status } = server.state
  if (status === undefined) return []
  return [{ name: MEMBERS, labels: {}, value: status.groups.reduce((sum, { members }) => sum + members, 0) }]
}
