import cluster from 'node:cluster'
import { once } from 'node:events'
import { createServer, type RequestListener } from 'node:http'
import type { AddressInfo } from 'node:net'
import { connect, local, owned } from 'caucus'

// A shopping cart is in the memory of one of four workers. Whichever of them a request arrives at, it is answered by the one that has the cart.
//
//   curl -X POST http://127.0.0.1:3000/carts/ada

const WORKERS = Number(process.env.WORKERS ?? 4)
const PORT = Number(process.env.PORT ?? 3000)

const work = async (): Promise<void> => {
  const caucus = await connect(local({ name: 'carts' }))
  const group = caucus.group('carts')
  const carts = new Map<string, number>()

  // A port of each worker's own, where the others pass requests on to. Without `exclusive` all workers would have the same one.
  const inner = createServer().listen({ host: '127.0.0.1', port: 0, exclusive: true })
  await once(inner, 'listening')
  const { port } = inner.address() as AddressInfo
  const metadata = { url: `http://127.0.0.1:${port}` }
  const membership = await group.join({ share: { partitions: 64 }, metadata })

  // What moves is somebody else's: written down first in a program that may not lose it.
  membership.onRevoke((moved) => {
    for (const id of carts.keys()) if (moved.owns(id)) carts.delete(id)
  })

  const where = owned(group, membership, { key: (request) => /^\/carts\/([^/?]+)/.exec(pathOf(request))?.[1] })
  const answer: RequestListener = (request, response) => {
    const id = pathOf(request).slice('/carts/'.length)
    if (request.method === 'POST') carts.set(id, (carts.get(id) ?? 0) + 1)
    const { 'x-caucus-token': token } = request.headers
    response.writeHead(200, { 'content-type': 'application/json' })
    response.end(
      `${JSON.stringify({ cart: id, items: carts.get(id) ?? 0, worker: process.pid, token: Number(token) })}\n`,
    )
  }
  const listener: RequestListener = (request, response) =>
    where(request, response, (error) => {
      if (error === undefined) answer(request, response)
      else response.writeHead(500).end(error.message)
    })
  inner.on('request', listener)
  const outer = createServer(listener).listen(PORT, '127.0.0.1')
  await once(outer, 'listening')
  console.log(`worker ${process.pid} listens on http://127.0.0.1:${PORT}`)

  const leave = async () => {
    // First nobody new comes here, then the carts move, and until then the others pass on to here.
    outer.close()
    await caucus.close()
    inner.close()
    process.exit(0)
  }
  process.once('SIGTERM', leave)
  process.once('SIGINT', leave)
}

/** Node's request, or the one that a framework wraps. */
const pathOf = (
  request: { readonly url?: string | undefined } | { readonly raw: { readonly url?: string | undefined } },
) => ('raw' in request ? request.raw.url : request.url) ?? '/'

if (cluster.isPrimary) for (let worker = 0; worker < WORKERS; worker++) cluster.fork()
else await work()
