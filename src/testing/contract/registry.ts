import assert from 'node:assert/strict'
import { once } from 'node:events'
import type { Instance, Service } from '../../index.ts'
import { codeOf, eventually, fails, like, patience, same } from './assertions.ts'
import type { Tell } from './stage.ts'

export const ADDRESS = { host: '10.0.0.7', port: 8080 }

/** The first list that is like this. */
const listed = async (
  service: Service,
  matches: (list: readonly Instance[]) => boolean,
): Promise<readonly Instance[]> => {
  for await (const list of service.watch({ status: 'any', signal: patience() })) if (matches(list)) return list
  throw new Error('the list ended first')
}

const idsOf = (list: readonly Instance[]): readonly string[] => list.map(({ id }) => id)

/** What a program may rely on of a service. */
export const tellRegistry = (tell: Tell): void => {
  tell('a service that nobody has registered for is empty, and no error', async ({ caucus, name }) => {
    const nobody = name('nobody')
    same(await caucus.service(nobody).instances(), [])
    same(
      (await caucus.services()).filter((service) => service.name === nobody),
      [],
    )
  })

  tell(
    'what one process says of itself another one finds, with what was left unsaid filled in',
    async ({ caucus, other, name }) => {
      const search = name('search')
      const plain = await caucus.service(search).register({ ...ADDRESS, id: 'a' })
      const address = { host: 'b.example', port: 1, zone: 'eu-1' }
      const full = { ...address, tags: ['v2', 'gpu'], weight: 3, metadata: { path: '/x' } }
      await caucus.service(search).register({ ...full, id: 'b' })
      const found = await other.service(search).instances()
      same(
        found.map(({ incarnation, ...rest }) => ({ ...rest, numbered: typeof incarnation })),
        [
          { id: 'a', ...ADDRESS, tags: [], weight: 1, status: 'up', numbered: 'number' },
          { id: 'b', ...full, tags: ['gpu', 'v2'], status: 'up', numbered: 'number' },
        ],
      )
      same([plain.state, plain.id, plain.service], ['registered', 'a', search])
      same(
        (await other.services()).filter((service) => service.name === search),
        [{ name: search, instances: 2, up: 2 }],
      )
    },
  )

  tell('tags, zone, metadata and status choose', async ({ caucus, other, name }) => {
    const search = caucus.service(name('search'))
    await search.register({ ...ADDRESS, id: 'a', tags: ['v1'], zone: 'x', metadata: { tier: { name: 'gold' } } })
    await search.register({ ...ADDRESS, id: 'b', tags: ['v1', 'gpu'], zone: 'y' })
    await search.register({ ...ADDRESS, id: 'c', status: 'critical' })
    const found = async (filter: Parameters<Service['instances']>[0]) =>
      idsOf(await other.service(search.name).instances(filter))
    same(await found({ tags: ['v1'] }), ['a', 'b'])
    same(await found({ tags: ['v1', 'gpu'] }), ['b'])
    same(await found({ zone: 'x' }), ['a'])
    same(await found({ metadata: { tier: { name: 'gold' } } }), ['a'])
    same(await found({ metadata: { tier: { name: 'lead' } } }), [])
    same(await found({ status: 'critical' }), ['c'])
    same(await found({ status: 'any' }), ['a', 'b', 'c'])
  })

  tell('once a change is confirmed nobody is sent there any more', async ({ caucus, other, name }) => {
    const search = name('search')
    const registration = await caucus.service(search).register({ ...ADDRESS, id: 'a' })
    await registration.setStatus('draining')
    same(await other.service(search).instances(), [])
    await registration.update({ status: 'up', port: 9090, tags: ['new'] })
    like(await other.service(search).instances(), [{ host: '10.0.0.7', port: 9090, tags: ['new'] }])
    like(registration.instance, { port: 9090, status: 'up' })
  })

  tell('a watch shows what is there, then every change; leaving is one', async ({ caucus, other, name }) => {
    const search = name('search')
    const watched = other.service(search)
    same(await listed(watched, () => true), [])
    const two = listed(watched, (list) => list.length === 2)
    const a = await caucus.service(search).register({ ...ADDRESS, id: 'a' })
    await caucus.service(search).register({ ...ADDRESS, id: 'b' })
    same(idsOf(await two), ['a', 'b'])
    const draining = listed(watched, (list) => list[0]?.status === 'draining')
    await a.setStatus('draining')
    await draining
    await a.leave()
    assert.equal(a.state, 'withdrawn')
    same(idsOf(await listed(watched, (list) => list.length === 1)), ['b'])
  })

  tell(
    'a watch that begins after a change was confirmed never shows what was before',
    async ({ caucus, other, name }) => {
      const search = name('search')
      const a = await caucus.service(search).register({ ...ADDRESS, id: 'a', port: 1 })
      await a.update({ port: 2, status: 'draining' })
      const shown: string[] = []
      const watching = listed(other.service(search), ([instance]) => {
        shown.push(`${instance?.port} ${instance?.status}`)
        return instance?.port === 3
      })
      await eventually('the watch to show it', () => shown.length > 0)
      await a.update({ port: 3 })
      await watching
      same([...new Set(shown)], ['2 draining', '3 draining'])
    },
  )

  tell('a watch ends with its connection, and by its signal', async ({ caucus, other, name }) => {
    const search = name('search')
    const ended = async () => {
      let lists = 0
      for await (const _ of other.service(search).watch()) lists++
      return lists
    }
    const running = ended()
    await listed(other.service(search), () => true)
    await other.close()
    assert.ok((await running) < 2, 'a watch showed the same twice')
    const reason = new Error('enough')
    const stopped = (async () => {
      const stop = new AbortController()
      for await (const _ of caucus.service(search).watch({ signal: stop.signal })) stop.abort(reason)
    })()
    await fails(stopped, reason)
  })

  tell('a newer process under the same id fences the older one', async ({ caucus, other, name }) => {
    const search = name('search')
    const older = await caucus.service(search).register({ ...ADDRESS, id: 'a' })
    const newer = await other.service(search).register({ ...ADDRESS, id: 'a', port: 2 })
    if (!older.signal.aborted) await once(older.signal, 'abort')
    same([older.state, older.error?.code], ['fenced', 'CAUCUS_FENCED'])
    assert.equal(await codeOf(older.setStatus('up')), 'CAUCUS_FENCED')
    assert.equal(newer.state, 'registered')
    like(await other.service(search).instances(), [{ port: 2 }])
  })

  tell(
    'the history of a service goes on from the revision of a view, without a gap',
    async ({ caucus, other, name }) => {
      const search = caucus.service(name('search'))
      const watched = other.service(search.name)
      /** The next so many events after this revision, and the revision of the last. */
      const eventsAfter = async (revision: string, count: number) => {
        const events = []
        let after = revision
        while (events.length < count) {
          for await (const told of watched.events({ after, signal: patience() })) {
            if (!('revision' in told)) throw new Error('nothing is forgotten here')
            events.push(told.event)
            after = told.revision
            break
          }
        }
        return events
      }
      const before = await watched.view()
      const a = await search.register({ ...ADDRESS, id: 'a' })
      like(await eventsAfter(before.revision, 1), [{ type: 'service.registered', member: 'a', instance: ADDRESS }])
      // What is shown may be told a moment later. Once it has been told, a view goes on after it.
      const { instances, revision, incompleteForMs } = await watched.view()
      same([idsOf(instances), incompleteForMs], [['a'], 0])
      const update = { metadata: { load: 0.5 } }
      await a.update(update)
      // The same again is no change.
      await a.update(update)
      await a.leave()
      await search.register({ ...ADDRESS, id: 'b' })
      const events = await eventsAfter(revision, 3)
      like(events, [
        { type: 'service.updated', member: 'a', instance: { ...ADDRESS, ...update } },
        { type: 'service.withdrawn', member: 'a', because: 'left' },
        { type: 'service.registered', member: 'b', because: 'joined', instance: ADDRESS },
      ])
    },
  )

  tell(
    'a picker takes turns, keeps a key where it is, and never picks who is not up',
    async ({ caucus, other, name }) => {
      const search = caucus.service(name('search'))
      const a = await search.register({ ...ADDRESS, id: 'a' })
      await search.register({ ...ADDRESS, id: 'b', weight: 2 })
      await search.register({ ...ADDRESS, id: 'c', weight: 0 })
      await using picker = await other.service(search.name).pick()
      const turns = Array.from({ length: 30 }, () => picker.roundRobin()?.id)
      const turnsOf = (who: string) => turns.filter((id) => id === who).length
      same([turnsOf('a'), turnsOf('b')], [10, 20])
      const keys = Array.from({ length: 100 }, (_, index) => `key-${index}`)
      const owners = () => keys.map((key) => picker.byKey(key)?.id)
      const before = owners()
      same([...new Set(before)].sort(), ['a', 'b'])
      await a.setStatus('draining')
      await eventually('the picker to see who drains', () => idsOf(picker.instances).join() === 'b,c')
      same([...new Set(owners())], ['b'])
      await a.setStatus('up')
      await eventually('the picker to see who is back', () => picker.instances.length === 3)
      same(owners(), before)
    },
  )

  tell('a picker stays in its zone as long as somebody is there', async ({ caucus, other, name }) => {
    const search = caucus.service(name('search'))
    const near = await search.register({ ...ADDRESS, id: 'near', zone: 'x' })
    await search.register({ ...ADDRESS, id: 'far', zone: 'y' })
    await using picker = await other.service(search.name).pick({ preferZone: 'x' })
    same(
      Array.from({ length: 5 }, () => picker.roundRobin()?.id),
      Array(5).fill('near'),
    )
    await near.leave()
    await eventually('the picker to go far', () => picker.roundRobin()?.id === 'far')
    await using nobody = await other.service(name('nobody')).pick()
    same([nobody.roundRobin(), nobody.byKey('k')], [undefined, undefined])
  })

  tell('closing a connection withdraws what was registered through it', async ({ caucus, other, name }) => {
    const search = name('search')
    await caucus.service(search).register({ ...ADDRESS, id: 'a' })
    await caucus.close()
    same(await other.service(search).instances({ status: 'any' }), [])
    assert.equal(await codeOf(caucus.service(search).register(ADDRESS)), 'CAUCUS_CLOSED')
  })

  tell('a group and a service of one name do not meet', async ({ caucus, name }) => {
    const search = name('search')
    await caucus.service(search).register({ ...ADDRESS, id: 'a' })
    assert.equal(await codeOf(caucus.group(`service/${search}`).join()), 'CAUCUS_CONFLICT')
    await using group = await caucus.group(search).join()
    assert.equal(group.state, 'member')
    same(idsOf(await caucus.service(search).instances()), ['a'])
  })
}
