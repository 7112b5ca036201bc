import { connect, type Leader, remote, timing } from 'caucus'
import { expect, onTestFinished, test } from 'vitest'
import { memoryStore } from '../../src/stores/memory-store.ts'
import { codeOf } from './groups.ts'
import { serve } from './server.ts'

const client = async (url: string) => {
  const caucus = await connect(remote([url], { timing: timing.local }))
  onTestFinished(() => caucus.close())
  return caucus
}

const server = async (options: Parameters<typeof serve>[0] = {}) => {
  const served = await serve(options)
  onTestFinished(() => served.close())
  return served
}

const first = async (leaders: AsyncIterable<Leader | undefined>, matches: (leader: Leader | undefined) => boolean) => {
  for await (const leader of leaders) if (matches(leader)) return leader
  throw new Error('nobody like that came to lead')
}

const pause = (ms: number) => new Promise((resolve) => setTimeout(resolve, ms))

test('a leader that an operator drains finishes its work, and leads again when it may, after those who waited', async () => {
  const { url, hosting } = await server()
  const [one, other] = [await client(url), await client(url)]
  const told: string[] = []
  const leading = one.election('e').lead(
    async ({ signal, token }) => {
      told.push('a leads')
      if (told.length > 1) return token
      await new Promise((resolve) => signal.addEventListener('abort', resolve))
      told.push('a is asked')
      await pause(300)
      told.push('a has finished')
      throw signal.reason
    },
    { id: 'a' },
  )
  await first(other.election('e').observe(), (leader) => leader?.id === 'a')
  const next = other.election('e').campaign({ id: 'b' })
  await pause(100)
  await hosting.order('election/e', { type: 'drain', member: 'a' })
  const b = await next
  told.push('b leads')
  expect(told).toEqual(['a leads', 'a is asked', 'a has finished', 'b leads'])
  expect(hosting.viewOf('election/e')?.members).toMatchObject([
    { id: 'b', leads: true },
    { id: 'a', drained: true },
  ])
  await b.resign()
  await pause(300)
  expect(await one.election('e').leader()).toBeUndefined()
  await hosting.order('election/e', { type: 'undrain', member: 'a' })
  expect(await leading).toBeGreaterThan(b.token)
})

test('an election is neither frozen nor pinned', async () => {
  const { url, hosting } = await server()
  await (await client(url)).election('e').campaign({ id: 'a' })
  expect(await codeOf(hosting.order('election/e', { type: 'freeze' }))).toBe('CAUCUS_CONFLICT')
  expect(await codeOf(hosting.order('election/e', { type: 'pin', partition: 0, member: 'a' }))).toBe('CAUCUS_CONFLICT')
})

test('a leader that is removed is told, and nobody else leads before its lease has run out', async () => {
  const { url, hosting } = await server()
  const a = await (await client(url)).election('e').campaign({ id: 'a' })
  const next = (await client(url)).election('e').campaign({ id: 'b' })
  await pause(100)
  expect(hosting.evict('election/e', 'a')).toBe(true)
  expect((await next).token).toBeGreaterThan(a.token)
  expect(a.signal.reason).toMatchObject({ code: 'CAUCUS_FENCED' })
})

test('a server that comes back moves nothing: the leader goes on, candidates keep their order, observers go on', async () => {
  const store = memoryStore()
  const clusterId = 'a cluster of this test'
  const before = await serve({ store, clusterId, fresh: false })
  const [one, other] = [await client(before.url), await client(before.url)]
  const a = await one.election('e').campaign({ id: 'a' })
  const order: string[] = []
  const waiting = []
  for (const id of ['b', 'c']) {
    waiting.push(
      other.election('e').lead(
        ({ token }) => {
          order.push(id)
          return token
        },
        { id },
      ),
    )
    await pause(100)
  }
  const leaders = other.election('e').observe()
  expect((await leaders.next()).value?.id).toBe('a')
  await before.kill()
  await pause(100)
  const after = await serve({ store, clusterId, fresh: false, port: before.port })
  onTestFinished(() => after.close())
  for (let tries = 0; tries < 100 && after.hosting.viewOf('election/e')?.members.length !== 3; tries++) await pause(20)
  expect(after.hosting.viewOf('election/e')?.members).toMatchObject([
    { id: 'a', leads: true, epoch: a.token },
    { id: 'b' },
    { id: 'c' },
  ])
  expect([a.held, order]).toEqual([true, []])
  await a.resign()
  const [b = 0, c = 0] = await Promise.all(waiting)
  expect(order).toEqual(['b', 'c'])
  expect([b > a.token, c > b]).toEqual([true, true])
  expect(await first(leaders, (leader) => leader === undefined)).toBeUndefined()
})

test('over HTTP a candidate sees its token while it leads, and resigns by leaving', async () => {
  const { url } = await server()
  const path = (id: string, query = '') => `${url}/v1/groups/election%2Fe/members/${id}${query}`
  const put = async (id: string, more: object = {}) => {
    const body = JSON.stringify({ bootId: `boot of ${id}`, sequence: 1, share: 'tenure', ...more })
    const answer = await fetch(path(id), { method: 'PUT', body })
    return (await answer.json()) as Record<string, unknown>
  }
  const a = await put('a')
  expect(a).toMatchObject({ state: 'settled', token: expect.any(Number) })
  expect(a).not.toHaveProperty('partitions')
  expect(await put('b')).not.toHaveProperty('token')
  const seen = (await (await fetch(`${url}/v1/groups/election%2Fe`)).json()) as { members: unknown[] }
  expect(seen).toMatchObject({ share: 'tenure', members: [{ id: 'a', leads: true, epoch: a.token }, { id: 'b' }] })
  const { generation, incarnation, order, token } = a
  const holding = [{ item: 0, epoch: token }]
  // It need not say its share again.
  const renewed = await put('a', { sequence: 2, share: undefined, generation, incarnation, order, holding })
  expect(renewed).toMatchObject({ token })
  const query = new URLSearchParams({ incarnation: `${incarnation}`, bootId: 'boot of a', sequence: '3' })
  expect((await fetch(path('a', `?${query}`), { method: 'DELETE' })).status).toBe(200)
  expect((await put('b', { sequence: 2 })).token).toBeGreaterThan(Number(token))
  for (const share of ['index', { partitions: 2 }, undefined]) {
    expect(await put('c', { share })).toMatchObject({ error: { code: 'CAUCUS_CONFLICT' } })
  }
  const other = { method: 'PUT', body: '{"bootId":"b","sequence":1,"share":"tenure"}' }
  const refused = await fetch(`${url}/v1/groups/g/members/a`, other)
  expect([refused.status, await refused.json()]).toMatchObject([409, { error: { code: 'CAUCUS_CONFLICT' } }])
})
