import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import {
  type Change,
  type Engine,
  MAX_OPERATIONS,
  type Revision,
  type WatchSink,
} from '../../../src/backends/etcd/engine.ts'

/** Some etcd, real or simulated, with nothing under `prefix`. */
export interface EtcdUnderTest {
  readonly prefix: string
  /** Another client of it. */
  open(): Engine
  /** Waits for an answer; a simulated clock goes on meanwhile. */
  answer<T>(asked: Promise<T>): Promise<T>
  /** Resolves once that holds; a simulated clock goes on meanwhile. */
  until(what: string, holds: () => boolean): Promise<void>
  /** Throws the history before that revision away. */
  compact(revision: Revision): Promise<void>
  close(): Promise<void>
}

/** Everything that a watch tells, in order. */
class Told implements WatchSink {
  readonly changes: { readonly changes: readonly Change[]; readonly revision: Revision }[] = []
  readonly progress: Revision[] = []
  end: Parameters<WatchSink['ended']>[0] | undefined

  changed(changes: readonly Change[], revision: Revision): void {
    this.changes.push({ changes, revision })
  }

  progressed(revision: Revision): void {
    this.progress.push(revision)
  }

  ended(why: Parameters<WatchSink['ended']>[0]): void {
    this.end = why
  }

  /** `+key=value` for a put, `-key` for a deletion. */
  brief(prefix: string): string[] {
    const one = (change: Change) =>
      change.type === 'put'
        ? `+${change.entry.key.slice(prefix.length)}=${change.entry.value}`
        : `-${change.key.slice(prefix.length)}`
    return this.changes.flatMap(({ changes }) => changes.map(one))
  }
}

