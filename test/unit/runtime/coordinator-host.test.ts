import { describe, expect, test } from 'vitest'
import { timing } from '../../../src/config/timing.ts'
import type { Foundation } from '../../../src/core/group/foundation.ts'
import type { CoordinatorMessage, Renew } from '../../../src/core/group/messages.ts'
import { epochOf } from '../../../src/core/lease.ts'
import { CaucusError } from '../../../src/errors.ts'
import type { FoundationStore } from '../../../src/ports/store.ts'
import { type CoordinatorHostOptions, hostCoordinator } from '../../../src/runtime/coordinator-host.ts'
import { SimulatedClock } from '../../../src/testing/simulated-clock.ts'

const NOW_S = 1_800_000_000

class TestStore implements FoundationStore {
  readonly durable = true
  readonly instanceId = 'i'
  kept: Foundation | undefined
  saves = 0
  closed = false
  fails = false
  /** Says that somebody else has the store now. */
  lose: (reason: CaucusError) => void = () => undefined
  readonly lost = new Promise<CaucusError>((resolve) => {
    this.lose = resolve
  })
  /** A write that takes until this is called. */
  finish: (() => void) | undefined

  async load() {
    return this.kept
  }
  async save(foundation: Foundation) {
    this.saves++
    if (this.fails) throw new Error('the disk is full')
    if (this.finish !== undefined) {
      await new Promise<void>((resolve) => {
        this.finish = resolve
      })
    }
    this.kept = foundation
  }
  async close() {
    this.closed = true
  }
}

const start = async (options: Partial<CoordinatorHostOptions> & { store?: TestStore; clock?: SimulatedClock } = {}) => {
  const clock = options.clock ?? new SimulatedClock(1_000)
  const store = options.store ?? new TestStore()
  const hosting = await hostCoordinator({
    clock,
    wallMs: () => NOW_S * 1_000,
    defaults: timing.local,
    fresh: true,
    limits: { groups: 10, membersPerGroup: 10 },
    onFault: (error) => {
      throw error
    },
    ...options,
    store,
  })
  return { clock, store, hosting }
}

const join = (member: string, more: Partial<Renew> = {}): Renew => ({
  type: 'renew',
  group: 'g',
  member,
  bootId: `boot-${member}`,
  sequence: 1,
  order: 0,
  holding: [],
  draining: [],
  acknowledged: [],
  ...more,
})

describe('a coordinator that starts', () => {
  test('serves nobody before its generation is durable', async () => {
    const store = new TestStore()
    store.finish = () => {}
    let serves = false
    const starting = start({ store }).then((started) => {
      serves = true
      return started
    })
    while (store.saves === 0) await Promise.resolve()
    expect([serves, store.kept]).toEqual([false, undefined])
    store.finish()
    const { hosting } = await starting
    expect(hosting.view().generation).toBe(NOW_S)
    store.finish = undefined
    expect(store.kept).toMatchObject({ generation: NOW_S, defaultCeilingMs: timing.local.leaseMs })
    expect(hosting.guarantees).toEqual({ exclusion: 'fenced', survivesRestart: true, survivesPartition: false })
    await hosting.close()
    expect(store.closed).toBe(true)
  })

  test('takes a later generation each time, also when the wall clock stands still', async () => {
    const store = new TestStore()
    for (const generation of [NOW_S, NOW_S + 1, NOW_S + 2]) {
      const { hosting } = await start({ store })
      expect(hosting.view().generation).toBe(generation)
      await hosting.close()
    }
  })

  test('fails with what its store says, and lets go of it', async () => {
    const store = new TestStore()
    store.fails = true
    await expect(start({ store })).rejects.toThrow('the disk is full')
    expect(store.closed).toBe(true)
  })
})

