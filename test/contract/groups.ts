import type { Caucus, Membership, RecordedEvent, Share } from 'caucus'
import { type BackendFactory, connect, type Guarantees, isCaucusError } from 'caucus'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'

/** What a backend must bring to be held to the contract. Its groups settle within a few hundred milliseconds. */
export interface Subject {
  /** Each call reaches the same cluster. */
  readonly backend: BackendFactory
  readonly guarantees: Guarantees
  close(): Promise<void>
}

export const seen = async (membership: Membership, matches: (share: Share) => boolean): Promise<Share> => {
  for await (const share of membership.watch({ signal: AbortSignal.timeout(20_000) })) if (matches(share)) return share
  throw new Error('the membership ended first')
}

export const codeOf = (promise: Promise<unknown>): Promise<unknown> =>
  promise.then(
    () => 'resolved',
    (error: unknown) => (isCaucusError(error) ? error.code : error),
  )

const KEYS = Array.from({ length: 300 }, (_, index) => `key-${index}`)

/** Everything that a program may rely on in a group, whatever is underneath. */
export const groupContract = (name: string, open: () => Promise<Subject>) =>
  describe(`groups on ${name}`, () => {
    let subject: Subject
    let caucus: Caucus
    beforeEach(async () => {
      subject = await open()
      caucus = await connect(subject.backend)
    })
    afterEach(async () => {
      await caucus.close()
      await subject.close()
    })

    const ownersOf = (key: string, members: readonly Membership[]) =>
      members.filter((member) => member.owns(key)).length

    test('promises what it can keep', () => {
      expect(caucus.guarantees).toEqual(subject.guarantees)
    })

    test('a block ends by leaving', async () => {
      const view = async () => (await caucus.group('u').view())?.total ?? 0
      {
        await using own = await connect(subject.backend)
        await using membership = await own.group('u').join()
        expect([membership.state, await view()]).toEqual(['member', 1])
      }
      expect(await view()).toBe(0)
    })

    test('two members of two connections have two places, and every key has one owner', async () => {
      const other = await connect(subject.backend)
      const a = await caucus.group('g').join({ id: 'a', metadata: { zone: 'x' } })
      const b = await other.group('g').join({ id: 'b' })
      await Promise.all([a, b].map((member) => seen(member, ({ slot }) => slot?.total === 2)))
      expect([a.slot?.index, b.slot?.index].sort()).toEqual([1, 2])
      for (const key of KEYS) expect(ownersOf(key, [a, b])).toBe(1)
      expect(await caucus.group('g').view()).toMatchObject({
        name: 'g',
        share: 'index',
        total: 2,
        members: [{ id: 'a', index: 1, metadata: { zone: 'x' } }, { id: 'b' }],
      })
      expect((await other.groups()).map((group) => group.name)).toEqual(['g'])
      const epoch = a.slot?.epoch ?? 0
      await other.close()
      const alone = await seen(a, ({ slot }) => slot?.total === 1)
      expect(alone.slot?.epoch).toBeGreaterThan(epoch)
      expect(b.state).toBe('left')
    })

    test('partitions are all owned, loads differ by at most one, and what moves is drained before another gets it', async () => {
      const group = caucus.group('p')
      const share = { partitions: 16 }
      const a = await group.join({ id: 'a', share })
      await seen(a, ({ partitions }) => partitions.length === 16)
      const order: string[] = []
      let finish = () => {}
      const work = new Promise<void>((resolve) => {
        finish = resolve
      })
      a.onRevoke(async (moved, { signal }) => {
        order.push(`revoked ${moved.partitions.length}`)
        expect(signal.aborted).toBe(false)
        expect(moved.partitions.some((partition) => a.epoch(partition) !== undefined)).toBe(false)
        expect(KEYS.filter((key) => moved.owns(key)).every((key) => !a.owns(key))).toBe(true)
        await work
        order.push('drained')
      })
      const b = await group.join({ id: 'b', share })
      await seen(a, ({ partitions }) => partitions.length === 8)
      await seen(b, ({ members }) => members === 2)
      expect(b.partitions).toEqual([])
      order.push('still none')
      finish()
      const got = await seen(b, ({ partitions }) => partitions.length === 8)
      expect(order).toEqual(['revoked 8', 'still none', 'drained'])
      expect([...a.partitions, ...got.partitions].sort((x, y) => x - y)).toEqual(
        Array.from({ length: 16 }, (_, p) => p),
      )
      for (const key of KEYS) expect(ownersOf(key, [a, b])).toBe(1)
      const [first = 0] = b.partitions
      expect(b.epoch(first)).toBeGreaterThan(0)
      expect(a.epoch(first)).toBeUndefined()
    })

    test('partitions are shared by weight, and a new weight moves what it must', async () => {
      const group = caucus.group('w')
      const share = { partitions: 16 }
      const heavy = await group.join({ id: 'heavy', share, weight: 3 })
      const light = await group.join({ id: 'light', share })
      await seen(heavy, ({ partitions }) => partitions.length === 12)
      await seen(light, ({ partitions }) => partitions.length === 4)
      expect((await group.view())?.members).toMatchObject([{ id: 'heavy', weight: 3 }, { id: 'light' }])
      const before = light.partitions
      heavy.setWeight(1)
      await seen(light, ({ partitions }) => partitions.length === 8)
      expect(light.partitions).toEqual(expect.arrayContaining([...before]))
      light.setWeight(0)
      await seen(heavy, ({ partitions }) => partitions.length === 16)
      expect([light.state, light.partitions]).toEqual(['member', []])
      for (const key of KEYS) expect(ownersOf(key, [heavy, light])).toBe(1)
    })

    test('the place of a static member is kept while it restarts, and nothing of the others moves', async () => {
      const group = caucus.group('k')
      const share = { partitions: 12 }
      const [a, b, c] = await Promise.all(['a', 'b', 'c'].map((id) => group.join({ id, share, static: true })))
      const all = [a, b, c] as Membership[]
      await Promise.all(all.map((member) => seen(member, ({ partitions }) => partitions.length === 4)))
      const held = (member: Membership | undefined) =>
        member?.partitions.map((partition) => `${partition} at ${member.epoch(partition)}`)
      const [as, bs, cs] = [held(a), b?.partitions, held(c)]
      const other = await connect(subject.backend)
      await b?.leave()
      expect((await group.view())?.kept).toMatchObject([{ id: 'b', partitions: bs }])
      const again = await other.group('k').join({ id: 'b', share, static: true })
      await seen(again, ({ partitions }) => partitions.length === 4)
      expect(again.partitions).toEqual(bs)
      expect([held(a), held(c)]).toEqual([as, cs])
      expect((await group.view())?.kept).toBeUndefined()
      await other.close()
    })

    test('a drain of one that leaves is awaited, too', async () => {
      const a = await caucus.group('l').join()
      await a.settled()
      let drained = false
      a.onRevoke(async ({ slot }) => {
        expect(slot).toMatchObject({ index: 1, total: 1 })
        await Promise.resolve()
        drained = true
      })
      await a.leave()
      expect([drained, a.state, a.slot, a.error]).toEqual([true, 'left', undefined, undefined])
      expect(await codeOf(a.settled())).toBe('CAUCUS_CLOSED')
    })

    test('a second process with the same id fences the first, for good', async () => {
      const first = await caucus.group('f').join({ id: 'same' })
      await first.settled()
      const watching = (async () => {
        for await (const _ of first.watch());
      })()
      const second = await caucus.group('f').join({ id: 'same' })
      expect(await codeOf(watching)).toBe('CAUCUS_FENCED')
      expect([first.state, first.slot, first.owns('x'), first.error?.code]).toEqual([
        'fenced',
        undefined,
        false,
        'CAUCUS_FENCED',
      ])
      await seen(second, ({ slot }) => slot !== undefined)
      expect(second.incarnation).toBeGreaterThan(first.incarnation ?? 0)
      expect(await codeOf(first.settled())).toBe('CAUCUS_FENCED')
      await first.leave()
    })

    test('another share than the group has is refused', async () => {
      await caucus.group('c').join({ share: { partitions: 8 } })
      expect(await codeOf(caucus.group('c').join({ share: 'index' }))).toBe('CAUCUS_CONFLICT')
      const guest = await caucus.group('c').join()
      await seen(guest, ({ partitions }) => partitions.length === 4)
    })

    test('events tell what happened, and go on from a revision', async () => {
      const revisions: RecordedEvent[] = []
      const ended = new AbortController()
      const reading = (async () => {
        for await (const told of caucus.group('e').events({ signal: ended.signal })) {
          if ('revision' in told) revisions.push(told)
          if ('revision' in told && told.event.type === 'group.settled') break
        }
      })()
      await new Promise((resolve) => setTimeout(resolve, 100))
      const a = await caucus.group('e').join({ id: 'a' })
      await a.settled()
      await reading
      expect(revisions.map(({ event }) => event.type)).toEqual([
        'member.joined',
        'group.settling',
        'slot.granted',
        'group.settled',
      ])
      const [joined] = revisions
      for await (const told of caucus.group('e').events({ after: joined?.revision ?? '' })) {
        expect(told).toEqual(revisions[1])
        break
      }
    })

    test('every wait ends by its signal, and leaves nothing behind', async () => {
      const reason = new Error('enough')
      const ended = new AbortController()
      const { signal } = ended
      const a = await caucus.group('s').join({ id: 'a' })
      const waits = [
        (async () => {
          for await (const _ of a.watch({ signal }));
        })(),
        (async () => {
          for await (const _ of a.events({ signal }));
        })(),
        (async () => {
          for await (const _ of caucus.group('s').events({ signal }));
        })(),
        (async () => {
          for await (const _ of caucus.events({ signal }));
        })(),
      ].map(codeOf)
      ended.abort(reason)
      expect(await Promise.all(waits)).toEqual(waits.map(() => reason))
      expect(await codeOf(a.settled({ signal }))).toBe(reason)
      expect(await codeOf(a.leave({ signal }))).toBe(reason)
      expect(await codeOf(caucus.group('s').join({ signal }))).toBe(reason)
      expect(await codeOf(caucus.group('s').view({ signal }))).toBe(reason)
      expect(await codeOf(connect(subject.backend, { signal }))).toBe(reason)
      await a.leave()
    })

    test('closing during a join leaves nobody behind', async () => {
      const other = await connect(subject.backend)
      const joining = codeOf(other.group('j').join())
      await other.close()
      expect(await joining).toBe('CAUCUS_CLOSED')
      expect((await caucus.group('j').view())?.total ?? 0).toBe(0)
    })

    test('closing leaves every group, ends every loop, and may be done twice', async () => {
      const other = await connect(subject.backend)
      const a = await other.group('d').join({ id: 'a' })
      const b = await other.group('d2').join({ id: 'b' })
      const loops = [a.watch(), a.events(), other.events(), other.group('d').events()].map((loop) =>
        codeOf(
          (async () => {
            for await (const _ of loop);
          })(),
        ),
      )
      await Promise.all([other.close(), other[Symbol.asyncDispose]()])
      await other.close()
      expect([a.state, b.state]).toEqual(['left', 'left'])
      expect(await Promise.all(loops)).toEqual(loops.map(() => 'resolved'))
      expect(await codeOf(other.group('d').join())).toBe('CAUCUS_CLOSED')
      expect(await caucus.group('d').view()).toMatchObject({ total: 0 })
    })
  })
