import { setImmediate } from 'node:timers'
import type { LeaseId } from '../../../src/backends/etcd/engine.ts'
import { Keys } from '../../../src/backends/etcd/keys.ts'
import { EtcdLink } from '../../../src/backends/etcd/link.ts'
import type { SessionRecord } from '../../../src/backends/etcd/records.ts'
import type { CoordinatorMessage, Hello, MemberMessage, Renew, ShareMessage } from '../../../src/core/group/messages.ts'
import { seededRandom } from '../../../src/core/random.ts'
import type { LinkEvent } from '../../../src/ports/backend.ts'
import { SimulatedEtcd } from '../../../src/testing/etcd/engine.ts'
import { SimulatedClock } from '../../../src/testing/simulated-clock.ts'

export const SEAT = { group: 'g', member: 'm', bootId: 'm-1' }
export const HEARTBEAT_MS = 1_000

export const renewal = (sequence: number, more: Partial<Renew> = {}): Renew => ({
  type: 'renew',
  ...SEAT,
  sequence,
  order: 0,
  holding: [],
  draining: [],
  acknowledged: [],
  ...more,
})

export const leave = (sequence: number): MemberMessage => ({ type: 'leave', ...SEAT, sequence, incarnation: 71 })

/** A link on a simulated etcd, and a coordinator that says what the test has it say. */
export const world = (more: { readonly leastGeneration?: number } = {}) => {
  const clock = new SimulatedClock(1_000)
  const etcd = new SimulatedEtcd({ clock, random: seededRandom(3), requestMs: 500 })
  const engine = etcd.engine('process')
  const keys = new Keys('c/')
  const opened: Hello[] = []
  const received: CoordinatorMessage[] = []
  const closed: string[] = []
  const events: LinkEvent[] = []
  let said = 0
  const link = new EtcdLink(
    {
      engine,
      keys,
      clock,
      random: seededRandom(5).next,
      url: 'etcd',
      heartbeatMs: HEARTBEAT_MS,
      leaseMs: 6_000,
      reconnectMaxMs: 500,
      requestMs: 500,
      prefix: 'c/',
      ...more,
      tell: (event) => void events.push(event),
      onFault: (error) => {
        throw error
      },
    },
    {
      opened: (hello) => void opened.push(hello),
      received: (messages) => void received.push(...messages),
      closed: (reason) => void closed.push(reason),
    },
  )
  const put = (key: string, value: unknown) =>
    etcd.store.transact({
      then: [{ type: 'put', key, value: typeof value === 'string' ? value : JSON.stringify(value) }],
    })
  const entry = (key: string) => etcd.store.transact({ then: [{ type: 'get', key }] }).found[0]
  const session = () => entry(keys.session(SEAT))
  const coordinate = (generation: number | undefined, instance = 'cluster') => {
    if (entry(keys.instance)?.value !== instance) put(keys.instance, instance)
    put(keys.coordinator, generation === undefined ? { process: 'p' } : { process: 'p', generation })
  }
  const answer = (message: Partial<ShareMessage> = {}, heard = session()?.modRevision ?? 0) =>
    put(keys.share(SEAT), {
      session: session()?.createRevision ?? 0,
      heard,
      message: {
        type: 'share',
        ...SEAT,
        generation: 7,
        incarnation: 71,
        sequence: 1,
        order: ++said,
        state: 'settled',
        epoch: 75,
        leaseMs: 6_000,
        members: 1,
        share: { partitions: 2 },
        holding: [],
        revoked: [],
        ...message,
      },
    })
  const end = (type: 'left' | 'concluded') =>
    put(keys.share(SEAT), {
      session: session()?.createRevision ?? 0,
      heard: session()?.modRevision,
      message: { type, ...SEAT, conclusion: 'done' },
    })
  /** What lies in the session key. */
  const record = () => JSON.parse(session()?.value ?? 'null') as SessionRecord | null
  /** What the link has delivered since it was asked last. */
  const news = () => received.splice(0)
  const shares = () => news().filter((message) => message.type === 'share')
  const lease = (): LeaseId | undefined => etcd.store.leaseOf(keys.session(SEAT))
  /** What was said in this turn goes out before time goes by. */
  const play = async (ms: number) => {
    await new Promise<void>((resume) => setImmediate(resume))
    await clock.play(ms)
  }
  /** What a coordinator that begins finds; then the member speaks. */
  const joined = async () => {
    coordinate(7)
    await play(50)
    link.send([renewal(1)])
    await play(10)
    answer()
    await play(10)
    news()
  }
  return {
    play,
    clock,
    etcd,
    engine,
    keys,
    link,
    opened,
    closed,
    events,
    put,
    session,
    coordinate,
    answer,
    end,
    record,
    news,
    shares,
    lease,
    joined,
  }
}
