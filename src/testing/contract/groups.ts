import assert from 'node:assert/strict'
import { setTimeout as sleep } from 'node:timers/promises'
import type { RecordedEvent } from '../../index.ts'
import { above, codeOf, KEYS, latch, like, ownedByOne, same, seen } from './assertions.ts'
import type { Tell } from './stage.ts'

/** What a program may rely on in a group: who is in it, and who has what. */
export const tellGroups = (tell: Tell): void => {
  tell('a block ends by leaving', async ({ caucus, connect, name }) => {
    const g = name('g')
    const total = async () => (await caucus.group(g).view())?.total ?? 0
    {
      await using own = await connect()
      await using membership = await own.group(g).join()
      same([membership.state, await total()], ['member', 1])
    }
    same(await total(), 0)
  })

  tell(
    'two members of two connections have two places, and every key has one owner',
    async ({ caucus, other, name }) => {
      const g = name('g')
      const a = await caucus.group(g).join({ id: 'a', metadata: { zone: 'x' } })
      const b = await other.group(g).join({ id: 'b' })
      await Promise.all([a, b].map((member) => seen(member, ({ slot }) => slot?.total === 2)))
      same([a.slot?.index, b.slot?.index].sort(), [1, 2])
      ownedByOne([a, b])
      const members = [{ id: 'a', index: 1, metadata: { zone: 'x' } }, { id: 'b' }]
      like(await caucus.group(g).view(), { name: g, share: 'index', total: 2, members })
      const names = (await other.groups()).map((group) => group.name)
      same(
        names.filter((each) => each === g),
        [g],
      )
      const epoch = a.slot?.epoch
      await other.close()
      const alone = await seen(a, ({ slot }) => slot?.total === 1)
      above(alone.slot?.epoch, epoch)
      assert.equal(b.state, 'left')
    },
  )

  tell(
    'partitions are all owned, loads differ by at most one, and what moves is drained before another gets it',
    async ({ caucus, name }) => {
      const group = caucus.group(name('p'))
      const share = { partitions: 16 }
      const a = await group.join({ id: 'a', share })
      await seen(a, ({ partitions }) => partitions.length === 16)
      const order: string[] = []
      const work = latch()
      a.onRevoke(async (moved, { signal }) => {
        order.push(`revoked ${moved.partitions.length}`)
        if (signal.aborted) order.push('its signal is aborted already')
        if (moved.partitions.some((partition) => a.epoch(partition) !== undefined)) order.push('it is still held')
        if (KEYS.some((key) => moved.owns(key) && a.owns(key))) order.push('its keys are still owned')
        await work.opened
        order.push('drained')
      })
      const b = await group.join({ id: 'b', share })
      await seen(a, ({ partitions }) => partitions.length === 8)
      await seen(b, ({ members }) => members === 2)
      same(b.partitions, [])
      order.push('still none')
      work.open()
      const got = await seen(b, ({ partitions }) => partitions.length === 8)
      same(order, ['revoked 8', 'still none', 'drained'])
      const all = [...a.partitions, ...got.partitions].sort((x, y) => x - y)
      same(
        all,
        Array.from({ length: 16 }, (_, p) => p),
      )
      ownedByOne([a, b])
      const [first = 0] = b.partitions
      above(b.epoch(first), 0)
      assert.equal(a.epoch(first), undefined)
    },
  )

  tell('partitions are shared by weight, and a new weight moves what it must', async ({ caucus, name }) => {
    const group = caucus.group(name('w'))
    const share = { partitions: 16 }
    const heavy = await group.join({ id: 'heavy', share, weight: 3 })
    const light = await group.join({ id: 'light', share })
    await seen(heavy, ({ partitions }) => partitions.length === 12)
    await seen(light, ({ partitions }) => partitions.length === 4)
    like((await group.view())?.members, [{ id: 'heavy', weight: 3 }, { id: 'light' }])
    const before = light.partitions
    heavy.setWeight(1)
    await seen(light, ({ partitions }) => partitions.length === 8)
    same(
      before.filter((partition) => !light.partitions.includes(partition)),
      [],
    )
    light.setWeight(0)
    await seen(heavy, ({ partitions }) => partitions.length === 16)
    same([light.state, light.partitions], ['member', []])
    ownedByOne([heavy, light])
  })

  tell(
    'the place of a static member is kept while it restarts, and nothing of the others moves',
    async ({ caucus, other, name }) => {
      const k = name('k')
      const group = caucus.group(k)
      const share = { partitions: 12 }
      const join = (id: string) => group.join({ id, share, static: true })
      const [a, b, c] = await Promise.all([join('a'), join('b'), join('c')])
      await Promise.all([a, b, c].map((member) => seen(member, ({ partitions }) => partitions.length === 4)))
      const held = () => [a, c].map((member) => member.partitions.map((each) => `${each} at ${member.epoch(each)}`))
      const [before, bs] = [held(), b.partitions]
      await b.leave()
      like((await group.view())?.kept, [{ id: 'b', partitions: bs }])
      const again = await other.group(k).join({ id: 'b', share, static: true })
      await seen(again, ({ partitions }) => partitions.length === 4)
      same(again.partitions, bs)
      same(held(), before)
      assert.equal((await group.view())?.kept, undefined)
    },
  )

  tell('a drain of one that leaves is awaited, too', async ({ caucus, name }) => {
    const a = await caucus.group(name('l')).join()
    await a.settled()
    const drained: unknown[] = []
    a.onRevoke(async ({ slot }) => {
      await Promise.resolve()
      drained.push(slot)
    })
    await a.leave()
    like(drained, [{ index: 1, total: 1 }])
    same([a.state, a.slot, a.error], ['left', undefined, undefined])
    assert.equal(await codeOf(a.settled()), 'CAUCUS_CLOSED')
  })

  tell('a second process with the same id fences the first, for good', async ({ caucus, name }) => {
    const f = name('f')
    const first = await caucus.group(f).join({ id: 'same' })
    await first.settled()
    const watch = async () => {
      for await (const _ of first.watch());
    }
    // The first may hear of it before the second does.
    const ended = codeOf(watch())
    const second = await caucus.group(f).join({ id: 'same' })
    assert.equal(await ended, 'CAUCUS_FENCED')
    same([first.state, first.slot, first.owns('x'), first.error?.code], ['fenced', undefined, false, 'CAUCUS_FENCED'])
    await seen(second, ({ slot }) => slot !== undefined)
    above(second.incarnation, first.incarnation ?? 0, 'an incarnation')
    assert.equal(await codeOf(first.settled()), 'CAUCUS_FENCED')
    await first.leave()
  })

  tell('another share than the group has is refused', async ({ caucus, name }) => {
    const c = name('c')
    await caucus.group(c).join({ share: { partitions: 8 } })
    assert.equal(await codeOf(caucus.group(c).join({ share: 'index' })), 'CAUCUS_CONFLICT')
    const guest = await caucus.group(c).join()
    await seen(guest, ({ partitions }) => partitions.length === 4)
  })

  tell('events tell what happened, and go on from a revision', async ({ caucus, name }) => {
    const group = caucus.group(name('e'))
    const told: RecordedEvent[] = []
    const ended = new AbortController()
    const reading = (async () => {
      for await (const each of group.events({ signal: ended.signal })) {
        if ('revision' in each) told.push(each)
        if ('revision' in each && each.event.type === 'group.settled') break
      }
    })()
    // A reader hears what happens once its question has arrived, and nothing tells it when that is.
    await sleep(200)
    const a = await group.join({ id: 'a' })
    await a.settled()
    await reading
    same(
      told.map(({ event }) => event.type),
      ['member.joined', 'group.settling', 'slot.granted', 'group.settled'],
    )
    for await (const each of group.events({ after: told[0]?.revision ?? '' })) {
      same(each, told[1])
      break
    }
  })

  tell('every wait ends by its signal, and leaves nothing behind', async ({ caucus, connect, name }) => {
    const reason = new Error('enough')
    const ended = new AbortController()
    const { signal } = ended
    const s = name('s')
    const a = await caucus.group(s).join({ id: 'a' })
    const looped = async (loop: AsyncIterable<unknown>) => {
      for await (const _ of loop);
    }
    const loops = [
      a.watch({ signal }),
      a.events({ signal }),
      caucus.group(s).events({ signal }),
      caucus.events({ signal }),
    ]
    const waits = loops.map((loop) => codeOf(looped(loop)))
    ended.abort(reason)
    for (const wait of waits) assert.equal(await wait, reason)
    assert.equal(await codeOf(a.settled({ signal })), reason)
    assert.equal(await codeOf(a.leave({ signal })), reason)
    assert.equal(await codeOf(caucus.group(s).join({ signal })), reason)
    assert.equal(await codeOf(caucus.group(s).view({ signal })), reason)
    assert.equal(await codeOf(connect({ signal })), reason)
    await a.leave()
  })

  tell('closing during a join leaves nobody behind', async ({ caucus, other, name }) => {
    const j = name('j')
    const joining = codeOf(other.group(j).join())
    await other.close()
    assert.equal(await joining, 'CAUCUS_CLOSED')
    const total = async () => (await caucus.group(j).view())?.total ?? 0
    assert.equal(await total(), 0)
  })

  tell('closing leaves every group, ends every loop, and may be done twice', async ({ caucus, other, name }) => {
    const d = name('d')
    const a = await other.group(d).join({ id: 'a' })
    const b = await other.group(name('d2')).join({ id: 'b' })
    const loops = [a.watch(), a.events(), other.events(), other.group(d).events()].map((loop) =>
      codeOf(
        (async () => {
          for await (const _ of loop);
        })(),
      ),
    )
    await Promise.all([other.close(), other[Symbol.asyncDispose]()])
    await other.close()
    same([a.state, b.state], ['left', 'left'])
    same(
      await Promise.all(loops),
      loops.map(() => 'resolved'),
    )
    assert.equal(await codeOf(other.group(d).join()), 'CAUCUS_CLOSED')
    assert.equal((await caucus.group(d).view())?.total ?? 0, 0)
  })
}
