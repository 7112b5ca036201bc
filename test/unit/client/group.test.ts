import type { MembershipEvent } from 'caucus'
import { describe, expect, test, vi } from 'vitest'
import { codeOf, world } from './world.ts'

describe('a group that shares indexes', () => {
  test('a member alone has index 1 of 1, and owns every key', async () => {
    const { connect, within } = world()
    const caucus = await connect()
    const membership = await within(100, caucus.group('indexers').join({ id: 'a', metadata: { zone: 'x' } }))
    expect([membership.state, membership.slot, membership.owns('user-42')]).toEqual(['member', undefined, false])
    const share = await within(1_000, membership.settled())
    expect(share.slot).toMatchObject({ index: 1, total: 1 })
    expect(membership.slot).toEqual(share.slot)
    expect(membership.owns('user-42')).toBe(true)
    expect(membership.token('user-42')).toBe(share.slot?.epoch)
    expect(membership.partitions).toEqual([])
    expect(membership.epoch(1)).toBeUndefined()
  })

  test('three members have three places, and when one leaves the others close up', async () => {
    const { connect, within, seen } = world()
    const group = (await connect()).group('indexers')
    const [a, b, c] = await within(100, Promise.all(['a', 'b', 'c'].map((id) => group.join({ id }))))
    for (const member of [a, b, c]) await seen(member, ({ slot }) => slot?.total === 3)
    expect([a, b, c].map((member) => member?.slot?.index)).toEqual([1, 2, 3])
    const owners = (key: string) => [a, b, c].filter((member) => member?.owns(key)).length
    for (let key = 0; key < 50; key++) expect(owners(`key-${key}`)).toBe(1)
    await within(2_000, a?.leave() ?? Promise.resolve())
    expect([a?.state, a?.slot, a?.error]).toEqual(['left', undefined, undefined])
    for (const member of [b, c]) await seen(member, ({ slot }) => slot?.total === 2)
    expect([b?.slot?.index, c?.slot?.index]).toEqual([1, 2])
  })
})

describe('a lease', () => {
  test('ends while the loop stands still, and nobody has to notice for that', async () => {
    const { clock, connect, within, seen } = world()
    const group = (await connect()).group('g')
    const a = await within(100, group.join({ share: { partitions: 4 } }))
    await seen(a, ({ partitions }) => partitions.length === 4)
    expect([a.owns('x'), a.partitions.length]).toEqual([true, 4])
    clock.stall(1_000)
    expect([a.owns('x'), a.token('x'), a.partitions, a.epoch(0)]).toEqual([false, undefined, [], undefined])
  })

  test('ends while the machine sleeps', async () => {
    const { clock, connect, within } = world()
    const a = await within(100, (await connect()).group('g').join())
    await within(1_000, a.settled())
    clock.suspend(1_000)
    expect([a.slot, a.owns('x')]).toEqual([undefined, false])
  })
})

