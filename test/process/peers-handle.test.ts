import { peer } from 'caucus'
import { expect, test } from 'vitest'
import { freePort, TIMING } from './support/peers.ts'
import { waitFor } from './support/wait.ts'

const own = async () => ({ identifier: 'a', listen_port: await freePort(), timing: TIMING })

test('a peer by itself leads, says so while it changes, and cannot hand over', async () => {
  const cluster = await peer({ ...(await own()), peers: [], metadata: { zone: 'x' } })
  const seen: (string | undefined)[] = []
  const watching = (async () => {
    for await (const leader of cluster.watch()) seen.push(leader?.identifier)
  })()
  await waitFor('it to lead', () => cluster.isLeader)
  const { leader, token, term } = cluster
  expect(leader).toMatchObject({ identifier: 'a', host: '127.0.0.1', metadata: { zone: 'x' }, term, token })
  expect(cluster.view()).toMatchObject({ role: 'leader', quorum: 1, peers: [{ identifier: 'a', self: true }] })
  await expect(cluster.transfer()).rejects.toMatchObject({ code: 'CAUCUS_UNAVAILABLE' })
  await expect(cluster.transfer('b')).rejects.toMatchObject({ code: 'CAUCUS_NOT_FOUND' })
  expect(cluster.isLeader).toBe(true)

  const closing = cluster.close()
  expect([cluster.isLeader, cluster.token, cluster.leader]).toEqual([false, undefined, undefined])
  await Promise.all([closing, cluster.close(), watching])
  expect(seen.at(-1)).toBeUndefined()
  expect(seen).toContain('a')
  await expect(cluster.transfer()).rejects.toMatchObject({ code: 'CAUCUS_CLOSED' })
})

test('one of two that is alone leads nothing, and its events can be read until it is closed', async () => {
  const peers = [{ identifier: 'b', host: '127.0.0.1', port: await freePort() }]
  const cluster = await peer({ ...(await own()), peers })
  const types = new Set<string>()
  const reading = (async () => {
    for await (const { type } of cluster.events()) types.add(type)
  })()
  await waitFor('a word on the other one', () => cluster.view().peers.some(({ problem }) => problem !== undefined))
  await expect(cluster.transfer('b')).rejects.toMatchObject({ code: 'CAUCUS_NOT_LEADER' })
  await cluster.close()
  await reading
  expect(types).toContain('link.refused')
})

test('a port that somebody else has, and one that would be open to everybody, are refused', async () => {
  const first = await peer({ ...(await own()), peers: [] })
  const port = Number(new URL(first.url).port)
  const taken = { identifier: 'a', listen_port: port, peers: [] }
  await expect(peer(taken)).rejects.toMatchObject({ code: 'CAUCUS_CONFLICT' })
  await expect(peer({ ...(await own()), listen_host: '0.0.0.0', peers: [] })).rejects.toMatchObject({
    code: 'CAUCUS_INVALID_CONFIG',
  })
  await first.close()
  await (await peer(taken)).close()
})
