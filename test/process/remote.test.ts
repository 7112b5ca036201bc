import { type Caucus, connect, type LinkEvent, type Membership, remote, timing } from 'caucus'
import { afterEach, describe, expect, test } from 'vitest'
import { memoryStore } from '../../src/stores/memory-store.ts'
import { codeOf, seen } from '../../src/testing/contract/assertions.ts'
import { FaultProxy } from '../../src/testing/trial/fault-proxy.ts'
import { serve } from '../contract/server.ts'
import { closeAll, using } from './support/closing.ts'
import { waitFor } from './support/wait.ts'

afterEach(closeAll)

const local = { timing: timing.local }
/** A lease with room for all that a busy machine adds to finding out that a connection is gone, and making another one. */
const calm = { timing: { ...timing.local, leaseMs: 4_000 } }
const nextEvent = async (caucus: Caucus, type: LinkEvent['type']): Promise<LinkEvent> => {
  for await (const event of caucus.events({ signal: AbortSignal.timeout(20_000) })) {
    if (event.type === type) return event
  }
  throw new Error('the connection was closed first')
}
/** Looks every few milliseconds whether the share ever goes away. */
const watchOver = (membership: Membership) => {
  let gaps = 0
  const timer = setInterval(() => {
    if (!membership.owns('x')) gaps++
  }, 2)
  return () => {
    clearInterval(timer)
    return gaps
  }
}

describe('a share outlives', () => {
  test('its connection, when that is made again in time', async () => {
    const server = using(await serve(calm))
    const line = using(await FaultProxy.start(server.url))
    const caucus = using(await connect(remote(line.url, calm)))
    const membership = await caucus.group('g').join()
    const { slot } = await membership.settled()
    const gaps = watchOver(membership)
    for (let cuts = 0; cuts < 3; cuts++) {
      const back = nextEvent(caucus, 'link.opened')
      line.cut()
      await back
    }
    await new Promise((resolve) => setTimeout(resolve, calm.timing.leaseMs))
    expect(gaps()).toBe(0)
    expect(membership.slot).toEqual(slot)
  })

  test('a connection that is dead and does not say so', async () => {
    const server = using(await serve(calm))
    const line = using(await FaultProxy.start(server.url))
    const caucus = using(await connect(remote(line.url, calm)))
    const membership = await caucus.group('g').join()
    await membership.settled()
    const gaps = watchOver(membership)
    const lost = nextEvent(caucus, 'link.lost')
    const back = nextEvent(caucus, 'link.opened')
    line.abandon()
    expect(await lost).toMatchObject({ reason: expect.stringContaining('has said nothing for') })
    await back
    await new Promise((resolve) => setTimeout(resolve, calm.timing.leaseMs))
    expect(gaps()).toBe(0)
  })

  test('its server, when that is killed and started again on its port', async () => {
    const store = memoryStore()
    const first = await serve({ ...calm, store })
    const caucus = using(await connect(remote(first.url, calm)))
    const share = { partitions: 16 }
    const [a, b] = await Promise.all(['a', 'b'].map((id) => caucus.group('g').join({ id, share })))
    const settled = await Promise.all([a, b].map((each) => seen(each!, ({ partitions }) => partitions.length === 8)))
    const epochs = settled[0]?.partitions.map((partition) => a!.epoch(partition))
    let gaps = 0
    const timer = setInterval(() => {
      if (a!.partitions.length + b!.partitions.length < 16) gaps++
    }, 2)
    const back = nextEvent(caucus, 'link.opened')
    await first.kill()
    const second = using(await serve({ ...calm, store, port: first.port, fresh: false }))
    expect(await back).toMatchObject({ generation: second.hosting.view().generation })
    await new Promise((resolve) => setTimeout(resolve, 2 * calm.timing.leaseMs))
    clearInterval(timer)
    expect(gaps).toBe(0)
    expect(settled[0]?.partitions.map((partition) => a!.epoch(partition))).toEqual(epochs)
    expect(second.hosting.viewOf('g')?.members.map(({ partitions }) => partitions?.length)).toEqual([8, 8])
  })
})

