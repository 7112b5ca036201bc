import { describe, expect, it } from 'vitest'
import type { Change, WatchSink } from '../../src/backends/etcd/engine.ts'
import { SimulatedEtcd } from '../../src/testing/etcd/engine.ts'
import { SimulatedClock } from '../../src/testing/simulated-clock.ts'

const arranged = () => {
  const clock = new SimulatedClock()
  const etcd = new SimulatedEtcd({ clock })
  const told: string[] = []
  const sink: WatchSink = {
    changed: (changes, revision) => told.push(`${revision}: ${changes.map(text).join(', ')}`),
    progressed: () => undefined,
    ended: (why) => told.push(why.compacted ? 'compacted' : `lost: ${why.reason}`),
  }
  /** Plays until it has settled. */
  const wait = async <T>(promise: Promise<T>, ms = 5_000): Promise<T> => {
    promise.catch(() => undefined)
    await clock.play(ms)
    return promise
  }
  return { clock, etcd, engine: etcd.engine('p1'), told, sink, wait }
}

const text = (change: Change) =>
  change.type === 'put' ? `${change.entry.key}=${change.entry.value}` : `-${change.key}`
const put = (key: string, value: string, lease?: string) => ({
  type: 'put' as const,
  key,
  value,
  ...(lease && { lease }),
})

describe('a simulated etcd', () => {
  it('compares, writes all or nothing, and numbers what it wrote', async () => {
    const { engine, wait } = arranged()
    const first = await wait(engine.transact({ then: [put('a', '1'), put('b', '1')] }), 10)
    expect(first).toMatchObject({ held: true, revision: 2 })
    await wait(engine.transact({ then: [put('a', '2')] }), 10)
    const third = await wait(
      engine.transact({
        when: [{ key: 'a', of: 'modRevision', is: 2 }],
        then: [put('a', '3')],
        otherwise: [{ type: 'get', key: 'a' }],
      }),
      10,
    )
    expect(third).toEqual({
      held: false,
      revision: 3,
      found: [{ key: 'a', value: '2', createRevision: 2, modRevision: 3 }],
    })
  })

  it('takes keys away with their lease, which keep-alives extend', async () => {
    const { clock, engine, etcd, wait, told, sink } = arranged()
    const { lease, ttlMs } = await wait(engine.grant(1), 10)
    expect(ttlMs).toBe(2_000)
    await wait(engine.transact({ then: [put('s/a', '1', lease), put('s/b', '1', lease), put('t', '1')] }), 10)
    engine.watch('s/', 1, sink)
    await clock.play(1_500)
    expect(await wait(engine.keepAlive(lease), 1_500)).toBe(true)
    expect(etcd.store.list('').length).toBe(3)
    await clock.play(1_000)
    expect(etcd.store.list('').map(({ key }) => key)).toEqual(['t'])
    expect(told).toEqual(['2: s/a=1, s/b=1', '3: -s/a, -s/b'])
    expect(await wait(engine.keepAlive(lease), 10)).toBe(false)
    await expect(wait(engine.transact({ then: [put('x', '1', lease)] }), 10)).rejects.toMatchObject({
      code: 'CAUCUS_CONFLICT',
    })
  })

  it('gives leases their whole time again when it comes back, and none while it is away', async () => {
    const { clock, engine, etcd, wait } = arranged()
    const { lease } = await wait(engine.grant(2), 10)
    await wait(engine.transact({ then: [put('a', '1', lease)] }), 10)
    etcd.stop()
    await clock.play(10_000)
    etcd.start()
    await clock.play(1_900)
    expect(etcd.store.list('').length).toBe(1)
    await clock.play(200)
    expect(etcd.store.list('')).toEqual([])
  })

  it('ends a lease that a leader which was replaced acknowledges', async () => {
    const { clock, engine, etcd, wait } = arranged()
    const { lease } = await wait(engine.grant(2), 10)
    etcd.keepAliveInVain(3_000)
    await clock.play(1_500)
    expect(await wait(engine.keepAlive(lease), 10)).toBe(true)
    await clock.play(600)
    expect(etcd.store.leases).toEqual([])
  })

  it('carries out what its caller has given up, when that arrives late', async () => {
    const { engine, etcd, wait } = arranged()
    engine.faults.late = 1
    const lift = engine.block('requests')
    await expect(wait(engine.transact({ then: [put('a', 'late')] }), 3_000)).rejects.toMatchObject({ definite: false })
    expect(etcd.store.list('')).toEqual([])
    lift()
    await wait(Promise.resolve(), 10)
    expect(etcd.store.list('')).toMatchObject([{ key: 'a', value: 'late' }])
  })

  it('carries out what it never answers', async () => {
    const { engine, etcd, wait } = arranged()
    engine.faults.answerLost = 1
    await expect(wait(engine.transact({ then: [put('a', '1')] }))).rejects.toMatchObject({ definite: false })
    expect(etcd.store.list('').length).toBe(1)
  })

  it('tells a watch that lags what it missed, unless that was compacted', async () => {
    const { clock, engine, etcd, wait, told, sink } = arranged()
    engine.watch('', 2, sink)
    etcd.lagWatches(500)
    await wait(engine.transact({ then: [put('a', '1')] }), 100)
    expect(told).toEqual([])
    await clock.play(500)
    expect(told).toEqual(['2: a=1'])
    etcd.lagWatches(500)
    await wait(engine.transact({ then: [put('a', '2')] }), 100)
    await wait(engine.transact({ then: [put('a', '3')] }), 100)
    etcd.compact()
    await clock.play(500)
    expect(told).toEqual(['2: a=1', 'compacted'])
  })

  it('tells changes of one revision together, and from an earlier revision on', async () => {
    const { clock, engine, wait, told, sink } = arranged()
    await wait(engine.transact({ then: [put('a', '1'), put('b', '1')] }), 10)
    await wait(engine.transact({ then: [{ type: 'delete', key: 'a' }] }), 10)
    const watching = engine.watch('', 2, sink)
    expect(told).toEqual([])
    await clock.play(10)
    expect(told).toEqual(['2: a=1, b=1', '3: -a'])
    watching.close()
    await wait(engine.transact({ then: [put('c', '1')] }), 10)
    expect(told.length).toBe(2)
  })

  it('ends a watch of which nothing is heard', async () => {
    const { clock, engine, told, sink } = arranged()
    engine.watch('', 2, sink)
    await clock.play(5_000)
    expect(told).toEqual([])
    engine.cutOff()
    await clock.play(5_000)
    expect(told).toEqual(['lost: nothing was heard for too long'])
  })

  it('leaves nobody waiting when it is closed', async () => {
    const { engine, wait } = arranged()
    const call = engine.list('')
    await engine.close()
    await expect(wait(call, 10)).rejects.toMatchObject({ code: 'CAUCUS_CLOSED' })
    expect(engine.pending).toBe(0)
    await expect(engine.list('')).rejects.toMatchObject({ code: 'CAUCUS_CLOSED' })
  })
})
