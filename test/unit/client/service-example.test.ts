import { connect, embedded } from 'caucus'
import { expect, test } from 'vitest'
import { Gateway, startBackend } from '../../../examples/service.ts'

test('the gateway finds each backend in turn, keeps users where they are, and forgets who goes down', async () => {
  const caucus = await connect(embedded())
  const gateway = await Gateway.open(caucus)
  expect(await gateway.greet()).toBe('nobody is there')
  const start = (id: string) => startBackend(caucus, id, (_request, response) => void response.end(id))
  const backends = await Promise.all(['ann', 'bob', 'cid'].map(start))
  await expect.poll(async () => new Set(await Promise.all([1, 2, 3].map(() => gateway.greet()))).size).toBe(3)

  const users = Array.from({ length: 12 }, (_, index) => `user-${index}`)
  const before = await Promise.all(users.map((user) => gateway.greet(user)))
  const [ann, bob, cid] = backends
  await bob?.stop()
  const after = await Promise.all(users.map((user) => gateway.greet(user)))
  for (const [index, name] of before.entries()) {
    if (name === 'bob') expect(after[index]).not.toBe('bob')
    else expect(after[index]).toBe(name)
  }
  gateway.close()
  await Promise.all([ann?.stop(), cid?.stop()])
  await caucus.close()
})