/** What every `Engine` promises, whatever etcd is behind it. */
export const engineContract = (name: string, start: () => Promise<EtcdUnderTest>): void => {
  describe(`an engine (${name})`, () => {
    let etcd: EtcdUnderTest
    let engine: Engine
    const key = (rest: string) => `${etcd.prefix}${rest}`
    const put = (rest: string, value: string, lease?: string) =>
      etcd.answer(
        engine.transact({ then: [{ type: 'put', key: key(rest), value, ...(lease !== undefined && { lease }) }] }),
      )
    const get = async (rest: string) => {
      const { found } = await etcd.answer(engine.transact({ then: [{ type: 'get', key: key(rest) }] }))
      return found[0]
    }
    const remove = (rest: string) => etcd.answer(engine.transact({ then: [{ type: 'delete', key: key(rest) }] }))

    beforeEach(async () => {
      etcd = await start()
      engine = etcd.open()
    })
    afterEach(() => etcd.close())

    test('a key keeps the revision of its creation until it is deleted', async () => {
      expect(await get('a')).toBeUndefined()
      const { revision: created } = await put('a', '1')
      const { revision: changed } = await put('a', '2 ä€😀')
      expect(changed).toBeGreaterThan(created)
      expect(await get('a')).toEqual({
        key: key('a'),
        value: '2 ä€😀',
        createRevision: created,
        modRevision: changed,
      })
      await remove('a')
      expect(await get('a')).toBeUndefined()
      const { revision: again } = await put('a', '3')
      expect(await get('a')).toMatchObject({ createRevision: again, modRevision: again })
    })

    test('one side of a transaction is carried out, in order, with one answer for each of its operations', async () => {
      const { revision } = await put('a', '1')
      const transaction = (is: Revision) => ({
        when: [
          { key: key('a'), of: 'modRevision' as const, is },
          { key: key('nothing'), of: 'createRevision' as const, is: 0 },
        ],
        then: [
          { type: 'get' as const, key: key('a') },
          { type: 'put' as const, key: key('a'), value: '2' },
          { type: 'get' as const, key: key('a') },
          { type: 'delete' as const, key: key('b') },
        ],
        otherwise: [{ type: 'get' as const, key: key('a') }],
      })
      const first = await etcd.answer(engine.transact(transaction(revision)))
      expect(first.held).toBe(true)
      expect(first.found.map((entry) => entry?.value)).toEqual(['1', undefined, '2', undefined])
      const second = await etcd.answer(engine.transact(transaction(revision)))
      expect(second.held).toBe(false)
      expect(second.found).toMatchObject([{ value: '2', createRevision: revision, modRevision: first.revision }])
      expect(second.revision).toBe(first.revision)
    })

    test('of two that create the same key one does', async () => {
      const other = etcd.open()
      const create = (by: Engine, value: string) =>
        by.transact({
          when: [{ key: key('one'), of: 'createRevision', is: 0 }],
          then: [{ type: 'put', key: key('one'), value }],
          otherwise: [{ type: 'get', key: key('one') }],
        })
      const outcomes = await etcd.answer(Promise.all([create(engine, 'first'), create(other, 'second')]))
      expect(outcomes.filter(({ held }) => held)).toHaveLength(1)
      const loser = outcomes.find(({ held }) => !held)
      expect(loser?.found[0]).toEqual(await get('one'))
    })

    test('a transaction may only compare, and one that asks for too much is refused', async () => {
      const { revision } = await put('a', '1')
      const when = [{ key: key('a'), of: 'createRevision' as const, is: revision }]
      expect(await etcd.answer(engine.transact({ when, then: [] }))).toMatchObject({ held: true, found: [] })
      const then = Array.from({ length: MAX_OPERATIONS + 1 }, (_, i) => ({ type: 'get' as const, key: key(`${i}`) }))
      await expect(etcd.answer(engine.transact({ then }))).rejects.toMatchObject({
        code: 'CAUCUS_INVALID_ARGUMENT',
        definite: true,
      })
    })

    test('a list has everything that begins so and nothing else, in order, at one revision', async () => {
      const total = 1_100
      const names = Array.from({ length: total }, (_, i) => `list/${String(i).padStart(5, '0')}`)
      for (let i = 0; i < total; i += MAX_OPERATIONS) {
        const then = names
          .slice(i, i + MAX_OPERATIONS)
          .map((each) => ({ type: 'put' as const, key: key(each), value: each }))
        await etcd.answer(engine.transact({ then }))
      }
      await put('list', 'before')
      const { revision } = await put('list0', 'after')
      const listed = await etcd.answer(engine.list(key('list/')))
      expect(listed.entries.map(({ value }) => value)).toEqual(names)
      expect(listed.revision).toBeGreaterThanOrEqual(revision)
      expect((await etcd.answer(engine.list(key('nothing/')))).entries).toEqual([])
    })

    test('a lease takes its keys with it when it is revoked, and nobody minds when it is revoked again', async () => {
      const { lease, ttlMs } = await etcd.answer(engine.grant(60))
      expect(ttlMs).toBeGreaterThanOrEqual(60_000)
      await put('leased', 'here', lease)
      await put('other', 'here')
      expect(await etcd.answer(engine.keepAlive(lease))).toBe(true)
      await etcd.answer(engine.revoke(lease))
      expect(await get('leased')).toBeUndefined()
      expect(await get('other')).toBeDefined()
      expect(await etcd.answer(engine.keepAlive(lease))).toBe(false)
      await etcd.answer(engine.revoke(lease))
    })

    test('many leases are kept alive at once, each with its own answer', async () => {
      const leases = await etcd.answer(Promise.all(Array.from({ length: 8 }, () => engine.grant(60))))
      await etcd.answer(Promise.all(leases.filter((_, i) => i % 2 === 0).map(({ lease }) => engine.revoke(lease))))
      const asked = [...leases, ...leases].map(({ lease }) => engine.keepAlive(lease))
      const known = await etcd.answer(Promise.all(asked))
      expect(known).toEqual([...leases, ...leases].map((_, i) => i % 2 === 1))
    })

    test('a lease that nobody keeps alive expires, and a watch tells what goes with it', async () => {
      const { lease } = await etcd.answer(engine.grant(2))
      const { revision } = await put('leased', 'here', lease)
      const told = new Told()
      engine.watch(etcd.prefix, revision + 1, told)
      await etcd.until('the lease to expire', () => told.changes.length > 0)
      expect(told.brief(etcd.prefix)).toEqual(['-leased'])
      expect(await etcd.answer(engine.keepAlive(lease))).toBe(false)
    })

    test('a put under a lease that is gone is refused, with all else in its transaction', async () => {
      const { lease } = await etcd.answer(engine.grant(60))
      await etcd.answer(engine.revoke(lease))
      const then = [
        { type: 'put' as const, key: key('free'), value: '1' },
        { type: 'put' as const, key: key('leased'), value: '1', lease },
      ]
      await expect(etcd.answer(engine.transact({ then }))).rejects.toMatchObject({
        code: 'CAUCUS_CONFLICT',
        definite: true,
      })
      expect(await get('free')).toBeUndefined()
    })

    test('a watch tells everything since a revision, in order, and what happened at once together', async () => {
      await put('w/before', '0')
      const { revision } = await put('w/a', '1')
      await put('elsewhere', 'not told')
      const told = new Told()
      engine.watch(key('w/'), revision, told)
      expect(told.changes).toEqual([])
      await etcd.answer(
        engine.transact({
          then: [
            { type: 'put', key: key('w/b'), value: '2' },
            { type: 'put', key: key('elsewhere'), value: 'not told' },
            { type: 'delete', key: key('w/before') },
          ],
        }),
      )
      const { revision: last } = await put('w/a', '3')
      await etcd.until('all of it', () => told.changes.at(-1)?.revision === last)
      expect(told.brief(key('w/'))).toEqual(['+a=1', '+b=2', '-before', '+a=3'])
      // Of one revision there is never a part.
      for (const { changes } of told.changes) {
        const before = changes.some((change) => change.type === 'delete')
        expect(changes.some((change) => change.type === 'put' && change.entry.value === '2')).toBe(before)
      }
      const [first] = told.changes[0]?.changes ?? []
      expect(first).toEqual({
        type: 'put',
        entry: { key: key('w/a'), value: '1', createRevision: revision, modRevision: revision },
      })
      expect(told.end).toBeUndefined()
    })

    test('a watch from now on says first where it begins, and tells everything after that', async () => {
      const { revision } = await put('w/a', '1')
      const told = new Told()
      engine.watch(key('w/'), 0, told)
      await etcd.until('its beginning', () => told.progress.length > 0)
      expect(told.changes).toEqual([])
      expect(told.progress[0]).toBeGreaterThanOrEqual(revision)
      const { revision: last } = await put('w/a', '2')
      expect(told.progress[0]).toBeLessThan(last)
      await etcd.until('the change', () => told.changes.length > 0)
      expect(told.brief(key('w/'))).toEqual(['+a=2'])
    })

    test('a watch of which nothing is to be told says so', async () => {
      const { revision } = await put('quiet', '1')
      const told = new Told()
      engine.watch(key('quiet/'), revision + 1, told)
      await etcd.until('two signs of life', () => told.progress.length >= 2)
      expect(told.changes).toEqual([])
      expect(told.progress).toEqual([...told.progress].sort((a, b) => a - b))
      // What comes after a sign of life is not before it.
      const { revision: next } = await put('quiet/a', '2')
      await etcd.until('the change', () => told.changes.length > 0)
      expect(told.changes[0]?.revision).toBe(next)
      expect(told.progress[0]).toBeLessThan(next)
    })

    test('a watch from before a compaction ends, and says that this is why', async () => {
      const { revision } = await put('c', '1')
      await put('c', '2')
      const { revision: last } = await put('c', '3')
      await etcd.compact(last)
      const told = new Told()
      engine.watch(etcd.prefix, revision, told)
      await etcd.until('the end', () => told.end !== undefined)
      expect(told.end).toEqual({ compacted: true })
      expect(told.changes).toEqual([])
      const since = new Told()
      engine.watch(etcd.prefix, last, since)
      await etcd.until('the newest', () => since.changes.length > 0)
      expect(since.brief(etcd.prefix)).toEqual(['+c=3'])
    })

    test('a watch that is closed tells nothing any more', async () => {
      const { revision } = await put('a', '1')
      const closed = new Told()
      const open = new Told()
      const watching = engine.watch(etcd.prefix, revision, closed)
      engine.watch(etcd.prefix, revision, open)
      watching.close()
      watching.close()
      await put('a', '2')
      await etcd.until('the other watch', () => open.brief(etcd.prefix).length >= 2)
      expect(open.brief(etcd.prefix)).toEqual(['+a=1', '+a=2'])
      expect(closed.changes).toEqual([])
      expect(closed.end).toBeUndefined()
    })

    test('once it is closed nothing is done for anybody', async () => {
      const { lease } = await etcd.answer(engine.grant(60))
      const waiting = engine.keepAlive(lease).then(
        () => 'answered',
        (error: { code: string }) => error.code,
      )
      await engine.close()
      expect(['CAUCUS_CLOSED', 'answered']).toContain(await waiting)
      for (const call of [engine.keepAlive(lease), engine.list(etcd.prefix), engine.grant(2), engine.revoke(lease)]) {
        await expect(call).rejects.toMatchObject({ code: 'CAUCUS_CLOSED', definite: true })
      }
      expect(() => engine.watch(etcd.prefix, 1, new Told())).toThrow(expect.objectContaining({ code: 'CAUCUS_CLOSED' }))
      await engine.close()
    })
  })
}
