import { once } from 'node:events'
import type { Caucus, Instance, Service } from 'caucus'
import { type BackendFactory, connect } from 'caucus'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { codeOf } from './groups.ts'

/** What a backend must bring to be held to the contract. */
export interface Subject {
  /** Each call reaches the same cluster. */
  readonly backend: BackendFactory
  close(): Promise<void>
}

const ADDRESS = { host: '10.0.0.7', port: 8080 }
const PATIENCE = () => AbortSignal.timeout(20_000)

/** The first list that is like this. */
const seen = async (
  service: Service,
  matches: (list: readonly Instance[]) => boolean,
): Promise<readonly Instance[]> => {
  for await (const list of service.watch({ status: 'any', signal: PATIENCE() })) if (matches(list)) return list
  throw new Error('the list ended first')
}

const idsOf = (list: readonly Instance[]): readonly string[] => list.map(({ id }) => id)

/** Everything that a program may rely on of a service, whatever is underneath. */
export const serviceContract = (name: string, open: () => Promise<Subject>) =>
  describe(`services on ${name}`, () => {
    let subject: Subject
    let caucus: Caucus
    let other: Caucus
    beforeEach(async () => {
      subject = await open()
      caucus = await connect(subject.backend)
      other = await connect(subject.backend)
    })
    afterEach(async () => {
      await Promise.all([caucus.close(), other.close()])
      await subject.close()
    })

    test('a service that nobody has registered for is empty, and no error', async () => {
      expect(await caucus.service('nobody').instances()).toEqual([])
      expect(await caucus.services()).toEqual([])
    })

    test('what one process says of itself another one finds, with what was left unsaid filled in', async () => {
      const plain = await caucus.service('search').register({ ...ADDRESS, id: 'a' })
      const full = {
        host: 'b.example',
        port: 1,
        tags: ['v2', 'gpu'],
        zone: 'eu-1',
        weight: 3,
        metadata: { path: '/x' },
      }
      await caucus.service('search').register({ ...full, id: 'b' })
      expect(await other.service('search').instances()).toEqual([
        { id: 'a', incarnation: expect.any(Number), ...ADDRESS, tags: [], weight: 1, status: 'up' },
        { id: 'b', incarnation: expect.any(Number), ...full, tags: ['gpu', 'v2'], status: 'up' },
      ])
      expect([plain.state, plain.id, plain.service]).toEqual(['registered', 'a', 'search'])
      expect(await other.services()).toEqual([{ name: 'search', instances: 2, up: 2 }])
    })

    test('tags, zone, metadata and status choose', async () => {
      const search = caucus.service('search')
      await search.register({ ...ADDRESS, id: 'a', tags: ['v1'], zone: 'x', metadata: { tier: { name: 'gold' } } })
      await search.register({ ...ADDRESS, id: 'b', tags: ['v1', 'gpu'], zone: 'y' })
      await search.register({ ...ADDRESS, id: 'c', status: 'critical' })
      const found = async (filter: Parameters<Service['instances']>[0]) =>
        idsOf(await other.service('search').instances(filter))
      expect(await found({ tags: ['v1'] })).toEqual(['a', 'b'])
      expect(await found({ tags: ['v1', 'gpu'] })).toEqual(['b'])
      expect(await found({ zone: 'x' })).toEqual(['a'])
      expect(await found({ metadata: { tier: { name: 'gold' } } })).toEqual(['a'])
      expect(await found({ metadata: { tier: { name: 'lead' } } })).toEqual([])
      expect(await found({ status: 'critical' })).toEqual(['c'])
      expect(await found({ status: 'any' })).toEqual(['a', 'b', 'c'])
    })

    test('once a change is confirmed nobody is sent there any more', async () => {
      const registration = await caucus.service('search').register({ ...ADDRESS, id: 'a' })
      await registration.setStatus('draining')
      expect(await other.service('search').instances()).toEqual([])
      await registration.update({ status: 'up', port: 9090, tags: ['new'] })
      expect(await other.service('search').instances()).toMatchObject([{ host: '10.0.0.7', port: 9090, tags: ['new'] }])
      expect(registration.instance).toMatchObject({ port: 9090, status: 'up' })
    })

    test('a watch shows what is there, then every change; leaving is one', async () => {
      const search = other.service('search')
      const empty = await seen(search, () => true)
      expect(empty).toEqual([])
      const two = seen(search, (list) => list.length === 2)
      const a = await caucus.service('search').register({ ...ADDRESS, id: 'a' })
      await caucus.service('search').register({ ...ADDRESS, id: 'b' })
      expect(idsOf(await two)).toEqual(['a', 'b'])
      const draining = seen(search, (list) => list[0]?.status === 'draining')
      await a.setStatus('draining')
      await draining
      await a.leave()
      expect(a.state).toBe('withdrawn')
      expect(idsOf(await seen(search, (list) => list.length === 1))).toEqual(['b'])
    })

    test('a watch ends with its connection, and by its signal', async () => {
      const ended = async () => {
        let lists = 0
        for await (const _ of other.service('search').watch()) lists++
        return lists
      }
      const running = ended()
      await seen(other.service('search'), () => true)
      await other.close()
      expect(await running).toBeLessThan(2)
      const reason = new Error('enough')
      const stopped = (async () => {
        const stop = new AbortController()
        for await (const _ of caucus.service('search').watch({ signal: stop.signal })) stop.abort(reason)
      })()
      await expect(stopped).rejects.toBe(reason)
    })

    test('a newer process under the same id fences the older one', async () => {
      const older = await caucus.service('search').register({ ...ADDRESS, id: 'a' })
      const newer = await other.service('search').register({ ...ADDRESS, id: 'a', port: 2 })
      if (!older.signal.aborted) await once(older.signal, 'abort')
      expect([older.state, older.error?.code]).toEqual(['fenced', 'CAUCUS_FENCED'])
      expect(await codeOf(older.setStatus('up'))).toBe('CAUCUS_FENCED')
      expect([newer.state, await other.service('search').instances()]).toMatchObject(['registered', [{ port: 2 }]])
    })

    test('the history of a service goes on from the revision of a view, without a gap', async () => {
      const search = caucus.service('search')
      const a = await search.register({ ...ADDRESS, id: 'a' })
      const { instances, revision, incompleteForMs } = await other.service('search').view()
      expect([idsOf(instances), incompleteForMs]).toEqual([['a'], 0])
      const update = { metadata: { load: 0.5 } }
      await a.update(update)
      // The same again is no change.
      await a.update(update)
      await a.leave()
      await search.register({ ...ADDRESS, id: 'b' })
      const events = []
      let after = revision
      while (events.length < 3) {
        for await (const told of other.service('search').events({ after, signal: PATIENCE() })) {
          if (!('revision' in told)) throw new Error('nothing is forgotten here')
          events.push(told.event)
          after = told.revision
          break
        }
      }
      expect(events).toMatchObject([
        { type: 'service.updated', member: 'a', instance: { ...ADDRESS, ...update } },
        { type: 'service.withdrawn', member: 'a', because: 'left' },
        { type: 'service.registered', member: 'b', because: 'joined', instance: ADDRESS },
      ])
    })

    test('a picker takes turns, keeps a key where it is, and never picks who is not up', async () => {
      const search = caucus.service('search')
      const a = await search.register({ ...ADDRESS, id: 'a' })
      await search.register({ ...ADDRESS, id: 'b', weight: 2 })
      await search.register({ ...ADDRESS, id: 'c', weight: 0 })
      await using picker = await other.service('search').pick()
      const turns = Array.from({ length: 30 }, () => picker.roundRobin()?.id)
      expect([turns.filter((id) => id === 'a').length, turns.filter((id) => id === 'b').length]).toEqual([10, 20])
      const keys = Array.from({ length: 100 }, (_, index) => `key-${index}`)
      const owners = new Map(keys.map((key) => [key, picker.byKey(key)?.id]))
      expect(new Set(owners.values())).toEqual(new Set(['a', 'b']))
      await a.setStatus('draining')
      await expect.poll(() => idsOf(picker.instances)).toEqual(['b', 'c'])
      for (const key of keys) expect(picker.byKey(key)?.id).toBe('b')
      await a.setStatus('up')
      await expect.poll(() => picker.instances.length).toBe(3)
      for (const key of keys) expect(picker.byKey(key)?.id).toBe(owners.get(key))
    })

    test('a picker stays in its zone as long as somebody is there', async () => {
      const search = caucus.service('search')
      const near = await search.register({ ...ADDRESS, id: 'near', zone: 'x' })
      await search.register({ ...ADDRESS, id: 'far', zone: 'y' })
      await using picker = await other.service('search').pick({ preferZone: 'x' })
      expect(Array.from({ length: 5 }, () => picker.roundRobin()?.id)).toEqual(Array(5).fill('near'))
      await near.leave()
      await expect.poll(() => picker.roundRobin()?.id).toBe('far')
      await using nobody = await other.service('nobody').pick()
      expect([nobody.roundRobin(), nobody.byKey('k')]).toEqual([undefined, undefined])
    })

    test('closing a connection withdraws what was registered through it', async () => {
      await caucus.service('search').register({ ...ADDRESS, id: 'a' })
      await caucus.close()
      expect(await other.service('search').instances({ status: 'any' })).toEqual([])
      expect(await codeOf(caucus.service('search').register(ADDRESS))).toBe('CAUCUS_CLOSED')
    })

    test('a group and a service of one name do not meet', async () => {
      await caucus.service('search').register({ ...ADDRESS, id: 'a' })
      expect(await codeOf(caucus.group('service/search').join())).toBe('CAUCUS_CONFLICT')
      await using group = await caucus.group('search').join()
      expect(group.state).toBe('member')
      expect(idsOf(await caucus.service('search').instances())).toEqual(['a'])
    })
  })
