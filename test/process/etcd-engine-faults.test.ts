import { setTimeout as sleep } from 'node:timers/promises'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import type { Change, Engine, Revision, WatchSink } from '../../src/backends/etcd/engine.ts'
import { type EngineOptions, openEngine } from '../../src/backends/etcd/etcd3/index.ts'
import { systemClocks } from '../../src/runtime/system-clock.ts'
import { ETCD, type EtcdServers, startEtcd } from '../../src/testing/servers/etcd.ts'
import { lackFor } from './support/needs.ts'
import { waitFor } from './support/wait.ts'

const FIRST_OF_ALL = 0

describe.skipIf(lackFor('the engine and faults of etcd', [ETCD]))('an engine on an etcd that fails', () => {
  let etcd: EtcdServers
  let engines: Engine[]
  const open = (options: Partial<EngineOptions> = {}): Engine => {
    const given = { endpoints: etcd.urls, clock: systemClocks.grantor, random: () => FIRST_OF_ALL, ...options }
    const engine = openEngine(given)
    engines.push(engine)
    return engine
  }
  const put = (engine: Engine, key: string, value: string) => engine.transact({ then: [{ type: 'put', key, value }] })
  const get = async (engine: Engine, key: string) =>
    (await engine.transact({ then: [{ type: 'get', key }] })).found[0]?.value

  beforeEach(() => {
    engines = []
  })
  afterEach(async () => {
    await Promise.all(engines.map((engine) => engine.close()))
    await etcd.close()
  })

  test('a frozen member is left for another one: reads and keep-alives are answered all the same', async () => {
    etcd = await startEtcd({ nodes: 3 })
    const engine = open({ requestMs: 6_000, progressMs: 1_500 })
    await put(engine, 'a', '1')
    const { lease } = await engine.grant(60)
    expect(await engine.keepAlive(lease)).toBe(true)
    etcd.nodes[0]?.freeze()
    const answers = await Promise.all([get(engine, 'a'), engine.keepAlive(lease), engine.list(''), engine.grant(60)])
    expect(answers[0]).toBe('1')
    expect(answers[1]).toBe(true)
    expect(answers[2].entries).toHaveLength(1)
    // Nobody asks the frozen one first any more: it could not say what came of this.
    await put(engine, 'a', '2')
    etcd.nodes[0]?.thaw()
    expect(await get(engine, 'a')).toBe('2')
  })

  test('a write that a frozen member was asked for is told as one that may have happened, and may happen still', async () => {
    etcd = await startEtcd({ nodes: 3 })
    const engine = open({ requestMs: 3_000 })
    await put(engine, 'a', '1')
    etcd.nodes[0]?.freeze()
    const failure = await put(engine, 'a', 'late').catch((error: unknown) => error)
    expect(failure).toMatchObject({ code: 'CAUCUS_TIMEOUT', definite: false })
    const { revision } = await put(engine, 'b', '1')
    expect(revision).toBeGreaterThan(0)
    etcd.nodes[0]?.thaw()
    const value = await waitFor('the first member to answer', () => get(engine, 'a'))
    expect(['1', 'late']).toContain(value)
  })

  test('a watch at a frozen member breaks, and another one goes on where it was', async () => {
    etcd = await startEtcd({ nodes: 3 })
    const engine = open({ requestMs: 3_000, progressMs: 1_500 })
    const { revision } = await put(engine, 'w/0', '0')
    const follower = new Follower(engine, 'w/', revision)
    await waitFor('the first change', () => follower.values.length === 1)
    etcd.nodes[0]?.freeze()
    await waitFor('the watch to break', () => follower.ends.length > 0)
    expect(follower.ends[0]).toMatchObject({ compacted: false })
    await eventuallyPut(engine, 'w/1', '1')
    await waitFor('the second change', () => follower.values.includes('1'))
    expect(follower.values.filter((value) => value === '0')).toHaveLength(1)
    etcd.nodes[0]?.thaw()
    follower.close()
  })

  test("kill -9 of etcd's leader loses nothing that was acknowledged, and no lease", async () => {
    etcd = await startEtcd({ nodes: 3 })
    const engine = open({ requestMs: 5_000, progressMs: 1_500 })
    const { lease } = await engine.grant(60)
    const { revision } = await put(engine, 'n/0', '0')
    const follower = new Follower(engine, 'n/', revision)
    const acknowledged = ['0']
    const leader = await etcd.leader()
    let unknown = 0
    for (let i = 1; i <= 40; i += 1) {
      if (i === 10) await leader.kill()
      try {
        await put(engine, `n/${i}`, String(i))
        acknowledged.push(String(i))
      } catch (error) {
        expect(error).toMatchObject({ retriable: true })
        unknown += 1
      }
    }
    expect(acknowledged.length).toBeGreaterThan(25)
    expect(await engine.keepAlive(lease)).toBe(true)
    const { entries } = await engine.list('n/')
    const found = entries.map(({ value }) => value)
    expect(found).toEqual(expect.arrayContaining(acknowledged))
    expect(found.length).toBeLessThanOrEqual(acknowledged.length + unknown)
    await waitFor('everything to be told', () => acknowledged.every((value) => follower.values.includes(value)))
    expect(new Set(follower.values).size).toBe(follower.values.length)
    follower.close()
  })

  test('while all members are gone calls say that they were not sent, and once they are back all goes on', async () => {
    etcd = await startEtcd({ nodes: 3 })
    const engine = open({ requestMs: 1_000, progressMs: 1_000 })
    const { revision } = await put(engine, 'a', '1')
    const follower = new Follower(engine, 'a', revision)
    await waitFor('the first change', () => follower.values.length === 1)
    await etcd.killAll()
    await waitFor('the watch to break', () => follower.ends.length > 0)
    await expect(put(engine, 'a', '2')).rejects.toMatchObject({ code: 'CAUCUS_UNAVAILABLE', definite: true })
    await expect(engine.grant(5)).rejects.toMatchObject({ code: 'CAUCUS_UNAVAILABLE', definite: true })
    await etcd.startAll()
    await waitFor('an answer', () => get(engine, 'a').catch(() => undefined))
    expect(await get(engine, 'a')).toBe('1')
    await eventuallyPut(engine, 'a', '3')
    await waitFor('the next change', () => follower.values.includes('3'))
    follower.close()
  })

  test('what was killed in the middle of it may have happened; what nobody listens to has not', async () => {
    etcd = await startEtcd()
    const engine = open({ requestMs: 1_500 })
    await put(engine, 'a', '1')
    const [node] = etcd.nodes
    // Frozen, so that the write is under way when the process dies.
    node?.freeze()
    const write = put(engine, 'a', '2').catch((error: unknown) => error)
    await sleep(200)
    await node?.kill()
    expect(await write).toMatchObject({ code: 'CAUCUS_CONNECTION_LOST', definite: false })
    expect(await put(engine, 'a', '3').catch((error: unknown) => error)).toMatchObject({
      code: 'CAUCUS_UNAVAILABLE',
      definite: true,
    })
  })

  test('a watch that falls behind a compaction ends with that reason, one that is up to date goes on', async () => {
    etcd = await startEtcd({ nodes: 3 })
    const engine = open({ requestMs: 3_000, progressMs: 1_500 })
    const { revision } = await put(engine, 'k', '0')
    const follower = new Follower(engine, 'k', revision)
    await waitFor('the first change', () => follower.values.length === 1)
    for (let i = 1; i <= 5; i += 1) await put(engine, 'k', String(i))
    await waitFor('all changes', () => follower.values.length === 6)
    await etcd.compact()
    await put(engine, 'k', 'after')
    await waitFor('what comes after', () => follower.values.includes('after'))
    expect(follower.ends).toEqual([])
    // It broke, and what happened until it comes back is thrown away.
    follower.close()
    await put(engine, 'k', 'missed')
    await put(engine, 'k', 'last')
    await etcd.compact()
    const late = new Follower(engine, 'k', follower.told + 1)
    await waitFor('the end', () => late.ends.length > 0)
    expect(late.ends[0]).toEqual({ compacted: true })
    late.close()
  })

  test('a process that stood still does not blame etcd for it', async () => {
    etcd = await startEtcd()
    const engine = open({ requestMs: 500, progressMs: 500 })
    const { revision } = await put(engine, 'a', '1')
    const follower = new Follower(engine, 'a', revision)
    await waitFor('the first change', () => follower.values.length === 1)
    for (let i = 0; i < 5; i += 1) {
      const waiting = [get(engine, 'a'), put(engine, 'b', '1')]
      // The request goes out, and the answer comes while nobody looks.
      await new Promise(setImmediate)
      const until = performance.now() + 1_200
      while (performance.now() < until);
      expect((await Promise.all(waiting))[0]).toBe('1')
    }
    expect(follower.ends).toEqual([])
    follower.close()
  })

  /** Until it is done: a write that may or may not have happened is one that may be done again here. */
  const eventuallyPut = (engine: Engine, key: string, value: string) =>
    waitFor('a write', () => put(engine, key, value).catch(() => undefined))
})

/** Watches a prefix for good: where a watch breaks, another one goes on. */
class Follower implements WatchSink {
  readonly values: string[] = []
  readonly ends: Parameters<WatchSink['ended']>[0][] = []
  told: Revision
  readonly #engine: Engine
  readonly #prefix: string
  #watching: { close(): void } | undefined
  #isClosed = false

  constructor(engine: Engine, prefix: string, from: Revision) {
    this.#engine = engine
    this.#prefix = prefix
    this.told = from - 1
    this.#watch()
  }

  changed(changes: readonly Change[], revision: Revision): void {
    expect(revision).toBeGreaterThan(this.told)
    this.told = revision
    for (const change of changes) if (change.type === 'put') this.values.push(change.entry.value)
  }

  progressed(revision: Revision): void {
    expect(revision).toBeGreaterThanOrEqual(this.told)
  }

  ended(why: Parameters<WatchSink['ended']>[0]): void {
    this.ends.push(why)
    if (!why.compacted) setTimeout(() => this.#watch(), 100)
  }

  close(): void {
    this.#isClosed = true
    this.#watching?.close()
  }

  #watch(): void {
    if (!this.#isClosed) this.#watching = this.#engine.watch(this.#prefix, this.told + 1, this)
  }
}