describe('onRevoke', () => {
  test('is told what moves, and that it has lost it once the lease ends', async () => {
    const { clock, connect, within, seen } = world()
    const group = (await connect()).group('g')
    const share = { partitions: 8 }
    const a = await within(100, group.join({ id: 'a', share }))
    await seen(a, ({ partitions }) => partitions.length === 8)
    const told: string[] = []
    const finished = new Promise<void>((resolve) => {
      a.onRevoke(async (moved, { signal }) => {
        told.push(`${moved.partitions.length} to go, ${signal.aborted}`)
        await new Promise((aborted) => signal.addEventListener('abort', aborted, { once: true }))
        told.push(`aborted: ${signal.reason.code}`)
        resolve()
      })
    })
    const b = await within(100, group.join({ id: 'b', share }))
    await within(10_000, finished)
    expect(told).toEqual(['4 to go, false', 'aborted: CAUCUS_SESSION_EXPIRED'])
    expect(b.partitions).toEqual([])
    await clock.play(100)
    await seen(b, ({ partitions }) => partitions.length === 4)
  })

  test('that fails says so, and what moves waits for the end of its lease', async () => {
    const { connect, within, seen } = world({ timing: { leaseMs: 1_000, settleMs: 50, drainLimitMs: 500 } })
    const group = (await connect()).group('g')
    const share = { partitions: 8 }
    const a = await within(100, group.join({ id: 'a', share }))
    await seen(a, ({ partitions }) => partitions.length === 8)
    const warn = vi.spyOn(process, 'emitWarning').mockImplementation(() => undefined)
    const events: MembershipEvent['type'][] = []
    const reading = (async () => {
      for await (const event of a.events()) if (event.type !== 'gap') events.push(event.type)
    })()
    a.onRevoke(() => {
      throw new Error('cannot stop')
    })
    const b = await within(100, group.join({ id: 'b', share }))
    await seen(b, ({ partitions }) => partitions.length === 4)
    await within(5_000, a.leave())
    await reading
    const warning = [expect.objectContaining({ message: expect.stringContaining('cannot stop') })]
    expect(warn.mock.calls).toEqual([warning, warning])
    warn.mockRestore()
    expect(events.slice(0, 3)).toEqual(['share.revoked', 'drain.failed', 'share.lost'])
  })

  test('that fails with what has no text is told like any other', async () => {
    const { connect, within, seen } = world({ timing: { leaseMs: 1_000, settleMs: 50, drainLimitMs: 500 } })
    const a = await within(100, (await connect()).group('g').join({ share: { partitions: 8 } }))
    await seen(a, ({ partitions }) => partitions.length === 8)
    const warn = vi.spyOn(process, 'emitWarning').mockImplementation(() => undefined)
    const error = Object.create(null)
    a.onRevoke(() => Promise.reject(error))
    await within(5_000, a.leave())
    expect(warn.mock.calls).toEqual([
      [expect.objectContaining({ message: expect.stringContaining('cannot be turned into text'), cause: error })],
    ])
    warn.mockRestore()
  })

  test('that saw the end before our timer did has its event all the same', async () => {
    const { clock, connect, within, seen } = world()
    const group = (await connect()).group('g')
    const share = { partitions: 8 }
    const a = await within(100, group.join({ id: 'a', share }))
    await seen(a, ({ partitions }) => partitions.length === 8)
    const drain = new Promise<{ signal: AbortSignal; finish: () => void }>((resolve) => {
      a.onRevoke((_, { signal }) => new Promise<void>((finish) => resolve({ signal, finish })))
    })
    await within(100, group.join({ id: 'b', share }))
    const { signal, finish } = await within(5_000, drain)
    const request = AbortSignal.any([signal])
    clock.stall(5_000)
    expect([signal.aborted, request.aborted]).toEqual([true, false])
    finish()
    for (let turns = 0; turns < 10; turns++) await undefined
    expect(request.reason).toMatchObject({ code: 'CAUCUS_SESSION_EXPIRED' })
  })

  test('that failed has its event when the lease ends, and one that finished well has none', async () => {
    const { connect, within, seen } = world({ timing: { leaseMs: 1_000, settleMs: 50, drainLimitMs: 500 } })
    const group = (await connect()).group('g')
    const share = { partitions: 8 }
    const a = await within(100, group.join({ id: 'a', share }))
    await seen(a, ({ partitions }) => partitions.length === 8)
    const warn = vi.spyOn(process, 'emitWarning').mockImplementation(() => undefined)
    const requests: AbortSignal[] = []
    a.onRevoke((_, { signal }) => {
      requests.push(AbortSignal.any([signal]))
      if (requests.length === 1) throw new Error('cannot stop')
    })
    const b = await within(100, group.join({ id: 'b', share }))
    await seen(b, ({ partitions }) => partitions.length === 4)
    expect(requests.map(({ aborted }) => aborted)).toEqual([true])
    await within(5_000, a.leave())
    await seen(b, ({ partitions }) => partitions.length === 8)
    expect(requests.map(({ aborted }) => aborted)).toEqual([true, false])
    warn.mockRestore()
  })

  test('may be taken back, and without one everything moves at once', async () => {
    const { connect, within, seen } = world()
    const group = (await connect()).group('g')
    const share = { partitions: 8 }
    const a = await within(100, group.join({ id: 'a', share }))
    await seen(a, ({ partitions }) => partitions.length === 8)
    const off = a.onRevoke(() => new Promise(() => {}))
    off()
    const b = await within(100, group.join({ id: 'b', share }))
    expect((await seen(b, ({ partitions }) => partitions.length === 4)).members).toBe(2)
  })
})

describe('joining', () => {
  test('that is called off leaves no member behind', async () => {
    const { clock, connect, within } = world()
    const caucus = await connect()
    const reason = new Error('enough')
    const ended = new AbortController()
    const joining = codeOf(caucus.group('g').join({ signal: ended.signal }))
    ended.abort(reason)
    expect(await joining).toBe(reason)
    await clock.play(50)
    expect(await within(100, caucus.group('g').view())).toBeUndefined()
  })

  test('that is called off after its message has left takes that back', async () => {
    const { clock, connect } = world()
    const caucus = await connect()
    await clock.play(0)
    const ended = new AbortController()
    const joining = codeOf(caucus.group('g').join({ signal: ended.signal }))
    ended.abort(new Error('enough'))
    await joining
    await clock.play(50)
    expect((await caucus.group('g').view())?.total ?? 0).toBe(0)
  })

  test('ends with the connection', async () => {
    const { connect } = world()
    const caucus = await connect()
    const joining = codeOf(caucus.group('g').join())
    await caucus.close()
    expect(await joining).toBe('CAUCUS_CLOSED')
  })
})

test('others see the metadata of a member, also when it changes', async () => {
  const { clock, connect, within } = world()
  const caucus = await connect()
  const metadata = { zone: 'x' }
  const a = await within(100, caucus.group('g').join({ id: 'a', metadata }))
  metadata.zone = 'changed behind our back'
  expect((await caucus.group('g').view())?.members[0]?.metadata).toEqual({ zone: 'x' })
  a.setMetadata({ zone: 'y' })
  await clock.play(50)
  expect((await caucus.group('g').view())?.members[0]?.metadata).toEqual({ zone: 'y' })
})

test('a cluster that is opened again repeats no epoch', async () => {
  const { connect, within } = world()
  const epochs: number[] = []
  for (let round = 0; round < 3; round++) {
    const caucus = await connect()
    const membership = await within(100, caucus.group('g').join())
    epochs.push((await within(1_000, membership.settled())).slot?.epoch ?? 0)
    await within(1_000, caucus.close())
  }
  expect(new Set(epochs).size).toBe(3)
  expect(epochs).toEqual([...epochs].sort((a, b) => a - b))
})
