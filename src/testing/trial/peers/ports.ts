import { once } from 'node:events'
import { createServer, type Server } from 'node:net'

/** Below what systems give to outgoing connections: a port that is free while its owner is being restarted stays free. */
const FIRST = 15_000
const LAST = 32_000

const listen = async (port: number): Promise<Server | undefined> => {
  const server = createServer()
  server.listen(port, '127.0.0.1')
  try {
    await once(server, 'listening')
    return server
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'EADDRINUSE') throw error
    return undefined
  }
}

/** That many ports of loopback that nobody has. */
export const freePorts = async (count: number): Promise<number[]> => {
  const held = new Map<number, Server>()
  try {
    while (held.size < count) {
      const port = FIRST + Math.floor(Math.random() * (LAST - FIRST))
      const server = held.has(port) ? undefined : await listen(port)
      if (server !== undefined) held.set(port, server)
    }
    return [...held.keys()]
  } finally {
    // All at the end, so that none is given twice.
    await Promise.all([...held.values()].map((server) => once(server.close(), 'close')))
  }
}
