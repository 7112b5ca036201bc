import { expect, it, vi } from 'vitest'
import type { Engine } from '../../../src/backends/etcd/engine.ts'
import { CaucusError } from '../../../src/errors.ts'
import { etcdWorld } from './etcd-world.ts'

const PARTITIONS = { partitions: 8 }

it('members of one group share it out, whichever process coordinates, and anybody may look', async () => {
  const { clock, soon, open, etcd } = etcdWorld()
  const [a, b, reader] = [await open('a'), await open('b'), await open('reader')]
  expect(await soon(reader.groups())).toEqual([])
  const one = await soon(a.group('workers').join({ id: 'a', share: PARTITIONS, metadata: { port: 1 } }))
  const two = await soon(b.group('workers').join({ id: 'b', share: PARTITIONS, weight: 3 }))
  await clock.play(5_000)
  expect(one.partitions.length + two.partitions.length).toBe(8)
  const view = await soon(reader.group('workers').view())
  expect(view).toMatchObject({ name: 'workers', state: 'settled', total: 2, share: PARTITIONS })
  expect(view?.members.map(({ id, partitions, weight, metadata }) => ({ id, partitions, weight, metadata }))).toEqual([
    { id: 'a', partitions: one.partitions, weight: undefined, metadata: { port: 1 } },
    { id: 'b', partitions: two.partitions, weight: 3, metadata: undefined },
  ])
  expect(view?.members[0]?.incarnation).toBe(one.incarnation)
  expect((await soon(reader.groups())).map(({ name }) => name)).toEqual(['workers'])
  await soon(Promise.all([a.close(), b.close(), reader.close()]))
  expect(clock.pending).toBe(etcd.pending)
})

it('whoever only reads never coordinates', async () => {
  const { clock, soon, open, etcd } = etcdWorld()
  const reader = await open('reader')
  await soon(reader.groups())
  await soon(reader.services())
  await clock.play(10_000)
  expect(etcd.store.revision).toBe(1)
  await soon(reader.close())
  expect(etcd.store.leases).toEqual([])
})

it('where nobody coordinates, and this process may not, it says so to whoever waits, and in its log', async () => {
  const { clock, soon, open, etcd } = etcdWorld()
  const logged: string[] = []
  const log = (details: object, message: string) =>
    void logged.push(`${message}: ${String((details as { err?: unknown }).err)}`)
  const a = await open('a', { logger: { debug: log, info: log, warn: log, error: log } })
  const [engine] = etcd.engines
  vi.spyOn(engine as Engine, 'grant').mockRejectedValue(new CaucusError('CAUCUS_FORBIDDEN', 'etcd: only for readers'))
  const told: unknown[] = []
  const reading = (async () => {
    for await (const event of a.events()) told.push(event)
  })()
  const joining = a.group('workers').join({ share: PARTITIONS })
  joining.catch(() => undefined)
  await clock.play(20_000)
  expect(told).toMatchObject([{ type: 'link.refused', error: { code: 'CAUCUS_FORBIDDEN' } }])
  expect(logged[0]).toMatch(/cannot stand for coordinator on etcd: .*only for readers/)
  await soon(a.close())
  await reading
  await expect(joining).rejects.toMatchObject({ code: 'CAUCUS_CLOSED' })
})

