import { connect, type Membership } from 'caucus'
import { expect, test } from 'vitest'
import type { Holding, Renew, ShareKind } from '../../../src/core/group/messages.ts'
import { indexOf } from '../../../src/core/hash.ts'
import type { LinkSink } from '../../../src/ports/link.ts'
import { MembershipDriver } from '../../../src/runtime/membership-driver.ts'
import { SimulatedClock } from '../../../src/testing/simulated-clock.ts'

const KEYS = Array.from({ length: 100 }, (_, key) => `key-${key}`)
const PARTITIONS = { partitions: 4 }

/** Two members that asked for no share in particular, and a coordinator that says whatever the test wants it to. */
const world = async () => {
  const clock = new SimulatedClock(1_000)
  const renewals: Renew[] = []
  let sink: LinkSink | undefined
  let ids = 0
  const driver = new MembershipDriver({
    clock: clock.holder,
    open: (given) => {
      sink = given
      return {
        send: (messages) => void renewals.push(...messages.filter((each) => each.type === 'renew')),
        reject: () => {},
        close: async () => {},
      }
    },
  })
  const caucus = await connect(async () => ({
    guarantees: { exclusion: 'leased', survivesRestart: true, survivesPartition: false },
    clocks: clock,
    timing: { heartbeatMs: 200, stopMarginMs: 50 },
    newId: () => `boot-${++ids}`,
    join: (request, listener) => driver.join(request, listener),
    groups: async () => [],
    group: async () => undefined,
    present: async () => ({ view: undefined, revision: undefined }),
    async *events() {},
    async *linkEvents() {},
    close: () => driver.close(),
  }))
  let order = 0
  const answer = (generation: number, share: ShareKind, of: Record<string, Holding[]>) =>
    sink?.received(
      Object.entries(of).map(([member, holding]) => {
        const { group, bootId, sequence } = renewals.findLast((renew) => renew.member === member) as Renew
        const named = { type: 'share', group, member, bootId } as const
        const lease = { generation, incarnation: generation, sequence, order: ++order, leaseMs: 1_000 }
        return { ...named, ...lease, state: 'settled', epoch: 9, members: 2, share, holding, revoked: [] } as const
      }),
    )
  const hello = (generation: number) =>
    sink?.opened({ type: 'hello', protocol: 1, clusterId: 'c', instanceId: 'i', generation })
  const joining = Promise.all([caucus.group('g').join({ id: 'a' }), caucus.group('g').join({ id: 'b' })])
  hello(1)
  answer(1, PARTITIONS, { a: [0, 1].map(partition), b: [2, 3].map(partition) })
  const [a, b] = await joining
  const restart = () => {
    sink?.closed('gone')
    hello(2)
  }
  return { clock, a, b, answer, restart }
}
const partition = (item: number): Holding => ({ item, epoch: 5 })
const index = (item: number): Holding => ({ item, of: 2, epoch: 8 })
const owners = (key: string, members: Membership[]) => members.filter((each) => each.owns(key)).map(({ id }) => id)

test('members whose group comes back with indexes own by their index, and by nothing that they had', async () => {
  const { clock, a, b, answer, restart } = await world()
  expect([a.partitions, b.partitions]).toEqual([
    [0, 1],
    [2, 3],
  ])
  clock.advance(2_000)
  restart()
  answer(2, 'index', { a: [index(1)], b: [index(2)] })
  expect([a.slot, b.slot]).toMatchObject([{ index: 1 }, { index: 2 }])
  for (const key of KEYS) expect(owners(key, [a, b])).toEqual([indexOf(key, 2) === 1 ? 'a' : 'b'])
  expect([a.partitions, b.partitions, a.epoch(1), b.epoch(2)]).toEqual([[], [], undefined, undefined])
})

test('and so does whoever reads in the very turn that brings them', async () => {
  const { a, b, answer, restart } = await world()
  const draining = new Promise<AbortSignal>((resolve) => {
    a.onRevoke((_, { signal }) => {
      resolve(signal)
      return new Promise(() => {})
    })
  })
  answer(1, PARTITIONS, { a: [partition(1)] })
  const read: unknown[] = []
  const signal = await draining
  signal.addEventListener('abort', () => {
    const wrong = KEYS.filter((key) => a.owns(key) && indexOf(key, 2) !== 1)
    read.push(a.partitions, a.epoch(1), wrong)
  })
  restart()
  answer(2, 'index', { a: [index(1)], b: [index(2)] })
  expect(read).toEqual([[], undefined, []])
  expect(b.slot).toMatchObject({ index: 2 })
})

test('an index is never read as a partition, nor a partition as an index, whatever a coordinator says', async () => {
  const { clock, a, b, answer, restart } = await world()
  clock.advance(2_000)
  restart()
  answer(2, PARTITIONS, { a: [index(1)] })
  answer(2, 'index', { b: [{ item: 2, epoch: 8 }] })
  expect(KEYS.flatMap((key) => owners(key, [a, b]))).toEqual([])
  expect([a.partitions, a.epoch(1), a.slot, b.partitions, b.slot]).toEqual([[], undefined, undefined, [], undefined])
})
