import { connect, type Instance, remote, timing } from 'caucus'
import { expect, onTestFinished, test } from 'vitest'
import { memoryStore } from '../../src/stores/memory-store.ts'
import { serve } from './server.ts'
import { serviceContract } from './services.ts'

const token = 'a-token-of-this-test'

serviceContract('remote() and a server', async () => {
  const server = await serve({ token })
  return { backend: remote(server.url, { token, timing: timing.local }), close: server.close }
})

test('a registration outlives its server: unconfirmed meanwhile, and then found again, with what it said in between', async () => {
  const store = memoryStore()
  const first = await serve({ store, clusterId: 'cluster-1' })
  const caucus = await connect(remote(first.url, { timing: timing.local }))
  onTestFinished(() => caucus.close())
  const search = caucus.service('search')
  const registration = await search.register({ id: 'a', host: '10.0.0.7', port: 1 })
  const lists: (readonly Instance[])[] = []
  void (async () => {
    for await (const list of search.watch({ status: 'any' })) lists.push(list)
  })()
  await expect.poll(() => lists.length).toBe(1)

  await first.kill()
  await expect.poll(() => registration.state, { timeout: 10_000 }).toBe('unconfirmed')
  const changed = registration.update({ port: 2 })
  const second = await serve({ store, clusterId: 'cluster-1', port: first.port, fresh: false })
  onTestFinished(() => second.close())
  await changed
  expect(registration.state).toBe('registered')
  expect(await search.instances()).toMatchObject([{ id: 'a', port: 2 }])
  await expect.poll(() => lists.at(-1)?.[0]?.port).toBe(2)
  // Nobody has lost sight of it: it was the registry that was gone.
  expect(lists.every((list) => list.length === 1)).toBe(true)
})
