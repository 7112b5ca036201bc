import { connect, createServer, type Socket } from 'node:net'

/** A cable between a client and a server that can be pulled, or left plugged in and dead. */
export const cable = async (port: number) => {
  const pairs = new Set<readonly [Socket, Socket]>()
  const server = createServer((near) => {
    const far = connect(port, '127.0.0.1')
    const pair = [near, far] as const
    pairs.add(pair)
    near.pipe(far)
    far.pipe(near)
    for (const end of pair) {
      end.on('error', () => undefined)
      end.on('close', () => {
        near.destroy()
        far.destroy()
        pairs.delete(pair)
      })
    }
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  const { port: own } = server.address() as { port: number }
  const cut = () => {
    for (const [near] of pairs) near.destroy()
  }
  return {
    url: `http://127.0.0.1:${own}`,
    cut,
    /** Nothing goes through the connections that are there, and nobody is told. */
    freeze() {
      for (const [near, far] of pairs) {
        near.unpipe(far)
        far.unpipe(near)
        near.pause()
        far.pause()
      }
    },
    async close() {
      cut()
      await new Promise((resolve) => server.close(resolve))
    },
  }
}
