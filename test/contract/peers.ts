import { randomUUID } from 'node:crypto'
import { mkdtemp, rm } from 'node:fs/promises'
import { createServer } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { type BackendFactory, peer, remote, timing } from 'caucus'

const token = 'a-token-of-this-test'

/** Members as quick as on one machine; elections that survive a busy one. */
const TIMING = {
  ...timing.local,
  leaseMs: 2_000,
  staticGraceMs: 6_000,
  leaderHeartbeatMs: 50,
  electionMinMs: 350,
  electionMaxMs: 700,
  leaderLeaseMs: 300,
}

/** As many ports as peers, each free a moment ago. */
const freePorts = async (count: number): Promise<number[]> => {
  const servers = Array.from({ length: count }, () => createServer().listen(0, '127.0.0.1'))
  await Promise.all(servers.map((server) => new Promise((resolve) => server.once('listening', resolve))))
  const ports = servers.map((server) => (server.address() as { port: number }).port)
  await Promise.all(servers.map((server) => new Promise((resolve) => server.close(resolve))))
  return ports
}

/** Three peers in this process, with real sockets. Every client names another one of them first. */
export const openPeers = async ({ durable }: { readonly durable: boolean }) => {
  const ports = await freePorts(3)
  const cluster = randomUUID()
  const directory = durable ? await mkdtemp(join(tmpdir(), 'caucus-peers-')) : undefined
  const peers = ports.map((port, index) => ({ identifier: `peer-${index}`, host: '127.0.0.1', port }))
  const running = await Promise.all(
    peers.map(({ identifier, port }) =>
      peer({
        identifier,
        listen_port: port,
        peers,
        cluster,
        token,
        timing: TIMING,
        fresh: true,
        ...(directory !== undefined && { dataDir: join(directory, identifier) }),
      }),
    ),
  )
  let clients = 0
  const backend: BackendFactory = (options) => {
    const first = clients++ % running.length
    const urls = [...running.slice(first), ...running.slice(0, first)].map(({ url }) => url)
    return remote(urls, { token, timing: TIMING })(options)
  }
  return {
    backend,
    guarantees: {
      exclusion: durable ? 'fenced' : 'leased',
      survivesRestart: durable,
      survivesPartition: true,
    } as const,
    running,
    close: async () => {
      await Promise.all(running.map((each) => each.close()))
      if (directory !== undefined) await rm(directory, { recursive: true })
    },
  }
}