it('whoever leaves is followed at once, and leaves nothing behind', async () => {
  const { clock, soon, open, keys, etcd } = etcdWorld()
  const [a, b] = [await open('a'), await open('b')]
  const one = await soon(a.group('workers').join({ id: 'a', share: PARTITIONS }))
  const two = await soon(b.group('workers').join({ id: 'b', share: PARTITIONS }))
  await clock.play(5_000)
  await soon(one.leave())
  await clock.play(1_000)
  expect(two.partitions).toHaveLength(8)
  const seats = keys().filter((key) => /(sessions|shares)\//.test(key))
  expect(seats.map((key) => key.split('/').slice(1, 4).join('/'))).toEqual(['sessions/workers/b', 'shares/workers/b'])
  await soon(Promise.all([a.close(), b.close()]))
  expect(keys().filter((key) => /(sessions|coordinator)/.test(key))).toEqual([])
  expect(etcd.store.leases).toEqual([])
})

it('a process that dies is followed once its lease in etcd and its own have run out', async () => {
  const { clock, soon, open, kill } = etcdWorld()
  const [a, b] = [await open('a'), await open('b')]
  const two = await soon(b.group('workers').join({ id: 'b', share: PARTITIONS }))
  await soon(a.group('workers').join({ id: 'a', share: PARTITIONS }))
  await clock.play(5_000)
  expect(two.partitions).toHaveLength(4)
  kill('a')
  await clock.play(5_000)
  expect(two.partitions).toHaveLength(4)
  await clock.play(15_000)
  expect(two.partitions).toHaveLength(8)
  await soon(b.close())
})

it('nothing moves when the process dies that coordinates', async () => {
  const { clock, soon, open, kill, keys } = etcdWorld()
  const [a, b, c] = [await open('a'), await open('b'), await open('c')]
  await soon(a.group('others').join({ id: 'a' }))
  await clock.play(2_000)
  const one = await soon(b.group('workers').join({ id: 'b', share: PARTITIONS }))
  const two = await soon(c.group('workers').join({ id: 'c', share: PARTITIONS }))
  await clock.play(5_000)
  const before = [one.partitions, two.partitions]
  const epochs = one.partitions.map((partition) => one.epoch(partition))
  kill('a')
  for (let second = 0; second < 30; second++) {
    await clock.play(1_000)
    expect([one.partitions, two.partitions]).toEqual(before)
  }
  expect(one.partitions.map((partition) => one.epoch(partition))).toEqual(epochs)
  expect(keys().some((key) => key.endsWith('coordinator'))).toBe(true)
  await soon(two.leave())
  await clock.play(2_000)
  expect(one.partitions).toHaveLength(8)
  await soon(Promise.all([b.close(), c.close()]))
})

it('while etcd is away nobody believes longer than its lease, and then all is whole again', async () => {
  const { clock, soon, open, etcd } = etcdWorld()
  const [a, b] = [await open('a'), await open('b')]
  const one = await soon(a.group('workers').join({ id: 'a', share: PARTITIONS }))
  const two = await soon(b.group('workers').join({ id: 'b', share: PARTITIONS }))
  await clock.play(5_000)
  const links: string[] = []
  const events = a.events()
  void (async () => {
    for await (const { type } of events) links.push(type)
  })()
  await clock.play(100)
  etcd.stop()
  await clock.play(20_000)
  expect([one.partitions, two.partitions]).toEqual([[], []])
  etcd.start()
  await clock.play(15_000)
  expect(one.partitions.length + two.partitions.length).toBe(8)
  expect(links[0]).toMatch(/link\.(lost|refused)/)
  expect(links.at(-1)).toBe('link.opened')
  await soon(Promise.all([a.close(), b.close()]))
})

it('one leads at a time, and all see who', async () => {
  const { clock, soon, open } = etcdWorld()
  const [a, b, reader] = [await open('a'), await open('b'), await open('reader')]
  const first = a.election('boss').campaign({ id: 'a', metadata: 'A' })
  const led = await soon(first)
  const second = b.election('boss').campaign({ id: 'b' })
  const seen: (string | undefined)[] = []
  const stop = new AbortController()
  const observing = (async () => {
    for await (const leader of reader.election('boss').observe({ signal: stop.signal })) seen.push(leader?.id)
  })().catch(() => undefined)
  await clock.play(2_000)
  await soon(led.resign())
  const next = await soon(second)
  expect(next.token).toBeGreaterThan(led.token)
  await clock.play(2_000)
  stop.abort()
  await soon(observing)
  expect(seen[0]).toBe('a')
  expect(seen.at(-1)).toBe('b')
  await soon(Promise.all([a.close(), b.close(), reader.close()]))
})

it('what runs only once runs in one process', async () => {
  const { clock, soon, open } = etcdWorld()
  const [a, b] = [await open('a'), await open('b')]
  const at = 1_750_000_000_000 + clock.now() + 3_000
  const ran: string[] = []
  const work = (who: string) => async () => {
    ran.push(who)
    return who
  }
  const calls = await soon(Promise.all([a.once('report', at, work('a')), b.once('report', at, work('b'))]))
  expect(ran).toHaveLength(1)
  expect(calls.filter(({ ran: here }) => here)).toEqual([{ ran: true, value: ran[0] }])
  await soon(Promise.all([a.close(), b.close()]))
})

it('services are found by who asks, and followed by who watches', async () => {
  const { clock, soon, open } = etcdWorld()
  const [a, b, reader] = [await open('a'), await open('b'), await open('reader')]
  const one = await soon(a.service('web').register({ id: 'a', host: '10.0.0.1', port: 80 }))
  const seen: string[][] = []
  const stop = new AbortController()
  const watching = (async () => {
    for await (const instances of reader.service('web').watch({ signal: stop.signal })) {
      seen.push(instances.map(({ id }) => id))
    }
  })().catch(() => undefined)
  await clock.play(1_000)
  const two = await soon(b.service('web').register({ id: 'b', host: '10.0.0.2', port: 80 }))
  expect((await soon(reader.service('web').instances())).map(({ id, host }) => `${id} ${host}`)).toEqual([
    'a 10.0.0.1',
    'b 10.0.0.2',
  ])
  expect(await soon(reader.services())).toEqual([{ name: 'web', instances: 2, up: 2 }])
  await soon(two.setStatus('draining'))
  await clock.play(2_000)
  expect(await soon(reader.services())).toEqual([{ name: 'web', instances: 2, up: 1 }])
  await soon(Promise.all([one.leave(), two.leave()]))
  await clock.play(2_000)
  stop.abort()
  await soon(watching)
  expect(seen[0]).toEqual(['a'])
  expect(seen.at(-1)).toEqual([])
  await soon(Promise.all([a.close(), b.close(), reader.close()]))
})

it('everybody hears that a group has settled, also those whose share was written when it had not', async () => {
  const { clock, soon, open } = etcdWorld()
  const states = new Map<string, string>()
  const crews = [await open('a'), await open('b')]
  const member = async (n: number) => {
    const membership = await soon(crews[n % 2]!.group('crowd').join({ id: `m-${n}`, share: { partitions: 512 } }))
    void (async () => {
      for await (const { state } of membership.watch()) states.set(membership.id, state)
    })()
  }
  for (let n = 0; n < 12; n++) {
    await member(n)
    await clock.play(n < 8 ? 10 : 5_000)
    if (n >= 8) expect([...states.values()]).toEqual(Array(n + 1).fill('settled'))
  }
  await soon(Promise.all(crews.map((caucus) => caucus.close())))
})