describe('a link', () => {
  test('hears the hello before attach returns, and then what is for it, one frame for one frame', async () => {
    const { clock, hosting } = await start()
    const frames: string[][] = []
    const link = hosting.attach((messages) => frames.push(messages.map(({ type }) => type)))
    expect(frames).toEqual([['hello']])
    expect(link.receive([join('a'), join('b'), join('c', { group: 'other' })])).toBe(true)
    expect(frames.slice(1)).toEqual([['share', 'share', 'share']])
    clock.advance(timing.local.settleMs + 50)
    // One wake-up of two groups is one turn.
    expect(frames.slice(2).flat()).toEqual(['share', 'share', 'share'])
    link.close()
    clock.advance(10_000)
    expect(frames).toHaveLength(3)
    expect(hosting.counters()).toMatchObject({ links: 0, frames: 1, received: 3 })
    await hosting.close()
    expect(clock.pending).toBe(0)
  })

  test('that fails while it is written to is dropped, and the others go on', async () => {
    const { clock, hosting } = await start()
    let broken = false
    const bad = hosting.attach(() => {
      if (broken) throw new Error('broken pipe')
    })
    const heard: CoordinatorMessage[] = []
    const good = hosting.attach((messages) => heard.push(...messages))
    good.receive([join('a')])
    bad.receive([join('b')])
    broken = true
    clock.advance(timing.local.settleMs + 50)
    expect(heard.at(-1)).toMatchObject({ type: 'share', state: 'settled', holding: [{ item: 1, of: 2 }] })
    expect(hosting.counters().links).toBe(1)
    await hosting.close()
  })
})

describe('a caller without a link', () => {
  test('gets its answer, and nothing for what was overtaken', async () => {
    const { hosting } = await start()
    expect(await hosting.call(join('a', { sequence: 2 }))).toMatchObject({ type: 'share', sequence: 2, member: 'a' })
    expect(await hosting.call(join('a', { sequence: 1 }))).toBeUndefined()
    expect(await hosting.call(join('x', { share: { partitions: 4 } }))).toMatchObject({ code: 'CAUCUS_CONFLICT' })
    expect(hosting.viewOf('g')).toMatchObject({ members: [{ id: 'a' }] })
    expect([hosting.evict('g', 'a'), hosting.evict('g', 'a')]).toEqual([true, false])
    await hosting.close()
    await expect(hosting.call(join('a'))).rejects.toMatchObject({ code: 'CAUCUS_CLOSED' })
  })

  test('that speaks the wire of bloc is answered before poll returns', async () => {
    const poll = { group: 'default', timeoutMs: 4_000, settleMs: 100, settleCapMs: 500, pollIntervalMs: 3_000 }
    const { clock, hosting } = await start({ poll })
    expect(hosting.poll('a')).toEqual({ type: 'polled', status: 'SETTLING' })
    clock.advance(200)
    expect(hosting.poll('a')).toMatchObject({ status: 'SETTLED', index: 1, total: 1 })
    expect([hosting.pollerLeft('a'), hosting.pollerLeft('a')]).toMatchObject([{ found: true }, { found: false }])
    await hosting.close()
    const { hosting: other } = await start()
    expect(() => other.poll('a')).toThrow('no group for the wire of bloc')
    await other.close()
  })
})

test('a store that fails is asked again, but not at once, and nothing is granted under what it did not keep', async () => {
  const { clock, store, hosting } = await start()
  const heard: CoordinatorMessage[] = []
  const link = hosting.attach((messages) => heard.push(...messages))
  store.fails = true
  const incarnation = epochOf(NOW_S + 5, 1)
  link.receive([join('a', { incarnation, generation: NOW_S })])
  expect(store.saves).toBe(2)
  await clock.play(900)
  expect([store.saves, hosting.view().generation]).toEqual([2, NOW_S])
  store.fails = false
  await clock.play(200)
  link.receive([join('a', { incarnation, generation: NOW_S, sequence: 2 })])
  await clock.play(10)
  expect(store.kept?.generation).toBe(NOW_S + 6)
  expect(hosting.view().generation).toBe(NOW_S + 6)
  link.receive([join('b')])
  expect(heard.at(-1)).toMatchObject({ type: 'share', generation: NOW_S + 6 })
  await hosting.close()
})

test('a store that somebody else has now stops the coordinator, and says why', async () => {
  const faults: unknown[] = []
  const { store, hosting } = await start({ onFault: (error) => faults.push(error) })
  const link = hosting.attach(() => {})
  const reason = new CaucusError('CAUCUS_CONFLICT', 'the lock is gone')
  store.lose(reason)
  await store.lost
  expect(faults).toEqual([reason])
  expect(link.receive([join('a')])).toBe(false)
  await hosting.close()
})

