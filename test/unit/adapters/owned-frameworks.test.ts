import { createServer } from 'node:http'
import { connect, embedded, owned } from 'caucus'
import express, { type Request as ExpressRequest } from 'express'
import { type FastifyRequest, fastify } from 'fastify'
import { describe, expect, test } from 'vitest'
import { closing, listening } from './owned-room.ts'

describe('two processes of one group, in', () => {
  /** Two members, each with a web server that `start` makes. */
  const cluster = async (start: (part: Awaited<ReturnType<typeof joined>>) => Promise<string>) => {
    const backend = embedded()
    const parts = await Promise.all(['a', 'b'].map((id) => joined(backend, id)))
    const urls = await Promise.all(parts.map(start))
    for (const [index, { membership }] of parts.entries()) membership.setMetadata({ url: urls[index] })
    await Promise.all(parts.map(({ membership }) => membership.settled()))
    const [one] = parts
    await expect
      .poll(async () => (await one?.group.view())?.members.map(({ metadata }) => metadata))
      .toEqual(urls.map((url) => ({ url })))
    return { urls, parts }
  }
  const joined = async (backend: ReturnType<typeof embedded>, id: string) => {
    const caucus = await connect(backend)
    closing.push(() => caucus.close())
    const group = caucus.group('carts')
    return { id, group, membership: await group.join({ id, share: { partitions: 16 } }) }
  }
  const everyKeyIsAnsweredByItsOwner = async ({ urls, parts }: Awaited<ReturnType<typeof cluster>>) => {
    const answered = new Set<string>()
    for (let key = 0; key < 12; key++) {
      const owner = parts.find(({ membership }) => membership.owns(`cart-${key}`))
      for (const url of urls) {
        const answer = await fetch(`${url}/carts/cart-${key}`, {
          method: 'POST',
          body: JSON.stringify({ key }),
          headers: { 'content-type': 'application/json' },
        })
        const token = owner?.membership.token(`cart-${key}`)
        expect(await answer.json()).toEqual({ by: owner?.id, body: { key }, token: String(token) })
        answered.add(owner?.id ?? '')
      }
    }
    expect([...answered].sort()).toEqual(['a', 'b'])
  }

  test('Express answer each request by the owner of its key', async () => {
    const room = await cluster(({ id, group, membership }) => {
      const app = express()
      app.use(
        '/carts/:id',
        owned<ExpressRequest<{ id: string }>>(group, membership, { key: ({ params }) => params.id }),
      )
      app.use(express.json())
      app.post('/carts/:id', (incoming, response) => {
        response.json({ by: id, body: incoming.body, token: incoming.header('x-caucus-token') })
      })
      return listening(createServer(app))
    })
    await everyKeyIsAnsweredByItsOwner(room)
  })

  test('Fastify answer each request by the owner of its key', async () => {
    const room = await cluster(async ({ id, group, membership }) => {
      const app = fastify()
      closing.push(() => app.close())
      const onRequest = owned<FastifyRequest<{ Params: { id: string } }>>(group, membership, {
        key: ({ params }) => params.id,
      })
      app.post<{ Params: { id: string } }>('/carts/:id', { onRequest }, ({ body, headers }) => {
        return { by: id, body, token: headers['x-caucus-token'] }
      })
      return app.listen({ host: '127.0.0.1', port: 0 })
    })
    await everyKeyIsAnsweredByItsOwner(room)
  })

  test('Express are told when the body was read too early', async () => {
    const { urls } = await cluster(({ group, membership }) => {
      const app = express()
      app.use(express.json())
      app.use(
        '/carts/:id',
        owned<ExpressRequest<{ id: string }>>(group, membership, { key: ({ params }) => params.id }),
      )
      app.use(((error, _incoming, response, _next) => {
        response.status(500).json({ message: error.message })
      }) satisfies express.ErrorRequestHandler)
      app.post('/carts/:id', (_incoming, response) => void response.json({ message: 'here' }))
      return listening(createServer(app))
    })
    const body = JSON.stringify({ some: 'body' })
    const headers = { 'content-type': 'application/json' }
    const said = await Promise.all(
      urls.map(async (url) => (await fetch(`${url}/carts/9`, { method: 'POST', body, headers })).json()),
    )
    const late = expect.stringContaining('put owned() before whatever parses bodies')
    expect(said).toContainEqual({ message: late })
    expect(said).toContainEqual({ message: 'here' })
  })
})
