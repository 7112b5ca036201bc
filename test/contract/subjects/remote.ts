import { randomUUID } from 'node:crypto'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { remote } from 'caucus'
import type { ContractSubject } from 'caucus/testing'
import { fileStore } from '../../../src/stores/file-store.ts'
import { memoryStore } from '../../../src/stores/memory-store.ts'
import { serve, TIMING } from '../server.ts'
import { lines } from './lines.ts'

const token = 'a-token-of-this-test'
const backendOf = (url: string) => remote([url], { token, timing: TIMING })

/** One server on loopback, and clients of it. */
export const openRemote = async ({ durable }: { readonly durable: boolean }): Promise<ContractSubject> => {
  const directory = durable ? await mkdtemp(join(tmpdir(), 'caucus-')) : undefined
  const clusterId = randomUUID()
  const start = async (port?: number) =>
    serve({
      token,
      fresh: port === undefined,
      // A server without a directory is another one whenever it starts.
      ...(directory === undefined ? { store: memoryStore() } : { store: await fileStore(directory), clusterId }),
      ...(port !== undefined && { port }),
    })
  let server = await start()
  const { url, port } = server
  const ways = lines(backendOf)
  const stopServers = async () => {
    await server.kill()
    return async () => {
      server = await start(port)
    }
  }
  return {
    backend: backendOf(url),
    stopServers,
    crashCoordinator: async () => (await stopServers())(),
    cutOff: () => ways.to(url),
    close: async () => {
      await ways.close()
      await server.close()
      if (directory !== undefined) await rm(directory, { recursive: true })
    },
  }
}
