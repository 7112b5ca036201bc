import { describe, expect, test } from 'vitest'
import { world } from './world.ts'

const share = { partitions: 12 }

describe('weights', () => {
  test('share the partitions by proportion, and without one a member weighs 1', async () => {
    const { connect, within, seen } = world()
    const group = (await connect()).group('g')
    const heavy = await within(100, group.join({ id: 'heavy', share, weight: 3 }))
    const light = await within(100, group.join({ id: 'light', share }))
    await seen(heavy, ({ partitions }) => partitions.length === 9)
    await seen(light, ({ partitions }) => partitions.length === 3)
  })

  test('may change: what moves is drained first, and nothing moves back', async () => {
    const { connect, within, seen } = world()
    const group = (await connect()).group('g')
    const a = await within(100, group.join({ id: 'a', share, weight: 3 }))
    const b = await within(100, group.join({ id: 'b', share }))
    await seen(b, ({ partitions }) => partitions.length === 3)
    const before = b.partitions
    const drained: number[] = []
    a.onRevoke((moved) => {
      drained.push(...moved.partitions)
    })
    a.setWeight(1)
    await seen(b, ({ partitions }) => partitions.length === 6)
    expect(drained).toHaveLength(3)
    expect(b.partitions).toEqual([...before, ...drained].sort((left, right) => left - right))
  })

  test('of 0 leave a member without work, and still there', async () => {
    const { connect, within, seen } = world()
    const group = (await connect()).group('g')
    const a = await within(100, group.join({ id: 'a', share }))
    const b = await within(100, group.join({ id: 'b', share, weight: 0 }))
    await seen(a, ({ partitions, members }) => partitions.length === 12 && members === 2)
    expect([b.state, b.partitions]).toEqual(['member', []])
    b.setWeight(1)
    await seen(b, ({ partitions }) => partitions.length === 6)
    a.setWeight(0)
    await seen(b, ({ partitions }) => partitions.length === 12)
    expect((await within(100, group.view()))?.members).toMatchObject([{ id: 'a', weight: 0 }, { id: 'b' }])
  })

  test('of indexes there are none, and to ask for one does not end the membership', async () => {
    const { connect, within } = world()
    const a = await within(100, (await connect()).group('g').join({ id: 'a' }))
    expect(() => a.setWeight(2)).toThrow(expect.objectContaining({ code: 'CAUCUS_CONFLICT' }))
    a.setWeight(1)
    expect(a.state).toBe('member')
  })

  test('are forgotten with the membership: nothing is said after the end', async () => {
    const { connect, within } = world()
    const a = await within(100, (await connect()).group('g').join({ share }))
    await within(2_000, a.leave())
    a.setWeight(5)
    expect(a.state).toBe('left')
  })
})

describe('a static member', () => {
  test('comes back to its partitions, and nobody else notices', async () => {
    const { connect, within, seen } = world()
    const [caucus, another] = [await connect(), await connect()]
    const a = await within(100, caucus.group('g').join({ id: 'a', share }))
    const b = await within(100, another.group('g').join({ id: 'b', share, static: true, weight: 2 }))
    await seen(b, ({ partitions }) => partitions.length === 8)
    await seen(a, ({ partitions }) => partitions.length === 4)
    const revoked: number[] = []
    a.onRevoke((moved) => {
      revoked.push(...moved.partitions)
    })
    const before = [a.partitions, b.partitions]
    const epochs = a.partitions.map((partition) => a.epoch(partition))
    await within(2_000, b.leave())
    expect(a.partitions).toEqual(before[0])
    const again = await within(500, another.group('g').join({ id: 'b', share, static: true, weight: 2 }))
    await seen(again, ({ partitions }) => partitions.length === 8)
    expect([a.partitions, again.partitions]).toEqual(before)
    expect(a.partitions.map((partition) => a.epoch(partition))).toEqual(epochs)
    expect(revoked).toEqual([])
  })

  test('that stays away is waited for no longer than the grace', async () => {
    const { connect, within, seen } = world()
    const caucus = await connect()
    const a = await within(100, caucus.group('g').join({ id: 'a', share }))
    const b = await within(100, caucus.group('g').join({ id: 'b', share, static: true }))
    await seen(b, ({ partitions }) => partitions.length === 6)
    await within(2_000, b.leave())
    expect((await within(100, caucus.group('g').view()))?.kept).toMatchObject([{ id: 'b' }])
    await seen(a, ({ partitions }) => partitions.length === 12)
    expect((await within(100, caucus.group('g').view()))?.kept).toBeUndefined()
  })

  test('keeps its index, too', async () => {
    const { connect, within, seen } = world()
    const caucus = await connect()
    const [a, b, c] = await within(
      100,
      Promise.all(['a', 'b', 'c'].map((id) => caucus.group('g').join({ id, static: true }))),
    )
    for (const member of [a, b, c]) await seen(member, ({ slot }) => slot?.total === 3)
    await within(2_000, b?.leave() ?? Promise.resolve())
    expect([a?.slot?.index, c?.slot?.index, c?.slot?.total]).toEqual([1, 3, 3])
    const again = await within(500, caucus.group('g').join({ id: 'b', static: true }))
    await seen(again, ({ slot }) => slot?.index === 2)
  })
})