test('another server on the port is refused while something is held, and used after that', async () => {
  const first = await serve()
  const caucus = using(await connect(remote(first.url, local)))
  const membership = await caucus.group('g').join()
  await membership.settled()
  const refused = nextEvent(caucus, 'link.refused')
  const conflict = (async () => {
    for await (const event of caucus.events()) {
      if (event.type === 'link.refused' && event.error.code === 'CAUCUS_CONFLICT') return membership.slot
    }
    return undefined
  })()
  await first.kill()
  await refused
  using(await serve({ port: first.port }))
  expect(await conflict).toMatchObject({ index: 1, total: 1 })
  await seen(membership, ({ slot }) => slot === undefined)
  await seen(membership, ({ slot }) => slot !== undefined)
})

test('of several servers, one of another cluster is refused and reported', async () => {
  const ours = await serve({ clusterId: 'ours' })
  const stranger = using(await serve({ clusterId: 'theirs' }))
  const caucus = using(await connect(remote([ours.url, stranger.url], local)))
  await caucus.group('g').join()
  const refused = (async () => {
    for await (const event of caucus.events()) {
      if (event.type === 'link.refused' && event.error.code === 'CAUCUS_CONFLICT') return event
    }
    return undefined
  })()
  await ours.kill()
  expect(await refused).toMatchObject({ url: stranger.url, error: { message: expect.stringContaining('"theirs"') } })
  expect(stranger.hosting.view().groups).toEqual([])
})

describe('connect() fails', () => {
  test('at once when the token is wrong', async () => {
    const server = using(await serve({ token: 'the-right-token' }))
    expect(await codeOf(connect(remote(server.url, { token: 'the-wrong-token' })))).toBe('CAUCUS_UNAUTHORIZED')
    expect(await codeOf(connect(remote(server.url)))).toBe('CAUCUS_UNAUTHORIZED')
  })

  test('in time when nobody is there, and says who', async () => {
    const gone = await serve()
    await gone.close()
    const attempt = connect(remote(gone.url, { ...local, connectTimeoutMs: 200 }))
    await expect(attempt).rejects.toMatchObject({
      code: 'CAUCUS_UNAVAILABLE',
      message: expect.stringContaining('ECONNREFUSED'),
    })
    const reason = new Error('enough')
    const ended = new AbortController()
    const waiting = codeOf(connect(remote(gone.url), { signal: ended.signal }))
    ended.abort(reason)
    expect(await waiting).toBe(reason)
  })
})

test('all renewals of a connection travel in one frame', async () => {
  const server = using(await serve())
  const caucus = using(await connect(remote(server.url, local)))
  await Promise.all(Array.from({ length: 20 }, (_, index) => caucus.group(`g${index}`).join()))
  const before = server.hosting.counters()
  const grown = (name: string) => (server.hosting.counters()[name] ?? 0) - (before[name] ?? 0)
  await waitFor('three renewals of each', () => grown('received') >= 60)
  expect(grown('received') / grown('frames')).toBeGreaterThan(10)
})

test('a closed connection leaves neither sockets nor timers', async () => {
  const server = using(await serve())
  const count = (name: string) => process.getActiveResourcesInfo().filter((each) => each === name).length
  const before = { sockets: count('TCPSocketWrap'), timers: count('Timeout') }
  const caucus = await connect(remote(server.url, local))
  const membership = await caucus.group('g').join()
  await membership.settled()
  const listening = (async () => {
    for await (const _ of caucus.group('g').events());
  })()
  await waitFor('a socket', () => count('TCPSocketWrap') > before.sockets)
  await caucus.close()
  await listening
  // Fewer, when what an earlier test or file of this process had kept alive has ended meanwhile.
  await waitFor('as few as before', () => count('TCPSocketWrap') <= before.sockets && count('Timeout') <= before.timers)
})