test('a link whose frame cannot be taken does not silence the others', async () => {
  const { hosting } = await start()
  const heard: CoordinatorMessage[] = []
  const link = hosting.attach((messages) => heard.push(...messages))
  const spoilt: Iterable<Renew> = {
    *[Symbol.iterator]() {
      yield join('b')
      throw new Error('spoilt')
    },
  }
  expect(() => link.receive(spoilt as readonly Renew[])).toThrow('spoilt')
  link.receive([join('a')])
  expect(heard.map(({ type }) => type)).toEqual(['hello', 'share', 'share'])
  await hosting.close()
})

test('events are there to be read from a revision on', async () => {
  const { clock, hosting } = await start()
  const link = hosting.attach(() => {})
  link.receive([join('a')])
  clock.advance(200)
  const types: string[] = []
  for await (const told of hosting.events({ group: 'g', after: `${NOW_S}-1` })) {
    types.push('revision' in told ? `${told.revision} ${told.event.type}` : told.type)
    if (types.length === 3) break
  }
  expect(types).toEqual([`${NOW_S}-2 group.settling`, `${NOW_S}-3 slot.granted`, `${NOW_S}-4 group.settled`])
  await hosting.close()
})

describe('under somebody else’s authority', () => {
  test('it is asked in every step, after the clock was read for it: a pause between them cannot matter', async () => {
    const order: string[] = []
    const clock = new SimulatedClock(1_000)
    const read = clock.now.bind(clock)
    const authority = () => {
      order.push('asked')
      return true
    }
    const { hosting } = await start({ clock, authority })
    clock.now = () => {
      order.push('read')
      return read()
    }
    await hosting.call(join('a'))
    expect(order.indexOf('asked')).toBeGreaterThan(order.indexOf('read'))
    expect(order.filter((each) => each === 'asked')).toHaveLength(1)
    order.length = 0
    clock.advance(timing.local.settleMs)
    expect(order).toContain('asked')
  })

  test('once the answer is no, nothing is granted, answered or left behind, whatever the answer is later', async () => {
    let holds = true
    let lost = 0
    const clock = new SimulatedClock(1_000)
    const { hosting, store } = await start({
      clock,
      authority: () => holds,
      onAuthorityLost: () => void lost++,
    })
    const said: CoordinatorMessage[] = []
    const link = hosting.attach((messages) => void said.push(...messages))
    await clock.play()
    const ordered = hosting.order('g', { type: 'freeze' }).catch((error: unknown) => error)
    await clock.play()
    await ordered
    said.length = 0
    holds = false
    link.receive([join('a')])
    holds = true
    link.receive([join('b')])
    await expect(hosting.call(join('c'))).rejects.toMatchObject({ code: 'CAUCUS_NOT_LEADER' })
    expect(() => hosting.attach(() => undefined)).toThrow('does not lead')
    clock.advance(10_000)
    expect([said, lost, hosting.view().groups]).toEqual([[], 1, []])
    const { saves } = store
    await hosting.close()
    expect([store.saves, store.closed, clock.pending]).toEqual([saves, true, 0])
  })

  test('has the least generation that somebody else says', async () => {
    const { hosting } = await start({ leastGeneration: 7 })
    expect(hosting.view().generation).toBe(7)
    const store = new TestStore()
    store.kept = { generation: 9, defaultCeilingMs: 0, ceilingsMs: {} }
    expect((await start({ store, leastGeneration: 7 })).hosting.view().generation).toBe(10)
  })
})

describe('a link of members that somebody vouches for', () => {
  test('keeps them for as long as it says so, and is told when the first of what it hears was decided', async () => {
    const recorded: string[] = []
    const { clock, hosting } = await start({ onRecorded: ({ event }) => void recorded.push(event.type) })
    const heard: number[] = []
    const link = hosting.attach((_messages, since) => heard.push(since))
    clock.advance(500)
    link.receive([join('a'), join('b')], { present: true })
    expect(heard).toEqual([1_000, 1_500])
    clock.advance(60_000)
    expect(hosting.headOf('g')).toMatchObject({ members: 2, state: 'settled', share: 'index' })
    expect(link.gone({ group: 'g', member: 'a', bootId: 'boot-a' })).toBe(true)
    clock.advance(3_000)
    expect(hosting.headOf('g')?.members).toBe(1)
    expect(hosting.headOf('no such group')).toBeUndefined()
    expect(recorded).toContain('member.expired')
    await hosting.close()
  })
})
