import type { RegisterOptions } from 'caucus'
import { describe, expect, test } from 'vitest'
import { codeOf, world } from './world.ts'

const ADDRESS = { host: '10.0.0.7', port: 8080 }

describe('a registration', () => {
  test('says what it is, and tells nobody of what it does not say', async () => {
    const { connect, within } = world()
    const search = (await connect()).service('search')
    const registration = await within(100, search.register(ADDRESS))
    expect(registration.id).toMatch(/^[0-9a-f-]{36}$/)
    expect(registration.instance).toEqual({ ...ADDRESS, tags: [], weight: 1, status: 'up' })
    expect([registration.state, registration.error, registration.signal.aborted]).toEqual([
      'registered',
      undefined,
      false,
    ])
  })

  test('keeps a copy of its metadata that nobody else can change', async () => {
    const { connect, within } = world()
    const search = (await connect()).service('search')
    const metadata = { paths: ['/a'] }
    const registration = await within(100, search.register({ ...ADDRESS, metadata }))
    metadata.paths.push('/b')
    await within(100, registration.update({ weight: 2 }))
    expect(await search.instances()).toMatchObject([{ weight: 2, metadata: { paths: ['/a'] } }])
  })

  test('changes all of what is said or nothing', async () => {
    const { connect, within } = world()
    const search = (await connect()).service('search')
    const registration = await within(100, search.register(ADDRESS))
    const faults: [object, string][] = [
      [{ port: 9090, tags: ['a', 'a'] }, 'twice'],
      [{ port: 9090, status: 'fine' }, 'status must be'],
      [{ port: 9090, host: '' }, 'host is empty'],
      [{ port: 9090, metadata: 'x'.repeat(5_000) }, 'longer than 4096 bytes'],
      [{ port: 9090, metadata: 1n }, 'must be JSON'],
      [{ port: 9090, prot: 1 }, 'knows no option "prot"'],
    ]
    for (const [changes, why] of faults) expect(() => registration.update(changes)).toThrow(why)
    expect(() => registration.update(7 as never)).toThrow('takes an object')
    expect(() => registration.setStatus('down' as never)).toThrow('setStatus(status) takes one of')
    expect(registration.instance).toMatchObject(ADDRESS)
    expect(await search.instances()).toMatchObject([ADDRESS])
  })

  test('is over for good: a change rejects, and leaving twice is leaving once', async () => {
    const { connect, within } = world()
    const registration = await within(100, (await connect()).service('search').register(ADDRESS))
    await within(100, Promise.all([registration.leave(), registration.leave()]))
    expect([registration.state, registration.signal.aborted, registration.error]).toEqual([
      'withdrawn',
      true,
      undefined,
    ])
    expect(await codeOf(registration.setStatus('up'))).toBe('CAUCUS_CLOSED')
    // Nobody has to look at it: it must not end as an unhandled rejection.
    void registration.update({ port: 1 })
  })

  test('in one process has a bounded number of waits, each ended by its signal', async () => {
    const { connect, within } = world()
    const registration = await within(100, (await connect()).service('search').register(ADDRESS))
    const reason = new Error('enough')
    await expect(registration.update({ port: 1 }, { signal: AbortSignal.abort(reason) })).rejects.toBe(reason)
    await expect(registration.leave({ signal: AbortSignal.abort(reason) })).rejects.toBe(reason)
  })
})

describe('what cannot be is refused before anything is sent', () => {
  test.each<[string, unknown, string]>([
    ['nothing', undefined, 'register() takes at least'],
    ['no address', {}, 'host must be'],
    ['a URL', { host: 'http://a', port: 80 }, 'host'],
    ['a port of 0', { host: 'a', port: 0 }, 'port must be'],
    ['a port as text', { host: 'a', port: '80' }, 'port must be'],
    ['a misspelt option', { ...ADDRESS, tag: 'a' }, 'knows no option "tag"'],
    ['an id with a control character', { ...ADDRESS, id: 'a\n' }, 'member id has a control character'],
    ['a signal that is none', { ...ADDRESS, signal: {} }, 'signal must be'],
    ['metadata with a prototype', { ...ADDRESS, metadata: JSON.parse('{"__proto__":1}') }, '__proto__'],
    ['too much of everything', { ...ADDRESS, metadata: 'x'.repeat(4_080) }, 'the instance is longer'],
  ])('%s', async (_, options, why) => {
    const { connect } = world()
    const caucus = await connect()
    await expect(caucus.service('search').register(options as RegisterOptions)).rejects.toMatchObject({
      code: 'CAUCUS_INVALID_ARGUMENT',
      message: expect.stringContaining(why),
    })
    expect(await caucus.services()).toEqual([])
  })

  test('a name, a filter, a key', async () => {
    const { connect, within } = world()
    const caucus = await connect()
    for (const name of ['', '..', 'x'.repeat(121), 7])
      expect(() => caucus.service(name as string)).toThrow('service name')
    const search = caucus.service('search')
    for (const filter of [
      { tags: 'a' },
      { zone: '' },
      { status: 'well' },
      { metadata: [] },
      { metadata: 1 },
      { zones: 'a' },
    ])
      expect(await codeOf(search.instances(filter as never))).toBe('CAUCUS_INVALID_ARGUMENT')
    expect(() => search.watch({ tags: [''] })).toThrow('tags[0] is empty')
    expect(await codeOf(search.pick({ preferZone: '' }))).toBe('CAUCUS_INVALID_ARGUMENT')
    const picker = await within(100, search.pick())
    expect(() => picker.byKey(7 as never)).toThrow('byKey(key) takes a string')
    picker.close()
    expect(() => picker.roundRobin()).toThrow('closed')
  })
})

test('one list serves everybody who looks at it, and is let go with the last', async () => {
  const { connect, within, clock } = world()
  const caucus = await connect()
  const search = caucus.service('search')
  const first = await within(100, search.pick())
  const second = await within(100, search.pick())
  await within(100, search.register({ ...ADDRESS, id: 'a' }))
  await clock.play(0)
  expect([first.roundRobin()?.id, second.roundRobin()?.id]).toEqual(['a', 'a'])
  first.close()
  await within(100, search.register({ ...ADDRESS, id: 'b' }))
  await clock.play(0)
  expect(second.instances.map(({ id }) => id)).toEqual(['a', 'b'])
  await second[Symbol.asyncDispose]()
  const third = await within(100, search.pick())
  expect(third.instances).toHaveLength(2)
  await within(2_000, caucus.close())
  // Whoever is in that list may have gone long ago.
  for (const pick of [() => third.roundRobin(), () => third.byKey('k'), () => third.instances])
    expect(pick).toThrow('the connection of this picker has been closed')
  await expect(search.pick()).rejects.toMatchObject({ code: 'CAUCUS_CLOSED' })
})

test('a picker that waits for its first list when the connection is closed does not go without one', async () => {
  const { connect, within } = world()
  const caucus = await connect()
  const picking = codeOf(caucus.service('search').pick())
  await within(2_000, caucus.close())
  expect(await picking).toBe('CAUCUS_CLOSED')
})
