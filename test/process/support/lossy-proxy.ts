import { once } from 'node:events'
import { type AddressInfo, connect, createServer, type Socket } from 'node:net'

/** Stands between one client and a server, and can lose the replies on their way back: the server hears the client, and not the other way round. */
export interface LossyProxy {
  readonly address: string
  losesReplies: boolean
  /** Resolves when the next reply has been passed on. */
  nextReply(): Promise<void>
  close(): void
}

export const startLossyProxy = async (target: string): Promise<LossyProxy> => {
  const [host, port] = target.split(':')
  const sockets = new Set<Socket>()
  let replied: (() => void)[] = []
  const own = (socket: Socket) => {
    sockets.add(socket)
    // Either side may go at any moment; the other one is closed with it, below.
    socket.on('error', () => {})
    socket.once('close', () => sockets.delete(socket))
  }
  const server = createServer((client) => {
    const upstream = connect(Number(port), host)
    own(client)
    own(upstream)
    client.once('close', () => upstream.destroy())
    upstream.once('close', () => client.destroy())
    client.on('data', (data) => upstream.write(data))
    upstream.on('data', (data) => {
      if (proxy.losesReplies) return
      client.write(data)
      for (const resolve of replied.splice(0)) resolve()
    })
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  const proxy: LossyProxy = {
    address: `127.0.0.1:${(server.address() as AddressInfo).port}`,
    losesReplies: false,
    nextReply: () =>
      new Promise((resolve) => {
        replied = [...replied, resolve]
      }),
    close: () => {
      server.close()
      for (const socket of sockets) socket.destroy()
    },
  }
  return proxy
}
